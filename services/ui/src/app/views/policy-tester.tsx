import { useEffect, useState, type FormEvent } from 'react';
import type { Judgement } from '@megabot/contracts/policy.ts';
import type { ApiProblem } from '../wire/api.ts';
import { CommandText } from './command-text.tsx';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { JudgedParts, Warnings } from './judged-parts.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';

const verdicts = { allow: { icon: 'check', text: 'Allowed: runs without asking' }, ask: { icon: 'lock', text: 'Ask: waits for your approval' }, deny: { icon: 'cross', text: 'Denied: never runs' } } as const;

/** What would happen to a command, and why: each part of it, by which rule. Nothing runs. */
export function PolicyTester() {
  const { state, controller } = useApp();
  const [command, setCommand] = useState('');
  const [judged, setJudged] = useState<{ command: string; judgement: Judgement } | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const ask = async (text: string) => setProblem(await controller.attempt(controller.api.testPolicy(text).then((judgement) => setJudged({ command: text, judgement }))));
  const test = (event: FormEvent) => {
    event.preventDefault();
    if (command.trim() !== '') void ask(command);
  };
  // A verdict of an earlier policy would mislead: what was tested is judged again when the policy changes.
  const version = state.policy?.version;
  useEffect(() => {
    if (judged !== null) void ask(judged.command);
  }, [version]);
  return (
    <section className="panel" aria-labelledby="tester-title">
      <h2 id="tester-title">
        <Icon name="terminal" />
        Test a command
      </h2>
      <form className="inline-form" onSubmit={test}>
        <label className="visually-hidden" htmlFor="tester-command">
          Command to test
        </label>
        <input id="tester-command" className="mono" value={command} placeholder="ls -la && rm -r build" autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setCommand(event.target.value)} />
        <button type="submit">Test</button>
      </form>
      {problem && <ProblemText problem={problem} />}
      {judged && <Judged command={judged.command} judgement={judged.judgement} />}
    </section>
  );
}

function Judged({ command, judgement }: { command: string; judgement: Judgement }) {
  const { icon, text } = verdicts[judgement.decision];
  return (
    <div className="judged">
      <p className="judgement" role="status">
        <Icon name={icon} />
        <strong>{text}</strong>
        {judgement.rule !== null && (
          <span>
            by rule <code>{judgement.rule}</code>
          </span>
        )}
      </p>
      <CommandText key={command} text={command} />
      <Warnings warnings={judgement.warnings ?? []} />
      <ul className="reason-list">
        {judgement.reasons.map((reason, index) => (
          <li key={index}><ReasonText text={reason} /></li>
        ))}
      </ul>
      {judgement.parts ? (
        <JudgedParts parts={judgement.parts} title={judgement.parts.length === 1 ? 'The command in it' : `The ${judgement.parts.length} commands in it`} />
      ) : (
        judgement.commands.length > 1 && (
          <p className="quiet">
            Found {judgement.commands.length} commands:{' '}
            {judgement.commands.map((words, index) => (
              <code key={index} className="found">
                {words.join(' ')}
              </code>
            ))}
          </p>
        )
      )}
    </div>
  );
}
