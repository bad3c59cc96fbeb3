import type { EventEnvelope } from '@megabot/bus/port.ts';
import type { Event } from '@megabot/contracts/endpoint.ts';
import { events } from '@megabot/contracts/events.ts';
import type { ServerFrame } from '@megabot/contracts/frames.ts';
import type { z } from 'zod';
import { bounded } from './display.ts';

/** A frame that comes from an event and so has a place in `EVENTS`. */
export type EventFrame = Extract<ServerFrame, { seq: number }>;

// At six bytes of JSON a character and four thirds for Fernet, this stays under the 1 MiB that clients read by default.
const longestText = 100_000;

type Mapping = readonly [event: Event, toFrame: (payload: never, seq: number) => EventFrame | undefined];
const mapping = <E extends Event>(event: E, toFrame: (payload: z.infer<E['payload']>, seq: number) => EventFrame | undefined): Mapping => [event, toFrame];

/** Each event that clients hear of, at most one frame each, so that `seq` names one frame. */
const mappings: readonly Mapping[] = [
  mapping(events.delta, (payload, seq) => ({ type: 'delta', seq, ...payload })),
  mapping(events.final, (payload, seq) => ({ type: 'final', seq, ...payload, text: bounded(payload.text, longestText, 'read the conversation for the rest') })),
  mapping(events.approval, ({ approval }, seq) => ({
    type: 'approval',
    seq,
    approval: { ...approval, command: bounded(approval.command, longestText, `read GET /api/v1/approvals/${approval.id} for all of it before deciding`) },
  })),
  mapping(events.decided, (payload, seq) => ({ type: 'decided', seq, ...payload })),
  mapping(events.output, ({ conversation, runId, turnId, stream, chunk }, seq) => ({ type: 'run', seq, runId, turnId, stream, chunk: bounded(chunk, longestText, 'read the run for the rest'), conversation })),
  // The first word is the status; what follows is for people.
  mapping(events.runState, ({ conversation, runId, turnId, status, exitCode, driver }, seq) => ({
    type: 'run',
    seq,
    runId,
    turnId,
    stream: 'status',
    chunk: [status, exitCode === null ? driver : String(exitCode)].filter((word) => word !== null && word !== '').join(' '),
    conversation,
  })),
  mapping(events.lockdown, ({ lockdown }, seq) => ({
    type: 'notice',
    seq,
    text: lockdown ? 'Lockdown: everything that ran was stopped, and nothing runs until the owner lifts it by entering the token again.' : 'The lockdown was lifted.',
  })),
  mapping(events.configuration, ({ warnings }, seq) => (warnings.length === 0 ? undefined : { type: 'notice', seq, text: `Configuration: ${warnings.join(' ')}` })),
  mapping(events.warning, ({ text }, seq) => ({ type: 'notice', seq, text })),
];

const byTopic = new Map(mappings.map(([event, toFrame]) => [`${event.service}.${event.topic}`, toFrame]));

/** The frame of an event, or undefined where clients do not hear of it. */
export function eventFrame(envelope: EventEnvelope): EventFrame | undefined {
  return byTopic.get(`${envelope.event.service}.${envelope.event.topic}`)?.(envelope.payload as never, envelope.seq);
}
