import type { Bus } from '@megabot/bus/port.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { errorTable } from '../error-table.ts';
import type { Health } from '../health.ts';

/** `!status`: each service, what waits, and what a person has to know. Says what it could not find out instead of failing. */
export async function describeStatus(bus: Bus, health: Health): Promise<string> {
  const report = await health.report();
  // The report may be seconds old, and a lockdown is what one asks about right after it began.
  const lockdown = await bus.call(interlock.policyGet, {}).then((policy) => policy.lockdown, () => report.lockdown);
  const waiting = await bus.call(interlock.approvalsList, { status: 'pending' }).then(({ approvals }) => String(approvals.length), () => 'not known');
  const services = Object.entries(report.services).map(([name, { ok, detail }]) => `- ${name}: ${ok ? 'works' : '**does not work**'} (${detail})`);
  return [
    report.status === 'ok' ? 'All services work.' : '**Something does not work.** What is marked below has to be mended; `make ps` and `make logs s=<service>` on the machine say more. The rest goes on.',
    '',
    ...services,
    `- waiting for a decision: ${waiting}${waiting === '0' || waiting === 'not known' ? '' : ' (`!pending`)'}`,
    ...(lockdown === true ? [`- **lockdown**: nothing runs. ${errorTable.lockdown.hint}`] : []),
    ...report.warnings.map((warning) => `- ${warning}`),
    '',
    `MegaBot ${report.version}, ${report.deployment}.`,
  ].join('\n');
}
