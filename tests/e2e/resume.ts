import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ServerFrame } from '@megabot/contracts/frames.ts';
import { connectNative, type NativeClient } from '@megabot/testing/native-client.ts';
import { openTalk, type Doors } from './talk.ts';

const seqs = (frames: readonly ServerFrame[]): number[] => frames.flatMap((frame) => ('seq' in frame ? [frame.seq] : []));

/** A client that was away catches up without a gap and without anything twice. */
export function resuming(doors: () => Doors): void {
  const connect = async (resume?: { since: number; epoch: string }): Promise<NativeClient> =>
    await connectNative({ url: doors().wsUrl, token: doors().token, password: doors().password, ...(resume ? { resume } : {}) });

  suite('a client that was away', () => {
    test('gets what it missed, in order and once, then goes on live', async () => {
      const talk = await openTalk(doors());
      const away = await connect();
      await talk.ask('before');
      await away.next((frame) => frame.type === 'final' && frame.conversation === talk.conversation);
      const { lastSeq: since, epoch } = away;
      await away.close();

      for (let index = 0; index < 5; index++) await talk.ask(`missed ${index}`);
      const back = await connect({ since, epoch });
      const isFinalOf = (text: string) => (frame: ServerFrame) => frame.type === 'final' && frame.text === `echo: ${text}`;
      await back.next(isFinalOf('missed 4'));
      await talk.ask('live again');
      await back.next(isFinalOf('live again'));

      const missed = seqs(talk.client.seen).filter((seq) => seq > since);
      assert.deepEqual(seqs(back.seen).filter((seq) => seq <= missed.at(-1)!), missed);
      await Promise.all([back.close(), talk.close()]);
    });

    test('loses nothing when events pour in while it catches up', async () => {
      const talk = await openTalk(doors());
      const since = talk.client.resumeFrom;
      const turns = await Promise.all(Array.from({ length: 8 }, async (_, index) => await talk.say(`burst ${index}`)));
      const late = await connect({ since, epoch: talk.client.epoch });
      for (const turnId of turns) {
        await talk.final(turnId);
        await late.next((frame) => frame.type === 'final' && frame.turnId === turnId);
      }
      const all = seqs(late.seen);
      assert.deepEqual(all, [...new Set(all)].sort((a, b) => a - b));
      const upTo = Math.min(all.at(-1)!, talk.client.lastSeq);
      assert.deepEqual(all.filter((seq) => seq <= upTo), seqs(talk.client.seen).filter((seq) => seq <= upTo));
      await Promise.all([late.close(), talk.close()]);
    });

    test('is told when its place means nothing any more, and goes on live', async () => {
      const talk = await openTalk(doors());
      const lost = await connect({ since: 3, epoch: 'another epoch' });
      await lost.next((frame) => frame.type === 'error' && frame.code === 'resume_gap');
      await talk.ask('after the gap');
      await lost.next((frame) => frame.type === 'final' && frame.text === 'echo: after the gap');
      await Promise.all([lost.close(), talk.close()]);
    });
  });
}
