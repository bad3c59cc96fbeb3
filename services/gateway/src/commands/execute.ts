import type { Bus } from '@megabot/bus/port.ts';
import { Mode } from '@megabot/contracts/conversation.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { isServiceError } from '@megabot/contracts/errors.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import { errorTable } from '../error-table.ts';
import type { GatewayEvents } from '../events.ts';
import type { Health } from '../health.ts';
import { createApprovalCommands } from './approvals.ts';
import { createJudgementCommands } from './judgements.ts';
import { createPolicyListCommands } from './policy-list.ts';
import { createPolicyCommands } from './policy.ts';
import { createRefusals, refusalOf } from './refusals.ts';
import { describeStatus } from './status.ts';
import { commandTable, helpText, personOf, type CommandName } from './table.ts';

export type ControlCommand = Exclude<CommandName, 'run'>;

export interface CommandExecutor {
  /**
   * Carries a command out and gives the answer; an empty one means that nothing is said. Doing it twice, with the same `id`, is
   * the same as doing it once.
   * @throws ServiceError only where repeating may succeed.
   */
  execute(command: { id: string; name: ControlCommand; argument: string; conversation: string; actor: Actor }): Promise<string>;
}

const modes: Record<Mode, string> = {
  plan: 'nothing that changes anything is even proposed',
  ask: 'what the policy does not allow is asked for, one by one',
  build: 'like ask, with edits of workspace files gathered into one approval',
};

export function createCommandExecutor({ bus, events, health }: { bus: Bus; events: GatewayEvents; health: Health }): CommandExecutor {
  const approvals = createApprovalCommands(bus, events);
  const policy = createPolicyCommands(bus, approvals);
  const policyList = createPolicyListCommands(bus);
  const judgements = createJudgementCommands(bus);
  const refusals = createRefusals();

  const mode = async (conversation: string, word: string): Promise<string> => {
    // Reading first makes the conversation `default` on its first use.
    const current = await bus.call(memory.conversationsGet, { id: conversation });
    const wanted = Mode.safeParse(word.toLowerCase());
    if (word === '') return `This conversation is in mode \`${current.mode}\`: ${modes[current.mode]}.`;
    if (!wanted.success) return `There is no such mode. Modes: ${Mode.options.map((name) => `\`${name}\` (${modes[name]})`).join(', ')}. It stays \`${current.mode}\`.`;
    const updated = await bus.call(memory.conversationsUpdate, { id: conversation, mode: wanted.data });
    return `This conversation is now in mode \`${updated.mode}\`: ${modes[updated.mode]}. No mode weakens the policy.`;
  };

  const carryOut = async (id: string, name: ControlCommand, argument: string, conversation: string, actor: Actor): Promise<string> => {
    switch (name) {
      case 'approve':
      case 'reject':
        return await approvals.decide(name, argument, actor);
      case 'pending':
        return await approvals.pending(actor);
      case 'why':
        return await judgements.why(argument);
      case 'allow':
      case 'deny':
        return await policy.add(name, argument, actor);
      case 'policies':
        return await policyList.carryOut(argument, actor);
      case 'undo':
        return await policy.undo(argument, actor, id);
      case 'test':
        return await judgements.test(argument);
      case 'lockdown':
        return await policy.lockdown(actor);
      case 'unlock':
        // Nobody lifts one from here; who may not even ask hears it from the interlock, which records that they tried.
        if (personOf(actor) !== 'owner') await bus.call(interlock.unlock, { actor });
        return `A lockdown is not lifted from chat, whoever writes there. ${errorTable.lockdown.hint}`;
      case 'mode':
        return await mode(conversation, argument);
      case 'status':
        return await describeStatus(bus, health);
      case 'help':
        return helpText(personOf(actor) ?? 'bridge');
    }
  };

  return {
    async execute({ id, name, argument, conversation, actor: given }) {
      // Where it was written bounds what somebody behind a messenger may decide.
      const actor: Actor = given.channel === 'bridge' ? { ...given, conversation } : given;
      const person = personOf(actor);
      const entry = commandTable.find((row) => row.name === name);
      if (!entry?.judged && (person === null || !entry?.may.includes(person))) return refusals.tell(actor, { message: `You may not use \`!${name}\` from here.` });
      try {
        return await carryOut(id, name, argument, conversation, actor);
      } catch (error) {
        if (isServiceError(error, 'not_entitled')) return refusals.tell(actor, refusalOf(error));
        throw error;
      }
    },
  };
}
