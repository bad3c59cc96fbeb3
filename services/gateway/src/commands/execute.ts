import type { Bus } from '@megabot/bus/port.ts';
import { Mode } from '@megabot/contracts/conversation.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { errorTable } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';
import { createApprovalCommands } from './approvals.ts';
import { createPolicyCommands } from './policy.ts';
import { helpText, type CommandName } from './table.ts';

export type ControlCommand = Exclude<CommandName, 'run'>;

export interface CommandExecutor {
  /**
   * Carries a command out and gives the answer. Doing it twice is the same as doing it once.
   * @throws ServiceError only where repeating may succeed.
   */
  execute(command: { name: ControlCommand; argument: string; conversation: string; actor: Actor }): Promise<string>;
}

const modes: Record<Mode, string> = {
  plan: 'nothing that changes anything is even proposed',
  ask: 'what the policy does not allow is asked for, one by one',
  build: 'like ask, with edits of workspace files gathered into one approval',
};

export function createCommandExecutor(bus: Bus, events: GatewayEvents): CommandExecutor {
  const approvals = createApprovalCommands(bus, events);
  const policy = createPolicyCommands(bus, approvals);

  const mode = async (conversation: string, word: string): Promise<string> => {
    // Reading first makes the conversation `default` on its first use.
    const current = await bus.call(memory.conversationsGet, { id: conversation });
    const wanted = Mode.safeParse(word.toLowerCase());
    if (word === '') return `This conversation is in mode \`${current.mode}\`: ${modes[current.mode]}.`;
    if (!wanted.success) return `There is no such mode. Modes: ${Mode.options.map((name) => `\`${name}\` (${modes[name]})`).join(', ')}. It stays \`${current.mode}\`.`;
    const updated = await bus.call(memory.conversationsUpdate, { id: conversation, mode: wanted.data });
    return `This conversation is now in mode \`${updated.mode}\`: ${modes[updated.mode]}. No mode weakens the policy.`;
  };

  return {
    async execute({ name, argument, conversation, actor }) {
      switch (name) {
        case 'approve':
        case 'reject':
          return await approvals.decide(name, argument, actor);
        case 'allow':
        case 'deny':
          return await policy.add(name, argument, actor);
        case 'policies':
          return await policy.show();
        case 'mode':
          return await mode(conversation, argument);
        case 'unlock':
          return `A lockdown is not lifted from chat. ${errorTable.lockdown.hint}`;
        case 'help':
          return helpText();
      }
    },
  };
}
