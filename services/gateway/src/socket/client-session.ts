import { ClientFrame, type ServerFrame } from '@megabot/contracts/frames.ts';
import * as interlock from '@megabot/contracts/endpoints/interlock.ts';
import type { Bus } from '@megabot/bus/port.ts';
import type { Actor } from '@megabot/contracts/principal.ts';
import type { z } from 'zod';
import { errorTable, GatewayError, publicFailure, type PublicCode } from '../error-table.ts';
import { createEventStream } from '../event-stream.ts';
import type { EventHub } from '../event-hub.ts';
import type { GatewayEvents } from '../events.ts';
import { turnIdOf, type MessageIntake } from '../messages.ts';
import type { GatewayLimits } from '../options.ts';
import { createTokenBucket } from '../token-bucket.ts';
import { cancelTurn } from '../turns.ts';
import { createAcceptedFirst } from './accepted-first.ts';
import type { Outbox } from './outbox.ts';

export interface DoorServices {
  readonly bus: Bus;
  readonly hub: EventHub;
  readonly messages: MessageIntake;
  readonly events: GatewayEvents;
  readonly limits: GatewayLimits;
  readonly clock: () => number;
}

/** One authenticated connection, native or of the UI: the frames from `welcome` on. */
export interface ClientSession {
  readonly resumeFrom: number;
  /** Takes one decoded frame in. */
  receive(frame: unknown): void;
  /** Counts something that costs us but is no frame, such as a WebSocket ping. */
  charge(): boolean;
  /** Refuses what could not even be decoded. */
  refuse(code: PublicCode, message: string): void;
  stop(): void;
}

export function createClientSession(connection: { id: string; actor: Actor; outbox: Outbox }, services: DoorServices): ClientSession {
  const { bus, hub, messages, events, limits, clock } = services;
  const { actor, outbox } = connection;
  const rate = createTokenBucket(limits.messagesPerSecond, limits.messageBurst, clock);
  const patience = createTokenBucket(1, limits.refusalsBeforeClose, clock);
  let pendingMessages = 0;
  let lastMessage: Promise<void> = Promise.resolve();

  const send = (frame: ServerFrame): void => outbox.send(frame);
  const ordered = createAcceptedFirst(send);
  const stream = createEventStream(hub, { send: (frame) => ordered.event(frame), flushed: () => outbox.flushed() });
  const grace = setTimeout(() => attempt(undefined, 'catching up', () => stream.release()), limits.resumeGraceMs);

  const fail = (error: unknown, ref: string | undefined, doing: string): void => {
    const { code, message, hint } = publicFailure(error);
    if (errorTable[code].status >= 500) events.failed(code, error, doing);
    else events.frameRefused(code, connection.id);
    send({ type: 'error', code, message, hint, ...(ref === undefined ? {} : { ref }) });
  };
  const attempt = (ref: string | undefined, doing: string, work: () => Promise<unknown>): void => {
    work().catch((error: unknown) => fail(error, ref, doing));
  };

  const charge = (ref?: string): boolean => {
    if (rate.take()) return true;
    events.frameRefused('rate_limited', connection.id);
    if (!patience.take()) {
      outbox.close('rate_limited');
      return false;
    }
    const { title, hint } = errorTable.rate_limited;
    send({ type: 'error', code: 'rate_limited', message: title, hint, ...(ref === undefined ? {} : { ref }) });
    return false;
  };

  // Messages of one connection are stored in the order they came; decisions and cancellations do not wait behind them.
  const takeMessage = (frame: Extract<ClientFrame, { type: 'message' }>): void => {
    if (pendingMessages >= limits.maxPendingMessages) {
      fail(new GatewayError('rate_limited', 'too many messages wait to be stored'), frame.id, 'a message');
      return;
    }
    pendingMessages += 1;
    lastMessage = lastMessage.then(async () => {
      const message = { conversation: frame.conversation, key: frame.id, text: frame.text, actor };
      ordered.begin(turnIdOf(message));
      try {
        const { messageId, turnId } = await messages.accept(message);
        send({ type: 'accepted', id: frame.id, messageId, turnId });
      } catch (error) {
        fail(error, frame.id, 'a message');
      } finally {
        pendingMessages -= 1;
        ordered.end(turnIdOf(message));
      }
    });
  };

  const take = (frame: ClientFrame): void => {
    if (frame.type !== 'resume') attempt(undefined, 'catching up', () => stream.release());
    switch (frame.type) {
      case 'message':
        return takeMessage(frame);
      case 'decide':
        return attempt(frame.approvalId, 'a decision', async () => {
          const { approvalId, decision, reason } = frame;
          const { approval } = await bus.call(interlock.decide, { approvalId, decision, actor, ...(reason === undefined ? {} : { reason }) });
          events.decided(decision, approval.id, actor.channel);
        });
      case 'cancel':
        return attempt(frame.turnId, 'a cancellation', () => cancelTurn(bus, frame.turnId, actor));
      case 'resume':
        return attempt(undefined, 'a resume', () => stream.resume(frame.since, frame.epoch));
      case 'ping':
        return send({ type: 'pong' });
    }
  };

  return {
    resumeFrom: stream.resumeFrom,
    charge: () => charge(),
    receive(value) {
      const ref = referenceOf(value);
      if (!charge(ref)) return;
      const parsed = ClientFrame.safeParse(value);
      if (!parsed.success) return fail(new GatewayError('bad_request', describeIssues(parsed.error)), ref, 'a frame');
      take(parsed.data);
    },
    refuse(code, message) {
      if (charge()) fail(new GatewayError(code, message), undefined, 'a frame');
    },
    stop() {
      clearTimeout(grace);
      stream.stop();
    },
  };
}

/** What an error refers to: the frame's own id, or what the frame is about. */
function referenceOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  for (const name of ['id', 'approvalId', 'turnId']) {
    const found: unknown = Reflect.get(value, name);
    if (typeof found === 'string' && found.length <= 128) return found;
  }
  return undefined;
}

/** Names the paths that are wrong, never the values. */
export function describeIssues(error: z.core.$ZodError): string {
  return error.issues.slice(0, 5).map((issue) => `${issue.path.length === 0 ? 'the frame' : issue.path.map(String).join('.')}: ${issue.message}`).join('; ');
}
