import type { Action } from '@megabot/contracts/action.ts';
import { jsonBytes } from './reply-size.ts';
import { judge, judgeFiles, type CompiledPolicy, type ShellJudgement } from './policy/decide.ts';

/** What is shown to a person has to fit into a message to every client, encrypted and encoded, with the rest of the approval. */
const maxFilesBytes = 512 * 1024;

const denied = (reason: string): ShellJudgement => ({ decision: 'deny', rule: null, reasons: [reason], commands: [], warnings: [] });

/** Judges an action of any kind. A new kind does not compile without an answer. */
export function judgeAction(action: Action, policy: CompiledPolicy): ShellJudgement {
  switch (action.kind) {
    case 'shell':
      return judge(action.command, policy);
    case 'file_write': {
      // PostgreSQL can hold neither; a file with such a character could not be shown to the person exactly as it is.
      const unfit = action.files.find((file) => !file.path.isWellFormed() || !file.content.isWellFormed() || file.content.includes('\0'));
      if (unfit) return denied('A file holds a character that is not text.');
      if (jsonBytes(action) > maxFilesBytes) return denied('The files together are larger than 512 KiB, more than a person can look at at once. Propose fewer of them.');
      return judgeFiles(action.files.map((file) => file.path), policy);
    }
  }
}
