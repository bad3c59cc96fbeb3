import { createHash } from 'node:crypto';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import * as memory from '@megabot/contracts/endpoints/memory.ts';
import { events } from '@megabot/contracts/events.ts';
import { ActionAllowed, ActionAsked, ActionDenied, ActionRequest } from '@megabot/contracts/http.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { isFinalRunStatus, type Run } from '@megabot/contracts/run.ts';
import { z } from 'zod';
import { actorOf } from '../guard.ts';
import type { HttpApp, HttpServices } from '../services.ts';

const Headers = z.object({ 'idempotency-key': z.string().min(1).max(128).optional() });

/** Running one command directly, without a model or a conversation's turn. The interlock judges it like any other. */
export function registerActionRoutes(app: HttpApp, services: HttpServices): void {
  const { bus, tickets } = services;
  app.post(
    '/api/v1/actions',
    { schema: { tags: ['actions'], summary: 'Propose one action; the same Idempotency-Key gets the first outcome again', headers: Headers, body: ActionRequest, response: { 200: ActionAllowed, 202: ActionAsked, 403: ActionDenied } } },
    async (request, reply) => {
      const { conversation = 'default', wait = 0, ...action } = request.body;
      const actor = actorOf(request);
      if (conversation !== 'default') await bus.call(memory.conversationsGet, { id: conversation });
      const turnId = turnOfKey(request.headers['idempotency-key'], actor.principal);
      const outcome = await bus.call(interlock.submit, { action, ticket: tickets.issue({ conversation, actor, turnId }), key: `${turnId}:0:0` });
      switch (outcome.decision) {
        case 'deny':
          return await reply.code(403).send(outcome);
        case 'ask':
          return await reply.code(202).send(outcome);
        case 'allow': {
          const run = await runWithin(services, outcome.runId, wait * 1_000);
          return await reply.code(200).send({ decision: 'allow' as const, run, warnings: outcome.warnings });
        }
      }
    },
  );
}

/** An action over HTTP is a turn of its own; a client's key always names the same one. */
function turnOfKey(key: string | undefined, principal: string): string {
  if (key === undefined) return newId();
  return `http-${createHash('sha256').update(JSON.stringify([principal, key])).digest('base64url')}`;
}

const pollMs = 1_000;

/** The run as it stands at its end, or after `waitMs` milliseconds. Events wake the wait; asking now and then mends a lost one. */
async function runWithin(services: HttpServices, runId: string, waitMs: number): Promise<Run> {
  const { bus, hub, clock, signal } = services;
  const until = clock() + waitMs;
  let wake = (): void => {};
  const unsubscribe = hub.subscribe(({ event, payload }) => {
    if (event.topic !== events.runState.topic || event.service !== events.runState.service) return;
    if (events.runState.payload.parse(payload).runId === runId) wake();
  });
  try {
    for (;;) {
      // Armed before asking, so that an end in between is not missed.
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const run = await bus.call(interlock.runGet, { runId });
      const left = until - clock();
      if (isFinalRunStatus(run.status) || left <= 0 || signal.aborted) return run;
      await wokenOrLater(woken, Math.min(left, pollMs));
    }
  } finally {
    unsubscribe();
  }
}

async function wokenOrLater(woken: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const later = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([woken, later]);
  clearTimeout(timer);
}
