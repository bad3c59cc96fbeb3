import { handle, type Binding } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/bridge.ts';
import type { Database } from '@megabot/postgres/database.ts';
import { available } from '../available.ts';
import { asHolder, takeLease } from './lease.ts';
import * as state from './state.ts';

/** What bridges to messengers ask of memory. All writes are the lease holder's, but for what the owner decides. */
export function createBridgeBindings({ db, now }: { db: Database; now: () => Date }): Binding[] {
  return [
    handle(endpoints.bridgeLease, async (request) => await available(takeLease(db, now(), request))),
    handle(endpoints.bridgeBegin, async (request) => ({
      begunAt: await available(asHolder(db, now(), request, async (sql) => await state.begin(sql, request.bridge, request.now))),
    })),
    handle(endpoints.bridgeCursors, async (request) => ({
      cursors: await available(asHolder(db, now(), request, async (sql) => await state.cursors(sql, request.bridge, request.save))),
    })),
    handle(endpoints.bridgeSeen, async (request) => ({
      seen: await available(asHolder(db, now(), request, async (sql) => await state.seen(sql, request.bridge, request.keys, request.markAt))),
    })),
    handle(endpoints.bridgeAnswerPut, async (request) => ({
      added: await available(asHolder(db, now(), request, async (sql) => await state.putAnswer(sql, request.bridge, request.op, request.answer))),
    })),
    handle(endpoints.bridgeAnswerDecide, async (request) => ({
      answer: await available(db.transaction(async (sql) => await state.decideAnswer(sql, request))),
    })),
    handle(endpoints.bridgeAnswers, async (request) => ({ answers: await available(state.answers(db, request)) })),
    handle(endpoints.bridgePrune, async (request) => {
      await available(asHolder(db, now(), request, async (sql) => await state.prune(sql, request.bridge, request.before)));
      return {};
    }),
    handle(endpoints.bridgeChat, async (request) => await available(asHolder(db, now(), request, async (sql) => await state.chat(sql, now(), request)))),
    handle(endpoints.bridgeUnsent, async (request) => ({ answers: await available(state.unsent(db, now(), request)) })),
    handle(endpoints.bridgeChatOf, async ({ bridge, conversation }) => ({ chat: await available(state.chatOf(db, bridge, conversation)) })),
    handle(endpoints.bridgeChats, async (request) => ({ chats: await available(state.chats(db, request)) })),
  ];
}
