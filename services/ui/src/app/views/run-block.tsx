import { endedRun } from '../state/merge.ts';
import type { ShownRun } from '../state/state.ts';
import { neutralText } from '@megabot/contracts/neutral-text.ts';
import { tailOf } from '../text/output.ts';
import { runWords } from '../text/run-words.ts';
import { duration } from '../text/time.ts';
import { CommandText } from './command-text.tsx';
import { Icon } from './icons.tsx';
import { RunResults } from './run-results.tsx';

const shownCharacters = 100_000;

/** A run as it happens: what it is, what it prints, how it ended. `approved`: its command stands in the card above. */
export function RunBlock({ run: shown, approved }: { run: ShownRun; approved: boolean }) {
  const { run } = shown;
  const status = shown.status ?? run?.status ?? 'running';
  const words = runWords(status, run?.exitCode ?? null, run?.signal ?? null);
  const { segments, dropped } = tailOf(shown.segments, shownCharacters);
  const took = run && run.startedAt !== null && run.endedAt !== null ? duration(run.endedAt - run.startedAt) : null;
  return (
    <figure className="run" aria-label={`Run ${shown.id.slice(0, 6)}`}>
      <figcaption>
        <span className={`run-state${endedRun(status) ? '' : ' busy'}`}>
          <Icon name={words.icon} size={14} />
          {words.text}
        </span>
        {took !== null && <span>{took}</span>}
        {run?.driver && <span>{run.driver}</span>}
        <span className="spring" />
        <code className="id">{shown.id.slice(0, 6)}</code>
      </figcaption>
      {run && run.command !== '' && (
        <details className="ran" open={!approved}>
          <summary>Command</summary>
          <CommandText text={run.command} />
        </details>
      )}
      {dropped > 0 && (
        <p className="cut">
          {dropped.toLocaleString('en')} earlier characters are not shown here. <a href={`/api/v1/runs/${shown.id}/output`} target="_blank" rel="noopener">All output</a>
        </p>
      )}
      {segments.length > 0 ? (
        <pre className="output" dir="ltr" tabIndex={0} aria-label="Output">
          {segments.map((segment, index) => (
            <span key={index} className={segment.stream} title={segment.stream === 'both' ? undefined : segment.stream}>
              {neutralText(segment.text)}
            </span>
          ))}
        </pre>
      ) : (
        endedRun(status) && run && <p className="cut">No output.</p>
      )}
      {run && endedRun(status) && <RunResults run={run} />}
      {run?.detail && <p className="cut">{run.detail}</p>}
    </figure>
  );
}
