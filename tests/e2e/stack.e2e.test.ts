import assert from 'node:assert/strict';
import { after, before, suite } from 'node:test';
import { attachStack, startStack, type Stack } from '@megabot/testing/stack.ts';
import { startCapture, type Capture } from './capture.ts';
import { hostileInput } from './hostile.ts';
import { httpRoutes, signIn } from './http-doors.ts';
import { installation } from './installation.ts';
import { isolation } from './isolation.ts';
import { kills } from './kills.ts';
import { mainFlow } from './main-flow.ts';
import { pythonClient } from './python-client.ts';
import { resuming } from './resume.ts';
import { silence } from './silence.ts';
import { uiFlow } from './ui-flow.ts';

/**
 * The composed stack, black box: one stack for all scenarios, in this order. MEGABOT_E2E_KEEP=1 leaves it running and uses
 * it again the next time.
 */
const keep = process.env['MEGABOT_E2E_KEEP'] === '1';
const counts = process.env['MEGABOT_TEST_COUNTS'] === 'full' ? 'full' : 'reduced';
let running: Stack | undefined;
const stack = (): Stack => {
  if (!running) throw new Error('the stack did not start');
  return running;
};

suite('the composed stack', () => {
  let watching: Capture | undefined;
  before(async () => {
    running = (keep ? await attachStack() : undefined) ?? (await startStack());
    watching = await startCapture(running);
  });
  after(async () => {
    await watching?.stop();
    if (!keep) await running?.down();
  });

  uiFlow(async () => linkIn(await stack().up()) ?? '');
  mainFlow(stack, { simulated: false });
  resuming(stack);
  httpRoutes(stack);
  signIn(stack, async () => linkIn(stack().printed) ?? linkIn(await stack().up()) ?? '');
  installation(stack);
  pythonClient(stack);
  kills(stack, counts);
  hostileInput(stack);
  silence(stack, async () => await (watching ?? assert.fail('nothing was captured')).stop());
  isolation(stack);
});

const linkIn = (printed: string): string | undefined => /http\S+#code=\S+/.exec(printed)?.[0];
