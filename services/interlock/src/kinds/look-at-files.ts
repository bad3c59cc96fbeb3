import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Bus } from '@megabot/bus/port.ts';
import type { ActionOf, FileChange } from '@megabot/contracts/action.ts';
import { workspaceRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { isServiceError, ServiceError } from '@megabot/contracts/errors.ts';
import type { Facts } from './rules.ts';
import { fileDiff, joinDiffs, type DiffSide } from './unified-diff.ts';

export type FileAction = ActionOf<'file_write' | 'file_delete' | 'file_move'>;
type Look = z.infer<(typeof workspaceRead)['reply']>['files'][number];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const impossible = (reason: string): Facts => ({ impossible: reason });

/**
 * What the files hold now, and so what exactly would change: hashes to bind the action to, and a diff for a person.
 * @throws ServiceError `unavailable` while the sandbox, which keeps the files, does not answer
 */
export async function lookAtFiles(bus: Bus, conversation: string, action: FileAction): Promise<Facts> {
  const paths = pathsOf(action);
  if (new Set(paths).size < paths.length) return impossible('A file is named twice.');
  const looks = await read(bus, conversation, paths);
  const blocked = looks.find((look) => look.state === 'unusable');
  if (blocked) return impossible(`${blocked.path} is a folder, a link, or below something that is no folder. Only regular files can be changed like this.`);
  switch (action.kind) {
    case 'file_write':
      return changed(action.files.map(({ path, content }, index) => ({ path, look: looks[index], after: content })));
    case 'file_delete': {
      const missing = looks.find((look) => look.state === 'missing');
      return missing ? impossible(`There is no file ${missing.path}.`) : changed(looks.map((look) => ({ path: look.path, look, after: null })));
    }
    case 'file_move':
      return moved(action, looks[0], looks[1]);
  }
}

function pathsOf(action: FileAction): string[] {
  switch (action.kind) {
    case 'file_write':
      return action.files.map(({ path }) => path);
    case 'file_delete':
      return action.paths;
    case 'file_move':
      return [action.from, action.to];
  }
}

async function read(bus: Bus, conversation: string, paths: string[]): Promise<Look[]> {
  try {
    return (await bus.call(workspaceRead, { conversation, paths })).files;
  } catch (error) {
    if (!isServiceError(error, 'timeout', 'no_responders', 'disconnected', 'unavailable')) throw error;
    throw new ServiceError('unavailable', 'The sandbox does not answer, so nobody could be shown what would change in the files.', { hint: 'Commands and chat go on. Try again in a moment.', cause: error });
  }
}

function changed(files: readonly { path: string; look: Look | undefined; after: string | null }[]): Facts {
  const changes = files.map(({ path, look, after }): FileChange => ({ path, before: look?.hash ?? null, after: after === null ? null : sha256(after) }));
  return { changes, diff: joinDiffs(files.map(({ path, look, after }) => fileDiff(path, sideOf(look), after))) };
}

function moved({ from, to }: ActionOf<'file_move'>, source: Look | undefined, target: Look | undefined): Facts {
  if (source?.state !== 'file') return impossible(`There is no file ${from}.`);
  if (target?.state !== 'missing') return impossible(`There is a file ${to} already.`);
  const changes: FileChange[] = [{ path: from, before: source.hash, after: null }, { path: to, before: null, after: source.hash }];
  return { changes, diff: `rename from ${from}\nrename to ${to}\n` };
}

function sideOf(look: Look | undefined): DiffSide {
  if (look?.state !== 'file') return null;
  return look.text ?? { bytes: look.size };
}
