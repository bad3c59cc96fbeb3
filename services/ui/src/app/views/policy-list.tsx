import { useState, type FormEvent } from 'react';
import { revealed as shown } from '../text/invisible.ts';
import type { ApiProblem, PatternPreview } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';

export type ListName = 'allow' | 'deny';
type Change = (list: ListName, change: (patterns: readonly string[]) => readonly string[]) => Promise<boolean>;

/** One of the two lists. A new pattern shows what it would have covered lately before it is added. */
export function PatternList({ name, patterns, onChange }: { name: ListName; patterns: readonly string[] | null; onChange: Change }) {
  const { controller } = useApp();
  const [pattern, setPattern] = useState('');
  const [sure, setSure] = useState(false);
  const [preview, setPreview] = useState<{ pattern: string; found: PatternPreview } | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const word = name === 'allow' ? 'Allow' : 'Deny';
  const entry = pattern.trim();
  const consequence = entry !== '*' ? null : name === 'allow' ? 'Everything runs without asking, except what is denied.' : 'This is a lockdown: nothing runs until you lift it with the token.';
  const previewed = preview?.pattern === entry ? preview.found : null;

  const look = async (event: FormEvent) => {
    event.preventDefault();
    if (entry === '' || (consequence !== null && !sure)) return;
    if (consequence !== null || previewed !== null) return await add();
    setProblem(await controller.attempt(controller.api.previewPattern(name, entry).then((found) => setPreview({ pattern: entry, found }))));
  };
  const add = async () => {
    if (!(await onChange(name, (present) => (present.includes(entry) ? present : [...present, entry])))) return;
    setPattern('');
    setSure(false);
    setPreview(null);
  };
  return (
    <section className="panel" aria-labelledby={`${name}-title`}>
      <h2 id={`${name}-title`}>
        <Icon name={name === 'allow' ? 'check' : 'cross'} />
        {word}
        <span className="count">{patterns?.length ?? ''}</span>
      </h2>
      {patterns?.length === 0 && <p className="quiet">{name === 'allow' ? 'Nothing runs without your approval.' : 'Nothing is refused outright.'}</p>}
      <ul className="rows">
        {patterns?.map((one) => (
          <li key={one}>
            <code>{shown(one)}</code>
            <button type="button" className="icon-button" aria-label={`Remove ${one} from ${name}`} onClick={() => void onChange(name, (present) => present.filter((other) => other !== one))}>
              <Icon name="close" size={14} />
            </button>
          </li>
        ))}
      </ul>
      <form className="inline-form" onSubmit={(event) => void look(event)}>
        <label className="visually-hidden" htmlFor={`${name}-pattern`}>
          Pattern to {name}
        </label>
        <input id={`${name}-pattern`} className="mono" value={pattern} maxLength={1024} placeholder={name === 'allow' ? 'git status' : 'rm -rf'} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => {
          setPattern(event.target.value);
          setProblem(null);
        }} />
        <button type="submit" aria-disabled={entry === '' || (consequence !== null && !sure)}>
          {previewed === null ? word : `${word} it`}
        </button>
      </form>
      {previewed !== null && <Preview name={name} preview={previewed} onCancel={() => setPreview(null)} />}
      {problem && <ProblemText problem={problem} />}
      {consequence !== null && (
        <label className="check warning">
          <input type="checkbox" checked={sure} onChange={(event) => setSure(event.target.checked)} />
          <span>
            <Icon name="alert" size={14} /> {consequence} I mean it.
          </span>
        </label>
      )}
    </section>
  );
}

const mostShown = 8;

function Preview({ name, preview, onCancel }: { name: ListName; preview: PatternPreview; onCancel: () => void }) {
  const { looked, matches } = preview;
  const lately = looked === 1 ? 'Of the one command asked for lately' : `Of the ${looked} different commands asked for lately`;
  const would = name === 'allow' ? 'would have run without asking' : 'would have been refused';
  return (
    <div className="preview" role="status">
      <p>{matches.length === 0 ? (looked === 0 ? 'No commands were asked for lately, so there is nothing to compare it with.' : `${lately} none ${would}.`) : `${lately} these ${would}:`}</p>
      <ul>
        {matches.slice(0, mostShown).map((match) => (
          <li key={match.command}>
            <code>{shown(match.command.slice(0, 300))}</code>
            {match.times > 1 && <span className="quiet"> {match.times} times</span>}
          </li>
        ))}
      </ul>
      {matches.length > mostShown && <p className="quiet">And {matches.length - mostShown} more.</p>}
      <button type="button" className="plain" onClick={onCancel}>
        Leave it
      </button>
    </div>
  );
}
