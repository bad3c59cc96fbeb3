import { useCallback, useEffect, useState } from 'react';
import type { PolicyVersion } from '@megabot/contracts/endpoints/interlock.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem } from '../wire/api.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { ReasonText } from './reason-text.tsx';

/** Earlier versions of the policy, the newest first, each of which can be put back. `version` is the one in force. */
export function PolicyHistory({ version, onChange }: { version: string | null; onChange: (work: () => Promise<unknown>) => Promise<boolean> }) {
  const { controller } = useApp();
  const [versions, setVersions] = useState<readonly PolicyVersion[] | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [said, setSaid] = useState<{ readonly text: string; readonly newest: number | undefined } | null>(null);
  const read = useCallback(async (): Promise<number | undefined> => {
    let newest: number | undefined;
    const result = await controller.attempt(controller.api.policyHistory().then((found) => {
      newest = found[0]?.id;
      setVersions(found);
    }));
    setProblem(result);
    return newest;
  }, [controller]);
  useEffect(() => void read(), [read, version]);
  const undo = async (to?: number) => {
    let restored = 0;
    const done = await onChange(async () => {
      restored = (await controller.api.undoPolicy(to)).restored.id;
    });
    const newest = await read();
    setSaid(done ? { text: `Version ${restored} is in force again. Undo takes this back too.`, newest } : null);
  };
  // A version that was put back stands in the list twice; the newest is the one in force.
  const inForce = Math.max(0, versions?.findIndex((one) => one.version === version) ?? 0);
  return (
    <section className="panel" aria-labelledby="history-title">
      <h2 id="history-title">
        <Icon name="activity" />
        Changes
        <span className="spring" />
        {versions !== null && versions.length > 1 && (
          <button type="button" onClick={() => void undo()}>
            Undo the last change
          </button>
        )}
      </h2>
      {said !== null && said.newest === versions?.[0]?.id && (
        <p className="note" role="status">
          <Icon name="check" />
          {said.text}
        </p>
      )}
      {problem && <ProblemText problem={problem} />}
      {versions !== null && versions.length < 2 && <p className="quiet">Nothing was changed yet that could be taken back.</p>}
      <ol className="rows versions">
        {versions?.map((one, index) => (
          <li key={one.id}>
            <span className="id tabular">{one.id}</span>
            <span className="version-words">
              <ReasonText text={one.summary} />
              <span className="quiet">
                {' '}
                {clock(one.at, Date.now())}, {one.by === 'by hand' ? one.by : `by ${one.by}`}
              </span>
            </span>
            {index === inForce ? (
              <span className="quiet">in force</span>
            ) : (
              <button type="button" aria-label={`Put back version ${one.id}`} onClick={() => void undo(one.id)}>
                Put back
              </button>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
