import fastifySwagger from '@fastify/swagger';
import { Approval } from '@megabot/contracts/approval.ts';
import { AuditEntry } from '@megabot/contracts/audit.ts';
import { Conversation, Message, Turn } from '@megabot/contracts/conversation.ts';
import { Problem } from '@megabot/contracts/http.ts';
import { MemoryItem, RecalledItem } from '@megabot/contracts/memory-item.ts';
import { Judgement, PolicyView } from '@megabot/contracts/policy.ts';
import { Run } from '@megabot/contracts/run.ts';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { HealthReport } from '../health.ts';
import { sessionCookie } from '../authentication.ts';
import type { HttpApp } from './services.ts';

/** Schemas that the document names instead of repeating. A registry of our own: zod's global one is everybody's. */
function namedSchemas() {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ Approval, AuditEntry, Conversation, HealthReport, Judgement, MemoryItem, Message, PolicyView, Problem, RecalledItem, Run, Turn })) registry.add(schema, { id });
  return registry;
}

/** Describes all routes registered after it at `/openapi.json`, from the schemas that validate them. */
export async function registerOpenApi(app: HttpApp, version: string): Promise<void> {
  const schemaRegistry = namedSchemas();
  const transform = createJsonSchemaTransform({ schemaRegistry });
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'MegaBot', version, description: 'The HTTP interface of MegaBot. Failures are RFC 9457 problems with a stable `code` and a `hint`.' },
      servers: [{ url: 'http://127.0.0.1:8000' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'The token in MEGABOT_AUTH_TOKEN.' },
          cookie: { type: 'apiKey', in: 'cookie', name: sessionCookie, description: 'Set by POST /api/v1/session; unsafe methods also need an Origin of ours.' },
        },
      },
      security: [{ bearer: [] }, { cookie: [] }],
    },
    transform: (document) => {
      const { schema, url } = transform(document);
      if (schema.hide === true) return { schema, url };
      const described = typeof schema.response === 'object' && schema.response !== null ? schema.response : {};
      const response = { ...described, default: { description: 'A problem', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } } };
      return { schema: { ...schema, response, ...(document.route.config?.open === true ? { security: [] } : {}) }, url };
    },
    transformObject: (document) => withoutUnused(createJsonSchemaTransformObject({ schemaRegistry })(document)),
  });
  app.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, () => app.swagger());
}

// Each schema comes once as input and once as output; most are only ever one of them.
function withoutUnused<Document extends object>(document: Document): Document {
  const text = JSON.stringify(document);
  const components: unknown = Reflect.get(document, 'components');
  const all = z.object({ schemas: z.record(z.string(), z.unknown()) }).parse(components).schemas;
  const schemas = Object.fromEntries(Object.entries(all).filter(([name]) => text.includes(`"#/components/schemas/${name}"`)));
  return { ...document, components: Object.assign({}, components, { schemas }) };
}
