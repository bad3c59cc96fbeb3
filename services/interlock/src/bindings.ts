import { handle, type Binding } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Judgement, Policy } from '@megabot/contracts/policy.ts';
import { actionStates, cancelTurn, getRun } from './actions.ts';
import { getApproval, listApprovals } from './approvals.ts';
import { createAuditBindings } from './audit/bindings.ts';
import { claimPermit } from './claims.ts';
import { readInForce, toPolicyView } from './configuration/state.ts';
import type { Context } from './context.ts';
import { decideApproval } from './decisions.ts';
import { editPolicy, unlock } from './policy-edits.ts';
import { compilePolicy, judge } from './policy/decide.ts';
import { beat, recordReport } from './reports.ts';
import { checkSession, createSession, endSession } from './sessions.ts';
import { submitAction } from './submit.ts';
import { toServiceError } from './transaction.ts';

/** Every endpoint of the interlock with what answers it. */
export function createBindings(context: Context): Binding[] {
  const { db } = context.store;
  return [
    handle(endpoints.submit, (request) => submitAction(context, request)),
    handle(endpoints.status, async ({ keys }) => ({ actions: await actionStates(context, keys) })),
    handle(endpoints.decide, (request) => decideApproval(context, request)),
    handle(endpoints.approvalsList, (filter) => reading(async () => ({ approvals: await listApprovals(db, filter) }))),
    handle(endpoints.approvalsGet, ({ approvalId }) => reading(() => getApproval(db, approvalId))),
    handle(endpoints.runGet, ({ runId }) => getRun(context, runId)),
    handle(endpoints.cancelTurn, ({ turnId, actor }) => cancelTurn(context, turnId, actor)),
    handle(endpoints.policyGet, () => reading(async () => toPolicyView(await readInForce(db, '')))),
    handle(endpoints.policyEdit, (request) => editPolicy(context, request)),
    handle(endpoints.policyTest, ({ command, policy }) => reading(() => testPolicy(context, command, policy))),
    handle(endpoints.unlock, ({ actor }) => unlock(context, actor)),
    ...createAuditBindings(context),
    handle(endpoints.configGet, () => reading(() => modelSettings(context))),
    handle(endpoints.claim, (request) => claimPermit(context, request)),
    handle(endpoints.report, (request) => recordReport(context, request)),
    handle(endpoints.heartbeat, (request) => beat(context, request)),
    handle(endpoints.sessionCreate, (request) => createSession(context, request)),
    handle(endpoints.sessionCheck, ({ secretHash }) => checkSession(context, secretHash)),
    handle(endpoints.sessionEnd, async ({ secretHash }) => {
      await endSession(context, secretHash);
      return {};
    }),
    handle(endpoints.ping, () => reading(() => ping(context))),
  ];
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toServiceError(error);
  }
}

/** What would happen to a command, under the policy in force or a given one; without any side effect. */
async function testPolicy(context: Context, command: string, policy: Pick<Policy, 'allow' | 'deny'> | undefined): Promise<Judgement> {
  try {
    const compiled = policy ? compilePolicy({ ...policy, matching: 'commands' }) : (await readInForce(context.store.db, '')).compiled;
    const { decision, rule, reasons, commands, warnings } = judge(command, compiled);
    return { decision, rule, reasons: [...reasons, ...warnings, ...(policy ? compiled.problems : [])], commands };
  } catch (error) {
    if (error instanceof RangeError) throw new ServiceError('policy_invalid', error.message, { cause: error });
    throw error;
  }
}

async function modelSettings(context: Context) {
  const { settings, contentHash, warnings } = await readInForce(context.store.db, '');
  const model = { localOnly: settings.local_only, url: settings.model.url, name: settings.model.name, allowedHosts: settings.model.allowed_hosts, contextTokens: settings.model.context_tokens };
  return { version: contentHash.slice(0, 32), model, warnings: [...warnings] };
}

async function ping(context: Context) {
  const { lockdown, warnings } = toPolicyView(await readInForce(context.store.db, ''));
  const said = [...(lockdown ? ['Lockdown: nothing runs.'] : []), ...warnings];
  return { ok: true, detail: said.length > 0 ? said.join(' ') : 'The policy is in force.' };
}
