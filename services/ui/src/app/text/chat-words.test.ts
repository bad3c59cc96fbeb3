import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chatWords } from './chat-words.ts';

describe('the chat that a conversation belongs to', () => {
  const direct = { platform: 'telegram', account: 'default', kind: 'direct', chat: '1001' } as const;
  it('is said with its messenger, and with thread and account where there are several', () => {
    assert.equal(chatWords(direct), 'Chat 1001 on Telegram');
    assert.equal(chatWords({ ...direct, kind: 'group', chat: '-100', thread: '7', account: 'work' }), 'Group -100 on Telegram, thread 7, account work');
  });
  it('hides nothing, whatever a gateway calls it', () => {
    const nasty = '\u202Ea\u200B\n\u2066';
    const words = chatWords({ platform: `x${nasty}`, account: `b${nasty}`, kind: 'direct', chat: `c${nasty}`, thread: `d${nasty}` });
    assert.doesNotMatch(words, /[\u200B\u202A-\u202E\u2066-\u2069]/);
    assert.equal(words.match(/\\u\{202E\}/g)?.length, 4);
  });
});
