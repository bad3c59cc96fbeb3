import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile, mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { openReplicaState } from './replica-state.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'megabot-replicas-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});
const note = (boxId: string) => ({ boxId, runId: `run of ${boxId}`, permitId: `permit of ${boxId}` });
const nobody = (): boolean => false;

suite('what replicas know of each other', () => {
  test('a replica that goes on is alive, one that stopped has lapsed after five beats of ours', async () => {
    const [one, other] = [openReplicaState(root, 'one'), openReplicaState(root, 'other')];
    for (let beats = 0; beats < 10; beats++) {
      await other.beat();
      await one.beat();
    }
    assert.deepEqual([one.lapsed(), one.knows('other'), one.knows('third')], [[], true, false]);
    for (let beats = 0; beats < 4; beats++) await one.beat();
    assert.deepEqual(one.lapsed(), []);
    await one.beat();
    assert.deepEqual(one.lapsed(), ['other']);
    await other.beat();
    await one.beat();
    assert.deepEqual(one.lapsed(), [], 'it is back');
  });

  test('no clock that jumps makes a replica lapse', async (context) => {
    const [one, other] = [openReplicaState(root, 'one'), openReplicaState(root, 'other')];
    context.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 });
    for (const now of [1_700_000_000_000, 1_900_000_000_000, 1_000_000_000_000, 1_700_000_000_000]) {
      context.mock.timers.setTime(now);
      await other.beat();
      await one.beat();
      assert.deepEqual(one.lapsed(), []);
    }
  });

  test('the runs of one that is gone are handed out once, whoever asks', async () => {
    const gone = openReplicaState(root, 'gone');
    for (const boxId of ['a', 'b', 'c']) await gone.note(note(boxId));
    await gone.forget('b');
    const heirs = ['x', 'y', 'z'].map((name) => openReplicaState(root, name));
    const taken = (await Promise.all(heirs.map(async (heir) => await heir.takeRuns('gone', nobody)))).flat();
    assert.deepEqual(taken.map(({ boxId }) => boxId).sort(), ['a', 'c']);
    assert.deepEqual(taken.find(({ boxId }) => boxId === 'a'), note('a'));
    assert.deepEqual(await gone.takeRuns('gone', nobody), []);
  });

  test('runs that go on are left where they are', async () => {
    const state = openReplicaState(root, 'one');
    await state.note(note('left'));
    await state.note(note('goes-on'));
    assert.deepEqual(await state.takeRuns('one', (boxId) => boxId === 'goes-on'), [note('left')]);
    assert.deepEqual(await state.takeRuns('one', nobody), [note('goes-on')]);
  });

  test('one container is noted for one run', async () => {
    const state = openReplicaState(root, 'one');
    await state.note(note('a'));
    await assert.rejects(state.note({ ...note('a'), runId: 'another' }));
    assert.deepEqual(await state.takeRuns('one', nobody), [note('a')]);
  });

  test('a note that was cut off by a power cut is dropped, and stops nothing', async () => {
    const state = openReplicaState(root, 'one');
    await state.note(note('a'));
    await writeFile(join(root, 'replica-one', 'run-torn.json'), '{"boxId":"to');
    assert.deepEqual(await state.takeRuns('one', nobody), [note('a')]);
  });

  test('what is buried is unknown, and a name is never a path', async () => {
    const [one, other] = [openReplicaState(root, 'one'), openReplicaState(root, '../../escape')];
    await other.beat();
    await one.beat();
    assert.equal(one.knows('../../escape'), true);
    assert.deepEqual((await readdir(root)).sort(), ['replica-..%2F..%2Fescape', 'replica-one']);
    await one.bury('../../escape');
    assert.deepEqual([one.knows('../../escape'), await readdir(root)], [false, ['replica-one']]);
  });

  test('a folder that claims another name is nobody', async () => {
    await mkdir(join(root, 'replica-a'));
    await writeFile(join(root, 'replica-a', 'beat.json'), '{"instance":"b","beat":1}');
    const one = openReplicaState(root, 'one');
    for (let beats = 0; beats < 10; beats++) await one.beat();
    assert.deepEqual(one.lapsed(), []);
  });
});
