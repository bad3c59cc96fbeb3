import { Conversation, Message } from '@megabot/contracts/conversation.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { ConversationCreate, ConversationPatch, MessageAccepted, MessageCreate } from '@megabot/contracts/http.ts';
import { Id, newId } from '@megabot/contracts/ids.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import { nextCursor, pageOf, PageQuery } from '../paging.ts';
import type { HttpApp, HttpServices } from '../services.ts';

/** Conversations and their messages. */
export function registerConversationRoutes(app: HttpApp, { bus, messages }: HttpServices): void {
  const tags = ['conversations'];
  const params = z.object({ id: Id });

  app.get('/api/v1/conversations', { schema: { tags, summary: 'All conversations', response: { 200: z.object({ conversations: z.array(Conversation) }) } } }, async () => await bus.call(memory.conversationsList, {}));

  app.post('/api/v1/conversations', { schema: { tags, summary: 'Begin a conversation', body: ConversationCreate, response: { 201: Conversation } } }, async (request, reply) => {
    const { title, mode } = request.body;
    const conversation = await bus.call(memory.conversationsCreate, { ...(title === undefined ? {} : { title }), ...(mode === undefined ? {} : { mode }) });
    return await reply.code(201).header('location', `/api/v1/conversations/${conversation.id}`).send(conversation);
  });

  app.get('/api/v1/conversations/:id', { schema: { tags, summary: 'One conversation; `default` always exists', params, response: { 200: Conversation } } }, async (request) => await bus.call(memory.conversationsGet, { id: request.params.id }));

  app.patch('/api/v1/conversations/:id', { schema: { tags, summary: 'Rename a conversation, or change its mode', params, body: ConversationPatch, response: { 200: Conversation } } }, async (request) => {
    const { title, mode } = request.body;
    return await bus.call(memory.conversationsUpdate, { id: request.params.id, ...(title === undefined ? {} : { title }), ...(mode === undefined ? {} : { mode }) });
  });

  app.get(
    '/api/v1/conversations/:id/messages',
    { schema: { tags, summary: 'Messages, oldest first within a page; the first page is the newest, its cursor leads to older ones', params, querystring: PageQuery, response: { 200: z.object({ messages: z.array(Message), nextCursor: z.string().nullable() }) } } },
    async (request) => {
      const page = await bus.call(memory.messagesList, { conversation: request.params.id, ...pageOf(request.query) });
      return { messages: page.messages, nextCursor: nextCursor(page.messages, page.hasMore) };
    },
  );

  app.post('/api/v1/conversations/:id/messages', { schema: { tags, summary: 'Say something; the answer comes as events and messages', params, body: MessageCreate, response: { 202: MessageAccepted } } }, async (request, reply) => {
    const { text, idempotencyKey } = request.body;
    const { messageId, turnId } = await messages.accept({ conversation: request.params.id, key: idempotencyKey ?? newId(), text, actor: actorOf(request) });
    return await reply.code(202).send({ messageId, turnId });
  });
}
