import type { Bus } from '@megabot/bus/port.ts';
import type { Action } from '@megabot/contracts/action.ts';
import type { ConfigurationFile } from '../configuration/file.ts';
import { countErasure } from './count-erasure.ts';
import { findRecipient } from './find-recipient.ts';
import { lookAtFiles } from './look-at-files.ts';
import { previewConfigChange } from './preview-config.ts';
import type { Facts } from './rules.ts';

/** Where facts are looked up. */
export interface Lookups {
  readonly bus: Bus;
  readonly file: ConfigurationFile;
}

/** What has to be known before an action can be shown and planned. Looks only. @throws ServiceError `unavailable` */
export async function gatherFacts(lookups: Lookups, action: Action, conversation: string): Promise<Facts> {
  switch (action.kind) {
    case 'file_write':
    case 'file_delete':
    case 'file_move':
      return await lookAtFiles(lookups.bus, conversation, action);
    case 'memory_erase':
      return await countErasure(lookups.bus, action);
    case 'bridge_send':
      return await findRecipient(lookups.bus, action);
    case 'config_change':
      return previewConfigChange(lookups.file, action);
    case 'shell':
    case 'mcp_call':
    case 'web_request':
      return {};
  }
}
