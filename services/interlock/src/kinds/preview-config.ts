import type { ActionOf } from '@megabot/contracts/action.ts';
import { fileName, type ConfigurationFile } from '../configuration/file.ts';
import { parseConfiguration } from '../configuration/parse.ts';
import { setKeys } from '../configuration/set-keys.ts';
import type { Facts } from './rules.ts';
import { fileDiff, joinDiffs } from './unified-diff.ts';

/** What a change of settings would make of the file, as it is now: a diff, or why it cannot be made. */
export function previewConfigChange(file: ConfigurationFile, { changes }: ActionOf<'config_change'>): Facts {
  const reading = file.read();
  if (!reading.found || !parseConfiguration(reading.text).ok) return { impossible: `${fileName} cannot be used at the moment, so its settings cannot be changed.` };
  const text = setKeys(reading.text, changes);
  const after = parseConfiguration(text);
  if (!after.ok) return { impossible: `With this change ${fileName} could not be used. ${after.problems.join(' ')}` };
  if (after.ignored.length > 0) return { impossible: after.ignored.join(' ') };
  return { diff: joinDiffs([fileDiff(fileName, reading.text, text)]) };
}
