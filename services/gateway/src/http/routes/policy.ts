import { policyEdit, policyGet, policyTest } from '@megabot/contracts/endpoints/interlock.ts';
import { PolicyPut, PolicyTestRequest } from '@megabot/contracts/http.ts';
import { Judgement, PolicyView } from '@megabot/contracts/policy.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** The policy: reading, replacing, trying out. */
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

  app.post('/api/v1/policy/test', { schema: { tags, summary: 'How a command would be judged, by the policy in force or by another; nothing runs', body: PolicyTestRequest, response: { 200: Judgement } } }, async (request) => {
    const { command, policy } = request.body;
    return await bus.call(policyTest, { command, ...(policy === undefined ? {} : { policy }) });
  });
}
