import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as endpoints from '@megabot/contracts/endpoints/memory.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { startMemory, type Harness } from './testing/harness.ts';

const half = '\ud800';
const replaced = '\u{FFFD}';

/** What models, tools and clients send is text of every kind; none of it may cost a message, a turn or an answer. */
describe('text that the database cannot hold as it is', () => {
  let m: Harness;
  before(async () => {
    m = await startMemory();
  });
  after(async () => {
    await m.close();
  });

  for (const bad of ['\0', half, '\udc00\ud800']) {
    it(`of a message is stored, and the message is known when it is sent again (${JSON.stringify(bad)})`, async () => {
      const { id: conversation } = await m.gateway.call(endpoints.conversationsCreate, { title: `t${bad}` });
      const first = await m.send(`a${bad}b`, { conversation, messageKey: 'k' });
      assert.deepEqual(await m.send(`a${bad}b`, { conversation, messageKey: 'k' }), { ...first, duplicate: true });
      const { messages } = await m.gateway.call(endpoints.messagesList, { conversation });
      assert.equal(messages[0]?.text, `a${replaced.repeat(bad.length)}b`);
    });
    it(`of a checkpoint or an answer costs neither turn nor answer (${JSON.stringify(bad)})`, async () => {
      const { id: conversation } = await m.gateway.call(endpoints.conversationsCreate, {});
      const { turnId } = await m.send('hello', { conversation });
      const { lease } = await m.claim(turnId);
      await m.checkpoint(turnId, lease, 'running', { reply: `x${bad}`, [`key${bad}`]: ['\\u0000'] });
      await m.finish(turnId, lease, `done${bad}`);
      assert.equal((await m.turn(turnId)).answer?.text, `done${replaced.repeat(bad.length)}`);
    });
    it(`of an item is remembered under one id (${JSON.stringify(bad)})`, async () => {
      const space = newId();
      const items = [{ text: `needle${bad}`, externalId: `e${bad}` }];
      const { ids } = await m.gateway.call(endpoints.remember, { items, space });
      assert.deepEqual((await m.gateway.call(endpoints.remember, { items, space })).ids, ids);
      assert.equal((await m.gateway.call(endpoints.recall, { query: `needle${bad}`, space })).items.length, 1);
    });
  }

  it('a query of one endless word finds what its other words find', async () => {
    await m.gateway.call(endpoints.remember, { items: [{ text: 'a haystack' }], space: 'long' });
    for (const word of ['a'.repeat(4_000), 'é'.repeat(2_000), '1'.repeat(4_000)]) {
      assert.equal((await m.gateway.call(endpoints.recall, { query: `haystack ${word}`, space: 'long' })).items.length, 1);
      assert.equal((await m.gateway.call(endpoints.recall, { query: word, space: 'long' })).items.length, 0);
    }
  });
});
