import type { ServerResponse } from 'node:http';
import type { WorkspaceEntry } from '@megabot/contracts/endpoints/sandbox.ts';
import { sendJson, sendProblem } from './fake-answers.ts';

const pageLength = 4;

/** The workspace of every conversation of the fake gateway: empty until a test fills it. */
export function createFakeFiles() {
  let revision = 1;
  let texts = new Map<string, string>();
  let links: readonly WorkspaceEntry[] = [];
  const entries = (): readonly WorkspaceEntry[] =>
    [...[...texts].map(([path, text]): WorkspaceEntry => ({ path, type: 'file', size: Buffer.byteLength(text), modifiedAt: Date.now() - 60_000 })), ...links].toSorted((a, b) => (a.path < b.path ? -1 : 1));

  return {
    put(next: Readonly<Record<string, string>>, more: readonly WorkspaceEntry[] = []): void {
      texts = new Map(Object.entries(next));
      links = more;
      revision += 1;
    },
    /** Whether it was one of these routes. `broken.bin` ends before its end. */
    handle(url: URL, response: ServerResponse): boolean {
      const [, path] = /^\/api\/v1\/conversations\/[\w-]+\/files(?:\/(.+))?$/.exec(url.pathname) ?? [];
      if (!/^\/api\/v1\/conversations\/[\w-]+\/files(\/|$)/.test(url.pathname)) return false;
      if (path === undefined) {
        const all = entries();
        const after = url.searchParams.get('cursor') ?? '';
        const rest = all.filter((entry) => entry.path > after);
        const page = rest.slice(0, pageLength);
        sendJson(response, { revision: String(revision), usage: { bytes: all.reduce((sum, entry) => sum + entry.size, 0), entries: all.length }, files: page, nextCursor: rest.length > pageLength ? page.at(-1)?.path : null });
        return true;
      }
      const text = texts.get(decodeURIComponent(path));
      if (text === undefined) sendProblem(response, 404, 'not_found', 'There is no such file in the workspace.', 'Look at the list again.');
      else {
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment', 'content-length': String(Buffer.byteLength(text)) });
        if (path !== 'broken.bin') response.end(text);
        else response.write(text.slice(0, 1), () => response.destroy());
      }
      return true;
    },
  };
}
