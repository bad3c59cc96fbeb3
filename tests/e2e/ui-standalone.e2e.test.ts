import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite } from 'node:test';
import { createSignInCode, signInLink } from '@megabot/gateway/sign-in-code.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { createStandalone } from '@megabot/standalone/app.ts';
import { readConfig } from '@megabot/standalone/config.ts';
import { freePorts } from '@megabot/testing/ports.ts';
import { uiFlow } from './ui-flow.ts';

suite('standalone, by its page', () => {
  const closing: (() => Promise<void>)[] = [];
  after(async () => {
    for (const close of closing.toReversed()) await close();
  });
  uiFlow(async () => {
    const home = await mkdtemp(join(tmpdir(), 'megabot-ui-e2e-'));
    closing.push(() => rm(home, { recursive: true, force: true }));
    const [http, ui, ws] = await freePorts(3);
    const config = readConfig({ MEGABOT_HOME: home, MEGABOT_PORT: String(http), MEGABOT_UI_PORT: String(ui), MEGABOT_WS_PORT: String(ws) });
    const standalone = await createStandalone(config, silentLogger());
    closing.push(() => standalone.close());
    return signInLink(`http://127.0.0.1:${ui}`, createSignInCode(standalone.token, Date.now()));
  });
});
