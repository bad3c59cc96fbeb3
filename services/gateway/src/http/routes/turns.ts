import { Message, Turn } from '@megabot/contracts/conversation.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { Id } from '@megabot/contracts/ids.ts';
import { z } from 'zod';
import { cancelTurn } from '../../turns.ts';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** Where a turn stands, and stopping it. */
export function registerTurnRoutes(app: HttpApp, { bus }: HttpServices): void {
  const tags = ['turns'];
  const params = z.object({ id: Id });
  app.get('/api/v1/turns/:id', { schema: { tags, summary: 'A turn, and its answer once there is one', params, response: { 200: Turn.extend({ answer: Message.nullable() }) } } }, async (request) => {
    const { turn, answer } = await bus.call(memory.turnGet, { turnId: request.params.id });
    return { ...turn, answer };
  });
  app.post(
    '/api/v1/turns/:id/cancel',
    { schema: { tags, summary: 'Stop a turn and everything it has pending or running', params, response: { 200: z.object({ turnId: Id, approvals: z.number(), runs: z.number() }) } } },
    async (request) => await cancelTurn(bus, request.params.id, actorOf(request)),
  );
}
