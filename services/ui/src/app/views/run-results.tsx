import type { ChangedFiles, Run } from '@megabot/contracts/run.ts';
import { routeHash } from '../route.ts';
import { revealed } from '../text/invisible.ts';
import { size } from '../text/size.ts';

/** What a run leaves beside the text it printed: output that is not all here, or is no text, and files that it changed. */
export function RunResults({ run }: { run: Run }) {
  const output = `/api/v1/runs/${run.id}/output`;
  return (
    <>
      {run.binary === true && (
        <p className="cut">
          Its standard output is no text; what stands above is only a likeness. <a href={output} download="output.bin">Download it byte for byte</a>
        </p>
      )}
      {run.truncated && (
        <p className="cut">
          The output was longer than is kept, and the rest of it is gone. Have the command write to a file to keep all of it. {run.binary !== true && <a href={output} download="output.txt">Download what is kept</a>}
        </p>
      )}
      {run.changedFiles && run.changedFiles.total > 0 && <Changed changed={run.changedFiles} conversation={run.conversation} />}
    </>
  );
}

const words = { added: 'added', changed: 'changed', removed: 'removed' } as const;

function Changed({ changed: { total, files }, conversation }: { changed: ChangedFiles; conversation: string }) {
  return (
    <details className="ran changed">
      <summary>
        {total === 1 ? 'One file changed' : `${total.toLocaleString('en')} files changed`}
      </summary>
      <ul aria-label="Changed files">
        {files.map((file) => (
          <li key={file.path}>
            <span className="change">{words[file.change]}</span>
            <code>{revealed(file.path)}</code>
            <span className="quiet tabular">{size(file.size)}</span>
          </li>
        ))}
      </ul>
      <p className="cut">
        {total > files.length && `And ${(total - files.length).toLocaleString('en')} more. `}
        <a href={routeHash({ page: 'files', conversation })}>All files of this conversation</a>
      </p>
    </details>
  );
}
