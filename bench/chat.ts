import { connectNative, uniqueWord } from '@megabot/testing/native-client.ts';

/** Something that answers messages, and how long it took, in milliseconds since the message was sent. */
export interface ChatTarget extends AsyncDisposable {
  readonly name: string;
  /** @throws where the answer is not what the instant model says. */
  ask(): Promise<AnswerTimes>;
}

export interface AnswerTimes {
  /** The server said that it has the message. */
  readonly acceptedMs: number;
  readonly finalMs: number;
}

/** Milliseconds since a command was approved. */
export interface CommandTimes {
  readonly firstOutputMs: number;
  readonly finalMs: number;
}

export interface MegabotChat extends ChatTarget {
  /** Types `!run <command>`, approves it, and waits for its output and answer. */
  runApproved(command: string, output: string): Promise<CommandTimes>;
}

/** A connection to the native socket, encrypted. */
export async function connectMegabot(name: string, options: { wsPort: number; token: string; password: string }): Promise<MegabotChat> {
  const client = await connectNative({ url: `ws://127.0.0.1:${options.wsPort}`, token: options.token, password: options.password });
  return {
    name,
    async ask() {
      const word = uniqueWord();
      const started = performance.now();
      const { turnId } = await client.message(word);
      const acceptedMs = performance.now() - started;
      const final = await client.next((frame) => frame.type === 'final' && frame.turnId === turnId);
      const finalMs = performance.now() - started;
      if (final.type !== 'final' || !final.text.includes(`echo: ${word}`)) throw new Error(`${name} answered something else: ${JSON.stringify(final).slice(0, 400)}`);
      return { acceptedMs, finalMs };
    },
    async runApproved(command, output) {
      const { turnId } = await client.message(`!run ${command}`);
      const asked = await client.next((frame) => (frame.type === 'approval' && frame.approval.turnId === turnId) || (frame.type === 'final' && frame.turnId === turnId));
      if (asked.type !== 'approval') throw new Error(`${name} asked for no approval: ${JSON.stringify(asked).slice(0, 400)}`);
      const started = performance.now();
      client.send({ type: 'decide', approvalId: asked.approval.id, decision: 'approve' });
      const first = await client.next((frame) => (frame.type === 'run' && frame.turnId === turnId && frame.stream !== 'status') || (frame.type === 'final' && frame.turnId === turnId));
      const firstOutputMs = performance.now() - started;
      const final = await client.next((frame) => frame.type === 'final' && frame.turnId === turnId);
      const finalMs = performance.now() - started;
      if (first.type !== 'run' || final.type !== 'final' || !final.text.includes(output)) throw new Error(`${name} did not show the output: ${JSON.stringify(final).slice(0, 400)}`);
      return { firstOutputMs, finalMs };
    },
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}
