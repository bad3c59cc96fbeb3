import { useCallback, useEffect, useState } from 'react';
import type { WorkspaceEntry } from '@megabot/contracts/endpoints/sandbox.ts';
import { routeHash } from '../route.ts';
import { revealed } from '../text/invisible.ts';
import { size } from '../text/size.ts';
import { clock } from '../text/time.ts';
import type { ApiProblem, FilePage } from '../wire/api.ts';
import { saveAs } from '../wire/save.ts';
import { useApp } from './context.ts';
import { Icon } from './icons.tsx';
import { ProblemText } from './problem-text.tsx';
import { titleOf } from '../text/title.ts';

/** What a conversation's workspace holds, to look at and to download. It is changed by actions alone. */
export function FilesPage({ conversation }: { conversation: string }) {
  const { state, controller } = useApp();
  const [listed, setListed] = useState<FilePage | null>(null);
  const [loading, setLoading] = useState<string | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const read = useCallback(async () => {
    setProblem(await controller.attempt(controller.api.files(conversation).then(setListed)));
  }, [controller, conversation]);
  useEffect(() => void read(), [read]);

  const more = async ({ nextCursor, revision, files }: FilePage) => {
    if (nextCursor === null) return;
    let changed = false;
    const result = await controller.attempt(controller.api.files(conversation, nextCursor).then((page) => {
      changed = page.revision !== revision;
      if (!changed) setListed({ ...page, files: [...files, ...page.files] });
    }));
    setSaid(changed ? 'The files changed meanwhile, so the list begins again.' : '');
    setProblem(result);
    if (changed) await read();
  };
  const download = async (path: string) => {
    if (loading !== null) return;
    setLoading(path);
    const name = path.split('/').at(-1) ?? 'file';
    const result = await controller.attempt(controller.api.file(conversation, path).then((bytes) => saveAs(bytes, name)));
    setLoading(null);
    setSaid(result ? '' : `${revealed(name)} was handed to the browser to save.`);
    setProblem(result);
  };
  const known = state.conversations.find((one) => one.id === conversation) ?? { id: conversation, title: '' };
  return (
    <>
      <div className="row">
        <p className="lead">
          What commands left in the workspace of <a href={routeHash({ page: 'chat', conversation })}>{titleOf(known)}</a>. To change a file, ask for it there: each change is judged like
          a command.
        </p>
        <span className="spring" />
        <button type="button" className="plain" onClick={() => void read()}>
          Refresh
        </button>
      </div>
      {problem && <ProblemText problem={problem} />}
      {problem && listed && <p className="quiet">The list below is what was read before.</p>}
      {listed && (
        <section className="panel" aria-labelledby="files-title">
          <h2 id="files-title">
            <Icon name="folder" />
            Workspace
            <span className="count">
              {listed.usage.entries.toLocaleString('en')} {listed.usage.entries === 1 ? 'entry' : 'entries'}, {size(listed.usage.bytes)}
            </span>
          </h2>
          {listed.files.length === 0 && <p className="quiet">Nothing yet. What a command of this conversation writes stands here after it has ended.</p>}
          <ul className="rows files">
            {listed.files.map((entry) => (
              <FileRow key={entry.path} entry={entry} now={controller.api.serverNow()} loading={loading === entry.path} onDownload={() => void download(entry.path)} />
            ))}
          </ul>
          {listed.nextCursor !== null && (
            <button type="button" className="plain" onClick={() => void more(listed)}>
              Show more
            </button>
          )}
          <p className="quiet" role="status">
            {said}
          </p>
        </section>
      )}
    </>
  );
}

function FileRow({ entry, now, loading, onDownload }: { entry: WorkspaceEntry; now: number; loading: boolean; onDownload: () => void }) {
  const path = revealed(entry.path);
  return (
    <li>
      <Icon name={entry.type === 'directory' ? 'folder' : 'file'} size={14} />
      <code>
        {path}
        {entry.type === 'directory' ? '/' : ''}
        {entry.type === 'symlink' ? ` → ${revealed(entry.target ?? '?')}` : ''}
      </code>
      <span className="quiet tabular">
        {entry.type === 'file' ? `${size(entry.size)}, ` : entry.type === 'symlink' ? 'link, ' : ''}
        <time dateTime={new Date(entry.modifiedAt).toISOString()}>{clock(entry.modifiedAt, now)}</time>
      </span>
      {entry.type === 'file' && (
        <button type="button" className="plain" aria-label={`Download ${path}`} aria-disabled={loading} onClick={onDownload}>
          <Icon name="download" size={14} />
          <span className="files-word">{loading ? 'Reading…' : 'Download'}</span>
        </button>
      )}
    </li>
  );
}
