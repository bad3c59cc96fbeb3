import type { z } from 'zod';
import { handle, type Binding } from '@megabot/bus/port.ts';
import * as endpoints from '@megabot/contracts/endpoints/interlock.ts';
import { ServiceError } from '@megabot/contracts/errors.ts';
import type { Judgement } from '@megabot/contracts/policy.ts';
import { actionStates, cancelTurn, getRun } from './actions.ts';
import { getApproval, listApprovals } from './approvals.ts';
import { createAuditBindings } from './audit/bindings.ts';
import { decideSeveral } from './batches.ts';
import { claimPermit } from './claims.ts';
import { readInForce, toPolicyView } from './configuration/state.ts';
import type { Context } from './context.ts';
import { policyView, revokeGrant } from './conversation-grants.ts';
import { decideApproval } from './decisions.ts';
import { editApproval } from './editing.ts';
import { confirmCodes, enrollCodes, listCodes, removeCodes } from './one-time-codes.ts';
import { editPolicy, undoPolicy, unlock } from './policy-edits.ts';
import { listVersions } from './policy-history.ts';
import { previewPattern } from './policy-preview.ts';
import { compilePolicy, judge } from './policy/decide.ts';
import { outputOf } from './run-output.ts';
import { beat, recordReport } from './reports.ts';
import { checkSession, createSession, endSession } from './sessions.ts';
import { submitAction } from './submit.ts';
import { toServiceError } from './transaction.ts';
import { explain } from './why.ts';

/** Every endpoint of the interlock with what answers it. */
export function createBindings(context: Context): Binding[] {
  const { db } = context.store;
  return [
    handle(endpoints.submit, (request) => submitAction(context, request)),
    handle(endpoints.status, async ({ keys }) => ({ actions: await actionStates(context, keys) })),
    handle(endpoints.decide, (request) => decideApproval(context, request)),
    handle(endpoints.approvalEdit, (request) => editApproval(context, request)),
    handle(endpoints.decideBatch, (request) => decideSeveral(context, request)),
    handle(endpoints.why, ({ id }) => reading(() => explain(db, id))),
    handle(endpoints.approvalsList, (filter) => reading(async () => ({ approvals: await listApprovals(db, filter) }))),
    handle(endpoints.approvalsGet, ({ approvalId }) => reading(() => getApproval(db, approvalId))),
    handle(endpoints.runGet, ({ runId }) => getRun(context, runId)),
    handle(endpoints.runOutput, ({ runId }) => reading(() => outputOf(db, runId))),
    handle(endpoints.cancelTurn, (request) => cancelTurn(context, request)),
    handle(endpoints.policyGet, () => reading(async () => await policyView(db, await readInForce(db, ''), context.clock()))),
    handle(endpoints.policyEdit, (request) => editPolicy(context, request)),
    handle(endpoints.policyTest, ({ command, policy }) => reading(() => testPolicy(context, command, policy))),
    handle(endpoints.policyHistory, ({ limit }) => reading(async () => ({ versions: await listVersions(db, limit) }))),
    handle(endpoints.policyUndo, (request) => undoPolicy(context, request)),
    handle(endpoints.policyPreview, (request) => reading(() => previewPattern(db, request))),
    handle(endpoints.grantRevoke, (request) => revokeGrant(context, request)),
    handle(endpoints.totpEnroll, (request) => enrollCodes(context, request)),
    handle(endpoints.totpConfirm, (request) => confirmCodes(context, request)),
    handle(endpoints.totpStatus, () => reading(async () => ({ enrolled: await listCodes(db) }))),
    handle(endpoints.totpRemove, async (request) => {
      await removeCodes(context, request);
      return {};
    }),
    handle(endpoints.unlock, ({ actor }) => unlock(context, actor)),
    ...createAuditBindings(context),
    handle(endpoints.configGet, () => reading(() => servedSettings(context))),
    handle(endpoints.claim, (request, { caller }) => claimPermit(context, caller, request)),
    handle(endpoints.report, (request, { caller }) => recordReport(context, caller, request)),
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

type TestedPolicy = z.infer<(typeof endpoints.policyTest)['request']>['policy'];

/** What would happen to a command, under the policy in force or a given one; without any side effect. */
async function testPolicy(context: Context, command: string, policy: TestedPolicy): Promise<Judgement> {
  try {
    const compiled = policy ? compilePolicy({ ...policy, matching: policy.matching ?? 'commands' }) : (await readInForce(context.store.db, '')).compiled;
    const { reasons, warnings, ...judgement } = judge(command, compiled);
    return { ...judgement, warnings, reasons: [...reasons, ...warnings, ...(policy ? compiled.problems : [])] };
  } catch (error) {
    if (error instanceof RangeError) throw new ServiceError('policy_invalid', error.message, { cause: error });
    throw error;
  }
}

async function servedSettings(context: Context) {
  const { settings, contentHash, warnings } = await readInForce(context.store.db, '');
  const model = { localOnly: settings.local_only, url: settings.model.url, name: settings.model.name, allowedHosts: settings.model.allowed_hosts, contextTokens: settings.model.context_tokens };
  return { version: contentHash.slice(0, 32), model, bridges: settings.bridges, warnings: [...warnings] };
}

async function ping(context: Context) {
  const { lockdown, warnings } = toPolicyView(await readInForce(context.store.db, ''));
  const said = [...(lockdown ? ['Lockdown: nothing runs.'] : []), ...warnings];
  return { ok: true, detail: said.length > 0 ? said.join(' ') : 'The policy is in force.' };
}
