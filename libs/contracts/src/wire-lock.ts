import { z } from 'zod';
import { canonicalHash } from './canonical.ts';
import { AuthFrame, ClientFrame, HelloFrame, ServerFrame, WelcomeFrame } from './frames.ts';
import { endpointTable, eventTable, queueTable } from './table.ts';

/** The hash of everything that a schema says about the wire: what it accepts and what it yields, as JSON Schema 2020-12. */
function schemaHash(schema: z.ZodType): string {
  const side = (io: 'input' | 'output') => z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return canonicalHash({ input: side('input'), output: side('output') }).slice(0, 32);
}

/** The hash of every schema that crosses a process or reaches a client, by name. `wire.lock.json` holds what was agreed. */
export function wireHashes(): Record<string, string> {
  const schemas: [string, z.ZodType][] = [
    ...endpointTable.flatMap(({ service, name, version, request, reply }): [string, z.ZodType][] => [
      [`endpoint ${service}.${name}.v${version} request`, request],
      [`endpoint ${service}.${name}.v${version} reply`, reply],
    ]),
    ...queueTable.map(({ stream, consumer, name, payload }): [string, z.ZodType] => [`queue ${stream}.${name} of ${consumer}`, payload]),
    ...eventTable.map(({ service, topic, payload }): [string, z.ZodType] => [`event ${service}.${topic}`, payload]),
    ['frame hello', HelloFrame],
    ['frame auth', AuthFrame],
    ['frame welcome', WelcomeFrame],
    ...frames('client', ClientFrame.options),
    ...frames('server', ServerFrame.options),
  ];
  return Object.fromEntries(schemas.map(([name, schema]) => [name, schemaHash(schema)]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}

const frames = (side: string, options: readonly z.ZodObject<{ type: z.ZodLiteral<string> }>[]): [string, z.ZodType][] =>
  options.map((frame) => [`frame ${side} ${frame.shape.type.value}`, frame]);
