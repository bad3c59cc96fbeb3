import { useCallback, useEffect, useState, type FormEvent } from 'react';
import type { Judgement } from '@megabot/contracts/policy.ts';
import type { ApiProblem, Policy } from '../wire/api.ts';
import { CommandText } from './command-text.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';

type ListName = 'allow' | 'deny';

/** What is allowed and denied, how to change it, and how a command would be judged. */
export function PolicyPage() {
  const { state, controller } = useApp();
  const [policy, setPolicy] = useState<Policy | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    const result = await controller.attempt(controller.api.policy().then(setPolicy));
    if (result) setProblem(result);
  }, [controller]);
  // Read again whenever the policy in force became another one: by a command in chat, another device, a lifted lockdown.
  useEffect(() => void read(), [read, state.policy?.version, state.policy?.lockdown]);

  /** True once it is saved; what the person typed stays where it is otherwise. */
  const save = async (list: ListName, change: (patterns: readonly string[]) => readonly string[]): Promise<boolean> => {
    if (!policy) return false;
    const { allow, deny, matching } = policy.view;
    const next = { allow, deny, matching, [list]: change(policy.view[list]) };
    const result = await controller.attempt(controller.api.putPolicy(next, policy.etag).then(setPolicy));
    setProblem(result);
    // Somebody else was faster: their version is shown, and the edit can be repeated on it.
    if (result?.status === 412 || result?.status === 409) await read();
    controller.refresh();
    return result === null;
  };

  return (
    <>
      <p className="lead">
        A command runs by itself only if a pattern allows all of it. Deny is looked at first, then allow; everything else waits for you.
      </p>
      <Tester />
      {problem && <ProblemText problem={problem} />}
      <div className="two">
        <PatternList name="deny" patterns={policy?.view.deny ?? null} onChange={save} />
        <PatternList name="allow" patterns={policy?.view.allow ?? null} onChange={save} />
      </div>
    </>
  );
}

function PatternList({ name, patterns, onChange }: { name: ListName; patterns: readonly string[] | null; onChange: (list: ListName, change: (patterns: readonly string[]) => readonly string[]) => Promise<boolean> }) {
  const [pattern, setPattern] = useState('');
  const [sure, setSure] = useState(false);
  const word = name === 'allow' ? 'Allow' : 'Deny';
  const entry = pattern.trim();
  const consequence = entry !== '*' ? null : name === 'allow' ? 'Everything runs without asking, except what is denied.' : 'This is a lockdown: nothing runs until you lift it with the token.';
  const add = async (event: FormEvent) => {
    event.preventDefault();
    if (entry === '' || (consequence !== null && !sure)) return;
    if (await onChange(name, (present) => (present.includes(entry) ? present : [...present, entry]))) {
      setPattern('');
      setSure(false);
    }
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
            <code>{one}</code>
            <button type="button" className="icon-button" aria-label={`Remove ${one} from ${name}`} onClick={() => void onChange(name, (present) => present.filter((other) => other !== one))}>
              <Icon name="close" size={14} />
            </button>
          </li>
        ))}
      </ul>
      <form className="inline-form" onSubmit={(event) => void add(event)}>
        <label className="visually-hidden" htmlFor={`${name}-pattern`}>
          Pattern to {name}
        </label>
        <input id={`${name}-pattern`} className="mono" value={pattern} maxLength={1024} placeholder={name === 'allow' ? 'git status' : 'rm -rf'} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setPattern(event.target.value)} />
        <button type="submit" aria-disabled={entry === '' || (consequence !== null && !sure)}>
          {word}
        </button>
      </form>
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

const verdicts = { allow: { icon: 'check', text: 'Allowed: runs without asking' }, ask: { icon: 'lock', text: 'Ask: waits for your approval' }, deny: { icon: 'cross', text: 'Denied: never runs' } } as const;

function Tester() {
  const { controller } = useApp();
  const [command, setCommand] = useState('');
  const [judged, setJudged] = useState<{ command: string; judgement: Judgement } | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const test = async (event: FormEvent) => {
    event.preventDefault();
    if (command.trim() === '') return;
    setProblem(await controller.attempt(controller.api.testPolicy(command).then((judgement) => setJudged({ command, judgement }))));
  };
  return (
    <section className="panel" aria-labelledby="tester-title">
      <h2 id="tester-title">
        <Icon name="terminal" />
        Test a command
      </h2>
      <form className="inline-form" onSubmit={(event) => void test(event)}>
        <label className="visually-hidden" htmlFor="tester-command">
          Command to test
        </label>
        <input id="tester-command" className="mono" value={command} placeholder="ls -la && rm -r build" autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setCommand(event.target.value)} />
        <button type="submit">Test</button>
      </form>
      {problem && <ProblemText problem={problem} />}
      {judged && (
        <div className="judged" role="status">
          <p className="judgement">
            <Icon name={verdicts[judged.judgement.decision].icon} />
            <strong>{verdicts[judged.judgement.decision].text}</strong>
            {judged.judgement.rule !== null && (
              <span>
                by rule <code>{judged.judgement.rule}</code>
              </span>
            )}
          </p>
          <CommandText key={judged.command} text={judged.command} />
          <ul className="reason-list">
            {judged.judgement.reasons.map((reason, index) => (
              <li key={index}><ReasonText text={reason} /></li>
            ))}
          </ul>
          {judged.judgement.commands.length > 1 && (
            <p className="quiet">
              Found {judged.judgement.commands.length} commands:{' '}
              {judged.judgement.commands.map((words, index) => (
                <code key={index} className="found">
                  {words.join(' ')}
                </code>
              ))}
            </p>
          )}
        </div>
      )}
    </section>
  );
}
