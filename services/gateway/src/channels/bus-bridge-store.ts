import type { Bus } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/bridge.ts';
import type { BridgeStore } from './openclaw/store.ts';

/** Names a bridge and the process that runs it. */
export interface BridgeHolder {
  readonly bridge: string;
  readonly holder: string;
}

/** Keys of messages in one request: a busy group has more of them after a day than fit into one. */
const keysAtOnce = 500;

/** What the bridge remembers, kept by memory. Every call of one that lost the lease rejects with `lease_lost`. */
export function createBusBridgeStore(bus: Bus, holder: BridgeHolder): BridgeStore {
  const { bridge } = holder;
  return {
    begin: async (now) => (await bus.call(endpoints.bridgeBegin, { ...holder, now })).begunAt,
    cursors: async () => (await bus.call(endpoints.bridgeCursors, { ...holder })).cursors,
    async saveCursor(cursor) {
      await bus.call(endpoints.bridgeCursors, { ...holder, save: cursor });
    },
    async seen(keys) {
      const found = new Set<string>();
      for (let at = 0; at < keys.length; at += keysAtOnce) {
        for (const key of (await bus.call(endpoints.bridgeSeen, { ...holder, keys: keys.slice(at, at + keysAtOnce) })).seen) found.add(key);
      }
      return found;
    },
    async markSeen(key, at) {
      await bus.call(endpoints.bridgeSeen, { ...holder, keys: [key], markAt: at });
    },
    addAnswer: async (answer) => (await bus.call(endpoints.bridgeAnswerPut, { ...holder, op: 'add', answer: { ...answer, parts: [...answer.parts] } })).added,
    async saveAnswer(answer) {
      await bus.call(endpoints.bridgeAnswerPut, { ...holder, op: 'save', answer: { ...answer, parts: [...answer.parts] } });
    },
    openAnswers: async () => (await bus.call(endpoints.bridgeAnswers, { bridge, which: 'open' })).answers,
    undelivered: async (limit) => (await bus.call(endpoints.bridgeAnswers, { bridge, which: 'undelivered', limit })).answers,
    decide: async (id, decision, now) => (await bus.call(endpoints.bridgeAnswerDecide, { bridge, id, decision, now })).answer,
    async prune(before) {
      await bus.call(endpoints.bridgePrune, { ...holder, before });
    },
  };
}
