import type { z } from 'zod';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { workspaceRead } from '@megabot/contracts/endpoints/sandbox.ts';
import { WorkspaceRefusedError } from './workspace/archive-entry.ts';
import { lookAtFiles } from './workspace/look.ts';
import type { WorkspaceStore } from './workspace/store.ts';

type Request = z.infer<(typeof workspaceRead)['request']>;
type Reply = z.infer<(typeof workspaceRead)['reply']>;

/** A larger file is shown by its hash alone. */
const maxTextBytes = 262_144;
/** Of all texts in one answer as JSON: a message of the bus holds 8 MiB. */
const maxAnswerBytes = 3 * 1024 * 1024;

/** Answers what single files of a workspace hold. @throws ServiceError `bad_request` for a name that is none, `unavailable` */
export async function readWorkspace(workspaces: WorkspaceStore, { conversation, paths }: Request): Promise<Reply> {
  try {
    const workspace = await workspaces.get(conversation);
    const looks = await lookAtFiles(workspace, paths, maxTextBytes);
    let room = maxAnswerBytes;
    const files = looks.map(({ state, hash, size, bytes }, index) => {
      const text = bytes === null ? null : textOf(bytes);
      room -= text === null ? 0 : Buffer.byteLength(JSON.stringify(text));
      return { path: paths[index] ?? '', state, hash, size, text: room < 0 ? null : text };
    });
    return { revision: workspace.revision, files };
  } catch (error) {
    if (!(error instanceof WorkspaceRefusedError)) throw error;
    if (error.code === 'unsafe_name') throw new ServiceError('bad_request', `The workspace has no such name: ${error.message}.`, { cause: error });
    throw new ServiceError('unavailable', 'The stored workspace cannot be read.', { cause: error });
  }
}

/** The bytes as text that stands for exactly them; null for what is no text. */
function textOf(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}
