import { grantRevoke, policyEdit, policyGet, policyHistory, policyPreview, policyTest, policyUndo } from '@megabot/contracts/endpoints/interlock.ts';
import { PolicyPreviewRequest, PolicyPut, PolicyTestRequest, PolicyUndoRequest } from '@megabot/contracts/http.ts';
import { IdPrefix } from '@megabot/contracts/ids.ts';
import { Judgement, PolicyView } from '@megabot/contracts/policy.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** The policy: reading, replacing, trying out, taking back. */
export function registerPolicyRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['policy'];
  const etagOf = (version: string): string => `"${version}"`;

  app.get('/api/v1/policy', { schema: { tags, summary: 'The policy in force, with its ETag', response: { 200: PolicyView, 304: z.null() } } }, async (request, reply) => {
    const policy = await bus.call(policyGet, {});
    void reply.header('etag', etagOf(policy.version)).header('cache-control', 'no-cache');
    if (request.headers['if-none-match'] === etagOf(policy.version)) return await reply.code(304).send(null);
    return policy;
  });

  app.put(
    '/api/v1/policy',
    { schema: { tags, summary: 'Replace both lists; with If-Match only where nobody has changed them meanwhile', headers: z.object({ 'if-match': z.string().max(256).optional() }), body: PolicyPut, response: { 200: PolicyView } } },
    async (request, reply) => {
      const { allow, deny, matching } = request.body;
      const match = request.headers['if-match'];
      const ifVersion = match === undefined || match === '*' ? undefined : match.replace(/^(?:W\/)?"(.*)"$/, '$1');
      const { policy } = await bus.call(policyEdit, {
        actor: actorOf(request),
        edit: { op: 'replace', policy: { allow, deny, ...(matching === undefined ? {} : { matching }) }, ...(ifVersion === undefined ? {} : { ifVersion }) },
      });
      void reply.header('etag', etagOf(policy.version));
      return policy;
    },
  );

  app.post('/api/v1/policy/test', { schema: { tags, summary: 'How a command would be judged, part by part, by the policy in force or by another; nothing runs', body: PolicyTestRequest, response: { 200: Judgement } } }, async (request) => {
    const { command, policy } = request.body;
    const { allow, deny, matching } = policy ?? {};
    return await bus.call(policyTest, { command, ...(allow === undefined || deny === undefined ? {} : { policy: { allow, deny, ...(matching === undefined ? {} : { matching }) } }) });
  });

  app.post('/api/v1/policy/preview', { schema: { tags, summary: 'What a pattern would have covered of the commands asked for lately; nothing is changed', body: PolicyPreviewRequest, response: { 200: policyPreview.reply } } }, async (request) => await bus.call(policyPreview, request.body));

  app.get(
    '/api/v1/policy/history',
    { schema: { tags, summary: 'Earlier versions, the newest first', querystring: z.object({ limit: z.coerce.number().int().min(1).max(100).optional() }), response: { 200: policyHistory.reply } } },
    async (request) => await bus.call(policyHistory, request.query.limit === undefined ? {} : { limit: request.query.limit }),
  );

  app.post(
    '/api/v1/policy/undo',
    { schema: { tags, summary: 'Put the version before the last change back, or the one that is named; never lifts a lockdown', body: PolicyUndoRequest, response: { 200: policyUndo.reply } } },
    async (request, reply) => {
      const { to } = request.body;
      const undone = await bus.call(policyUndo, { actor: actorOf(request), ...(to === undefined ? {} : { to }) });
      void reply.header('etag', etagOf(undone.policy.version));
      return undone;
    },
  );

  app.delete('/api/v1/policy/grants/:id', { schema: { tags, summary: 'Take back what was allowed for a conversation', params: z.object({ id: IdPrefix }), response: { 200: PolicyView } } }, async (request, reply) => {
    const policy = await bus.call(grantRevoke, { id: request.params.id, actor: actorOf(request) });
    void reply.header('etag', etagOf(policy.version));
    return policy;
  });
}
