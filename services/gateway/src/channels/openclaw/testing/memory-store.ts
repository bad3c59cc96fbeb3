import { decided } from '@megabot/contracts/bridge-decision.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { BridgeStore, SessionCursor, StoredAnswer } from '../store.ts';
import { chatKey } from '../types.ts';

/** A store that a restart empties: for tests. */
export function createMemoryStore(): BridgeStore {
  let begun: number | undefined;
  const cursors = new Map<string, SessionCursor>();
  const marks = new Map<string, number>();
  const answers = new Map<string, StoredAnswer>();
  const isOpen = (answer: StoredAnswer): boolean => answer.state === 'pending' || answer.state === 'held';

  return {
    async begin(now) {
      begun ??= now;
      return begun;
    },
    async cursors() {
      return [...cursors.values()].toReversed();
    },
    async saveCursor(cursor) {
      cursors.delete(cursor.sessionKey);
      cursors.set(cursor.sessionKey, { ...cursor });
    },
    async seen(keys) {
      return new Set(keys.filter((key) => marks.has(key)));
    },
    async markSeen(key, at) {
      if (!marks.has(key)) marks.set(key, at);
    },
    async addAnswer(answer) {
      if (answers.has(answer.id)) return false;
      answers.set(answer.id, structuredClone(answer));
      return true;
    },
    async saveAnswer(answer) {
      const known = answers.get(answer.id);
      if (!known) throw new ServiceError('not_found', `no answer ${answer.id} to save`);
      if ((known.decisions ?? 0) !== (answer.decisions ?? 0)) throw new ServiceError('conflict', 'the owner decided meanwhile');
      answers.set(answer.id, structuredClone(answer));
    },
    async openAnswers() {
      const chats = new Set<string>();
      const next = [...answers.values()].filter((answer) => {
        if (answer.state !== 'pending') return answer.state === 'held';
        const chat = chatKey(answer.address);
        return !chats.has(chat) && chats.add(chat);
      });
      return next.toSorted((a, b) => a.nextTryAt - b.nextTryAt).map((answer) => structuredClone(answer));
    },
    async undelivered(limit) {
      const troubled = [...answers.values()].filter((answer) => answer.state === 'failed' || answer.state === 'held' || (answer.state === 'pending' && answer.attempts > 0));
      return troubled.toReversed().slice(0, limit).map((answer) => structuredClone(answer));
    },
    async decide(id, decision, now) {
      const known = answers.get(id);
      if (!known) throw new ServiceError('not_found', 'there is no such answer');
      const answer = decided({ ...known, parts: [...known.parts] }, decision, now);
      answers.set(id, answer);
      return structuredClone(answer);
    },
    async prune(before) {
      for (const [key, at] of marks) if (at < before) marks.delete(key);
      for (const answer of answers.values()) if (!isOpen(answer) && answer.expiresAt < before) answers.delete(answer.id);
    },
  };
}
