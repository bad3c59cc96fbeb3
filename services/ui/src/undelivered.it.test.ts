import assert from 'node:assert/strict';
import { it, suite } from 'node:test';
import { faultsInEveryLook } from './testing/axe.ts';
import { browserMissing, elsewhere, goTo, setStage } from './testing/browser.ts';
import { refusedBridge } from './testing/fake-messengers.ts';

const focused = 'document.activeElement?.textContent';

suite('answers that have not arrived, in a real browser', { skip: browserMissing }, () => {
  const { signedIn } = setStage();

  it('are discarded with the keyboard alone, after one more question', async (test) => {
    const guest = await signedIn(test);
    const { page, gateway, errors } = guest;
    gateway.messengers.setBridge(refusedBridge(Date.now()));
    await goTo(page, '#/messengers', 'Messengers');
    const list = page.getByRole('region', { name: /^Answers that have not arrived/ });
    await list.getByRole('button', { name: 'Discard… the answer to 77' }).focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(focused), 'Keep');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(focused), 'Discard…');
    assert.equal(gateway.messengers.undelivered().length, 2);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Shift+Tab');
    assert.equal(await page.evaluate(focused), 'Discard for good');
    await page.keyboard.press('Enter');
    await list.getByRole('status').getByText('It was discarded. Nothing was sent.').waitFor();
    assert.equal(await page.evaluate(focused), 'It was discarded. Nothing was sent.');
    await list.getByRole('button', { name: 'Discard… the answer to 77' }).waitFor({ state: 'detached' });
    assert.deepEqual(gateway.messengers.undelivered().map(({ id }) => id), ['u1']);
    assert.deepEqual([elsewhere(guest), errors], [[], []]);
  });

  it('are tried again where that is possible, and say why where it is not', async (test) => {
    const { page, gateway } = await signedIn(test);
    const bridge = refusedBridge(Date.now());
    const [first] = bridge.undelivered;
    assert.ok(first);
    gateway.messengers.setBridge({ ...bridge, undelivered: [...bridge.undelivered, { ...first, id: 'u3', chat: '88', attempts: 2, canRetry: false }, { ...first, id: 'u4', chat: 'busy', attempts: 3 }] });
    await goTo(page, '#/messengers', 'Messengers');
    const list = page.getByRole('region', { name: /^Answers that have not arrived/ });
    await list.getByText('Given up after 9 attempts.').waitFor();
    assert.equal(await list.getByRole('button', { name: 'Try again: answer to 88' }).count(), 0);
    await list.getByRole('button', { name: 'Try again: answer to busy' }).click();
    await list.getByRole('alert').getByText('It is being sent right now. Look again in a minute.').waitFor();
    await list.getByRole('button', { name: 'Try again: answer to 123' }).click();
    await list.getByRole('status').getByText('It is tried again now.').waitFor();
    await list.getByRole('alert').waitFor({ state: 'detached' });
    await list.getByText(/^Tried again until .*; 9 attempts so far/).waitFor();
  });

  it('axe finds nothing wrong in them, also while one is asked about', async (test) => {
    const { page, gateway } = await signedIn(test);
    gateway.messengers.setBridge(refusedBridge(Date.now()));
    await goTo(page, '#/messengers', 'Messengers');
    await page.getByRole('button', { name: 'Discard… the answer to 77' }).click();
    await page.getByRole('button', { name: 'Discard for good' }).waitFor();
    assert.deepEqual(await faultsInEveryLook(page, 'discarding'), []);
  });
});
