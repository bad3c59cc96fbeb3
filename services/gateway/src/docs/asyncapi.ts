import { AuthFrame, ClientFrame, HelloFrame, ServerFrame, WelcomeFrame } from '@megabot/contracts/frames.ts';
import { z } from 'zod';

const summaries: Readonly<Record<string, string>> = {
  message: 'Say something; `id` makes it safe to send again',
  decide: 'A word on an approval',
  cancel: 'Stop a turn',
  resume: 'Bring the events after `since`',
  ping: 'Is anybody there',
  accepted: 'The message is stored',
  delta: 'A piece of the answer; a higher `attempt` replaces the text of a lower one',
  approval: 'Something waits for a person, or has changed and must be looked at again',
  decided: 'An approval is no longer pending',
  run: 'Output of a run, or its state',
  final: 'The turn has ended; this is its answer',
  error: 'Something that this client sent was refused or failed',
  notice: 'Something that everybody should know',
  pong: 'Answer to `ping`',
};

type Direction = 'send' | 'receive';

const clientFrames = Object.fromEntries(ClientFrame.options.map((option) => [option.shape.type.value, option]));
const serverFrames = Object.fromEntries(ServerFrame.options.map((option) => [option.shape.type.value, option]));

/** Every frame, by type; `send` is what MegaBot sends. */
const frames: { type: string; direction: Direction; schema: z.ZodType; summary: string }[] = [
  { type: 'hello', direction: 'send', schema: HelloFrame, summary: 'First frame of the native socket, in clear' },
  { type: 'auth', direction: 'receive', schema: AuthFrame, summary: 'First frame of a native client, in clear' },
  { type: 'welcome', direction: 'send', schema: WelcomeFrame, summary: 'First frame after the proof; on the UI socket the first of all, without `proof`' },
  ...Object.entries(clientFrames).map(([type, schema]) => ({ type, direction: 'receive' as const, schema, summary: summaries[type] ?? '' })),
  ...Object.entries(serverFrames).map(([type, schema]) => ({ type, direction: 'send' as const, schema, summary: summaries[type] ?? '' })),
];

/** The AsyncAPI 3.0 document of both sockets, from the schemas that validate them. */
export function asyncApiDocument(version: string): object {
  const messages = Object.fromEntries(frames.map(({ type, schema, summary }) => [type, { name: type, title: type, summary, contentType: 'application/json', payload: schemaOf(schema) }]));
  const channelMessages = Object.fromEntries(frames.map(({ type }) => [type, { $ref: `#/components/messages/${type}` }]));
  const { hello: _hello, auth: _auth, ...uiMessages } = channelMessages;
  const operation = (channel: string, direction: Direction, except: readonly string[] = []) => ({
    action: direction,
    channel: { $ref: `#/channels/${channel}` },
    messages: frames.filter((frame) => frame.direction === direction && !except.includes(frame.type)).map(({ type }) => ({ $ref: `#/channels/${channel}/messages/${type}` })),
  });
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'MegaBot, public protocol 1',
      version,
      description: 'Frames of the native WebSocket and of the UI socket. `send` is what MegaBot sends, `receive` what it takes. The handshake, the encryption around the frames, close codes and errors are described in protocol.md.',
    },
    servers: {
      native: { host: '127.0.0.1:18790', protocol: 'ws', description: 'Native clients; encrypted where a password is set' },
      ui: { host: '127.0.0.1:5173', protocol: 'ws', description: 'The UI, with its cookie' },
    },
    channels: {
      native: { address: '/', servers: [{ $ref: '#/servers/native' }], messages: channelMessages },
      ui: { address: '/ws', servers: [{ $ref: '#/servers/ui' }], messages: uiMessages },
    },
    operations: {
      sendNative: operation('native', 'send'),
      receiveNative: operation('native', 'receive'),
      sendUi: operation('ui', 'send', ['hello']),
      receiveUi: operation('ui', 'receive', ['auth']),
    },
    components: { messages },
  };
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return json;
}
