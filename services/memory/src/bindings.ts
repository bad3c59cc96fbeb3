import { handle, type Binding } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { available } from './available.ts';
import { createBridgeBindings } from './bridges/bindings.ts';
import { appendMessage } from './append.ts';
import { claimTurn, heartbeatTurn, saveCheckpoint } from './claims.ts';
import { createConversation, getConversation, listConversations, listMessages, updateConversation } from './conversations.ts';
import { cancelTurn, finishTurn, getTurn } from './endings.ts';
import { meantBy } from './erasing.ts';
import type { MemoryEvents } from './events.ts';
import { exportItems, forgetItems, rememberItems } from './items.ts';
import type { Transact } from './outbox.ts';
import { recallItems } from './recall.ts';

export interface BindingDeps {
  readonly db: Database;
  readonly transact: Transact;
  readonly now: () => Date;
  readonly events: MemoryEvents;
  readonly leaseMs: number;
}

/** Every endpoint of the service with its handler. */
export function createBindings({ db, transact, now, events, leaseMs }: BindingDeps): Binding[] {
  return [
    handle(endpoints.append, async (request) => {
      const reply = await available(appendMessage(transact, now(), request));
      events.messageStored({ conversation: request.conversation, turnId: reply.turnId, duplicate: reply.duplicate });
      return reply;
    }),

    handle(endpoints.conversationsList, async () => ({ conversations: await available(listConversations(db)) })),
    handle(endpoints.conversationsCreate, async (request) => await available(createConversation(db, now(), request))),
    handle(endpoints.conversationsGet, async ({ id }) => await available(getConversation(db, now(), id))),
    handle(endpoints.conversationsUpdate, async (request) => await available(updateConversation(db, now(), request))),
    handle(endpoints.messagesList, async (request) => await available(listMessages(db, request))),

    handle(endpoints.turnGet, async ({ turnId }) => await available(getTurn(db, turnId))),
    handle(endpoints.turnCancel, async ({ turnId }) => {
      const turn = await available(transact(async (tx) => await cancelTurn(tx, now(), turnId)));
      events.turnEnded({ turnId, status: 'cancelled' });
      return { turn };
    }),
    handle(endpoints.turnClaim, async (request) => {
      const claim = await available(transact(async (tx) => await claimTurn(tx, now(), request, leaseMs)));
      events.turnClaimed({ turnId: request.turnId, replica: request.replica, attempt: claim.turn.attempt });
      return claim;
    }),
    handle(endpoints.turnHeartbeat, async (request) => {
      await available(heartbeatTurn(db, now(), request, leaseMs));
      return {};
    }),
    handle(endpoints.turnCheckpoint, async (request) => {
      await available(transact(async (tx) => await saveCheckpoint(tx, now(), request, leaseMs)));
      if (request.state === 'waiting') events.turnWaits({ turnId: request.turnId });
      return {};
    }),
    handle(endpoints.turnFinish, async (request) => {
      const reply = await available(transact(async (tx) => await finishTurn(tx, now(), request)));
      events.turnEnded({ turnId: request.turnId, status: request.status });
      return reply;
    }),

    handle(endpoints.remember, async ({ items, space }) => {
      const ids = await available(rememberItems(db, now(), items, space));
      events.remembered({ space, count: ids.length });
      return { ids };
    }),
    handle(endpoints.recall, async (request) => ({ mode: 'text' as const, items: await available(recallItems(db, request)) })),
    handle(endpoints.forget, async (request) => {
      const reply = await available(forgetItems(db, request));
      events.forgotten({ count: reply.count, dryRun: request.dryRun });
      return reply;
    }),
    handle(endpoints.forgetPreview, async (action) => ({ count: (await available(forgetItems(db, { ...meantBy(action), dryRun: true }))).count })),
    handle(endpoints.exportItems, async (request) => await available(exportItems(db, request))),

    ...createBridgeBindings({ db, now }),

    handle(endpoints.ping, async () => {
      await available(db.ping());
      return { ok: true, detail: db.kind === 'pglite' ? 'embedded database' : 'PostgreSQL answers' };
    }),
  ];
}
