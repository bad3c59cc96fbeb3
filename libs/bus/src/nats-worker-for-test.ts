// A consumer to be killed: takes one turn, says so on stdout, and never ends. Run by nats-restart.it.test.ts.
import { turns } from '@megabot/contracts/queues.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import { connectNats } from './nats.ts';

const [servers = '', nkeySeed = ''] = (await new Response(process.stdin as never).text()).split('\n');
const bus = await connectNats({ service: 'orchestrator', servers, nkeySeed, logger: silentLogger(), connectDeadlineMs: 10_000 });
await bus.work(turns, { concurrency: 1 }, async ({ turnId }) => {
  process.stdout.write(`${turnId}\n`);
  await new Promise(() => {});
});
