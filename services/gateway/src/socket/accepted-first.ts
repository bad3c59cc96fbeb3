import type { EventFrame } from '../event-frames.ts';

/**
 * Keeps `accepted` before the events of its turn on the connection that sent the message: the store announces an answer, or
 * the model its first word, before the gateway has heard that the message is stored. Events stay in their order, so one that
 * has to wait makes the later ones wait too, for as long as storing takes.
 */
export interface AcceptedFirst {
  event(frame: EventFrame): void;
  /** A message is on its way to the store, as the turn `turnId`. */
  begin(turnId: string): void;
  /** The client was told what became of it. */
  end(turnId: string): void;
}

// More than a turn has within the time limit of storing; beyond it memory counts more than order.
const maxHeld = 500;

export function createAcceptedFirst(send: (frame: EventFrame) => void): AcceptedFirst {
  const storing = new Set<string>();
  let held: EventFrame[] = [];

  const mustWait = (frame: EventFrame): boolean => {
    const turnId = turnOf(frame);
    return turnId !== undefined && storing.has(turnId);
  };
  const release = (): void => {
    const frames = held;
    held = [];
    const stop = frames.findIndex(mustWait);
    for (const frame of stop === -1 ? frames : frames.slice(0, stop)) send(frame);
    if (stop !== -1) held = frames.slice(stop);
  };

  return {
    event(frame) {
      if (held.length === 0 && !mustWait(frame)) return send(frame);
      held.push(frame);
      if (held.length > maxHeld) storing.clear();
      if (storing.size === 0) release();
    },
    begin(turnId) {
      storing.add(turnId);
    },
    end(turnId) {
      storing.delete(turnId);
      release();
    },
  };
}

function turnOf(frame: EventFrame): string | undefined {
  switch (frame.type) {
    case 'approval':
      return frame.approval.turnId;
    case 'notice':
      return undefined;
    case 'delta':
    case 'decided':
    case 'run':
    case 'final':
      return frame.turnId;
  }
}
