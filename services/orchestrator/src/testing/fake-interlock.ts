import { handle, type Bus } from '@megabot/bus/port.ts';
import type { Action } from '@megabot/contracts/action.ts';
import type { Approval } from '@megabot/contracts/approval.ts';
import * as endpoints from '@megabot/contracts/endpoints/interlock.ts';
import type { ActionState, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import { configuration } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import type { Run } from '@megabot/contracts/run.ts';
import type { ModelSettings, PlatformSettings } from '@megabot/contracts/settings.ts';
import type { FakeMemory } from './fake-memory.ts';

export type Judge = (action: Action) => 'allow' | 'ask' | { deny: string };

interface Submitted {
  readonly key: string;
  readonly action: Action;
  readonly turnId: string;
  readonly outcome: SubmitOutcome;
  state: Pick<ActionState, 'settled' | 'approval' | 'run'>;
}

/** What the orchestrator sees of the interlock: first outcomes by key, and their state until they are settled. */
export async function serveInterlock(bus: Bus, memory: FakeMemory) {
  const actions = new Map<string, Submitted>();
  /** Every time an action began to run, by key: twice would be the one thing that must not happen. */
  const executions: string[] = [];
  let judge: Judge = () => 'ask';
  let platforms: Record<string, PlatformSettings> = {};
  let settings: ModelSettings | undefined = { localOnly: true, url: 'http://model.invalid', name: 'm', allowedHosts: [], contextTokens: 8_192 };

  const judged = (action: Action): SubmitOutcome => {
    const verdict = judge(action);
    if (verdict === 'allow') return { decision: 'allow', runId: newId(), warnings: [] };
    if (verdict === 'ask') return { decision: 'ask', approvalId: newId(), shortId: 'abc123', expiresAt: 1, reasons: ['asked'] };
    return { decision: 'deny', rule: verdict.deny, reasons: ['Not here.'] };
  };
  const server = await bus.serve([
    handle(endpoints.submit, async ({ action, ticket, key }) => {
      return await memory.faulty('submit', ticket.claims.turnId, () => {
        const known = actions.get(key);
        if (known) return known.outcome;
        const outcome = judged(action);
        actions.set(key, { key, action, turnId: ticket.claims.turnId, outcome, state: { settled: outcome.decision === 'deny', approval: null, run: null } });
        if (outcome.decision === 'allow') executions.push(key);
        return outcome;
      });
    }),
    handle(endpoints.status, async ({ keys }) => {
      const found = keys.map((key) => actions.get(key));
      const turnId = keys[0]?.split(':')[0] ?? '';
      return await memory.faulty('status', turnId, () => {
        return {
          actions: found.map((action) => {
            if (!action) throw new ServiceError('not_found', 'unknown key');
            return { key: action.key, outcome: action.outcome, ...action.state };
          }),
        };
      });
    }),
    handle(endpoints.configGet, async () => {
      if (!settings) throw new ServiceError('unavailable', 'no settings');
      return { version: '1', model: settings, bridges: { openclaw: { platforms } }, warnings: [] };
    }),
  ]);

  const settle = async (key: string, state: Partial<Submitted['state']>): Promise<void> => {
    const action = actions.get(key);
    if (!action) throw new Error(`nothing was submitted as ${key}`);
    action.state = { ...action.state, ...state, settled: true };
    await memory.wake(action.turnId);
  };
  return {
    actions,
    executions,
    stop: async () => await server.stop(),
    judges(next: Judge): void {
      judge = next;
    },
    async configure(next: ModelSettings | undefined, messengers: Record<string, boolean> = {}): Promise<void> {
      settings = next;
      platforms = Object.fromEntries(Object.entries(messengers).map(([name, enabled]) => [name, { enabled, allowFrom: [], admins: [], approvals: 'code', maxRisk: 'low', ratePerMinute: 20 }]));
      await bus.publish(configuration, { version: '2', warnings: [] });
    },
    /** The action runs and ends. An approved one begins here. */
    async ran(key: string, run: Partial<Run> = {}): Promise<void> {
      if (actions.get(key)?.outcome.decision === 'ask') executions.push(key);
      await settle(key, { run: { ...emptyRun, ...run } });
    },
    async decided(key: string, approval: Pick<Approval, 'status'> & Partial<Approval>): Promise<void> {
      await settle(key, { approval: { ...emptyApproval, ...approval } });
    },
  };
}

const emptyRun: Run = {
  id: 'run', conversation: 'default', turnId: 'turn', command: 'c', status: 'exited', exitCode: 0, signal: null, output: '', truncated: false,
  driver: 'docker', detail: null, createdAt: 0, startedAt: 0, endedAt: 1,
};
const emptyApproval: Approval = {
  id: 'approval', shortId: 'abc123', kind: 'shell', command: 'c', reasons: [], risk: 'low', createdAt: 0, expiresAt: 1, conversation: 'default',
  turnId: 'turn', requestedBy: 'owner', cwd: '/workspace', network: 'none', planHash: 'h', status: 'pending',
};
