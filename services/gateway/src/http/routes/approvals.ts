import { Approval, ApprovalStatus } from '@megabot/contracts/approval.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import { ApprovalEditRequest, BatchDecisionRequest, DecisionReply, DecisionRequest } from '@megabot/contracts/http.ts';
import { Id, IdPrefix } from '@megabot/contracts/ids.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** What waits for a person, and the person's word. */
export function registerApprovalRoutes(app: HttpApp, { bus, events }: HttpServices): void {
  const tags = ['approvals'];
  const params = z.object({ id: IdPrefix });
  const querystring = z.object({ status: ApprovalStatus.optional(), conversation: Id.optional(), limit: z.coerce.number().int().min(1).max(200).optional() });

  app.get('/api/v1/approvals', { schema: { tags, summary: 'Approvals, the pending ones with ?status=pending', querystring, response: { 200: z.object({ approvals: z.array(Approval) }) } } }, async (request) => {
    const { status, conversation, limit } = request.query;
    return await bus.call(interlock.approvalsList, { ...(status === undefined ? {} : { status }), ...(conversation === undefined ? {} : { conversation }), ...(limit === undefined ? {} : { limit }) });
  });
  app.get('/api/v1/approvals/:id', { schema: { tags, summary: 'One approval, with exactly what would run', params, response: { 200: Approval } } }, async (request) => await bus.call(interlock.approvalsGet, { approvalId: request.params.id }));
  app.post(
    '/api/v1/approvals/:id',
    { schema: { tags, summary: 'Approve or reject', description: 'Unknown, ambiguous, expired, already decided and changed ids are different problems.', params, body: DecisionRequest, response: { 200: DecisionReply } } },
    async (request) => {
      const { decision, scope, reason } = request.body;
      const actor = actorOf(request);
      const { approval, runId } = await bus.call(interlock.decide, { approvalId: request.params.id, decision, actor, ...(scope === undefined ? {} : { scope }), ...(reason === undefined ? {} : { reason }) });
      events.decided(approval.status, approval.id, actor.channel);
      return { ...approval, ...(runId === null ? {} : { runId }) };
    },
  );
  app.post(
    '/api/v1/approvals/:id/edit',
    { schema: { tags, summary: 'Put another command in its place; it is judged as a new action, and the old approval ends as cancelled', params, body: ApprovalEditRequest, response: { 200: interlock.approvalEdit.reply } } },
    async (request) => await bus.call(interlock.approvalEdit, { approvalId: request.params.id, command: request.body.command, actor: actorOf(request) }),
  );
  app.post(
    '/api/v1/approvals/batch',
    { schema: { tags, summary: 'One word on several approvals, all or none', description: 'Approving is for low risk only. Those that stand in the way are in `details.approvals`.', body: BatchDecisionRequest, response: { 200: interlock.decideBatch.reply } } },
    async (request) => {
      const { approvalIds, decision, reason } = request.body;
      const actor = actorOf(request);
      const done = await bus.call(interlock.decideBatch, { approvalIds, decision, actor, ...(reason === undefined ? {} : { reason }) });
      for (const { approval } of done.decided) events.decided(approval.status, approval.id, actor.channel);
      return done;
    },
  );
  app.get('/api/v1/why/:id', { schema: { tags, summary: 'Why an approval, a run or an action was judged as it was, as recorded then', params, response: { 200: interlock.why.reply } } }, async (request) => await bus.call(interlock.why, { id: request.params.id }));
}
