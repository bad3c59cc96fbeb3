/**
 * What the scripted model does: a function of the conversation alone, so that a test reads in its own message
 * what will happen. The last user text may hold one directive, `NAME:argument`, the argument running to the end:
 *
 *   RUN:<command>              calls `shell`
 *   TWO:<command>;;<command>   calls `shell` twice in one reply
 *   FILE:<path>=<content>      calls `write_file`
 *   REMEMBER:<text>            calls `remember`
 *   RECALL:<query>             calls `recall`
 *   SEND:<platform>/<chat>=<text>  calls `send_message`
 *   BAD:<anything>             calls `shell` with arguments that are no JSON
 *   UNKNOWNTOOL:<anything>     calls a tool that nobody offered
 *   SLOW:<ms>                  streams ten chunks over that time
 *   HANG:                      sends headers and then nothing
 *   CUT:                       breaks the connection in the middle of the answer
 *   FAIL:<status>              answers with that HTTP status
 *   HISTORY:                   says how many messages it was sent, and the user's texts
 *
 * Once a tool's result is newer than that text, it repeats the results. Without a directive, it echoes.
 */
export interface ScriptMessage {
  readonly role: string;
  readonly text: string;
}

export interface ScriptedCall {
  readonly name: string;
  /** As a model writes them: JSON, or not. */
  readonly arguments: string;
}

export type Scripted =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'calls'; readonly calls: readonly ScriptedCall[] }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'hang' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'fail'; readonly status: number };

const directive =
  /\b(RUN|TWO|FILE|REMEMBER|RECALL|SEND|BAD|UNKNOWNTOOL|SLOW|HANG|CUT|FAIL|HISTORY):([^]*)$/;

export function scriptedReply(messages: readonly ScriptMessage[]): Scripted {
  const lastUser = messages.findLastIndex((message) => message.role === 'user');
  const results = messages.slice(lastUser + 1).filter((message) => message.role === 'tool');
  if (results.length > 0) {
    const said = results.map((result) => result.text).join('\n');
    return { kind: 'text', text: `tool said: ${said.trim().slice(0, 400)}` };
  }
  const text = messages[lastUser]?.text ?? '';
  const match = directive.exec(text);
  if (!match) return { kind: 'text', text: `echo: ${text.trim().slice(0, 200)}` };
  return follow(match[1] ?? '', (match[2] ?? '').trim(), messages);
}

function follow(name: string, argument: string, messages: readonly ScriptMessage[]): Scripted {
  switch (name) {
    case 'RUN':
      return callTools(call('shell', { command: argument }));
    case 'TWO':
      return callTools(...argument.split(';;').map((command) => call('shell', { command: command.trim() })));
    case 'FILE': {
      const equals = argument.indexOf('=');
      const [path, content] = equals < 0 ? [argument, ''] : [argument.slice(0, equals), argument.slice(equals + 1)];
      return callTools(call('write_file', { path, content }));
    }
    case 'REMEMBER':
      return callTools(call('remember', { text: argument }));
    case 'RECALL':
      return callTools(call('recall', { query: argument }));
    case 'SEND': {
      const [, platform = '', chat = '', text = ''] = /^([^/]*)\/([^=]*)=([^]*)$/.exec(argument) ?? [];
      return callTools(call('send_message', { platform, chat, text }));
    }
    case 'BAD':
      return callTools({ name: 'shell', arguments: `{"command": "${argument}` });
    case 'UNKNOWNTOOL':
      return callTools(call('no_such_tool', { input: argument }));
    case 'SLOW':
      return { kind: 'slow', ms: Number.parseInt(argument, 10) || 0 };
    case 'HANG':
      return { kind: 'hang' };
    case 'CUT':
      return { kind: 'cut' };
    case 'FAIL':
      return { kind: 'fail', status: Math.min(Math.max(Number.parseInt(argument, 10) || 500, 400), 599) };
    default: {
      const users = messages.filter((message) => message.role === 'user').map((message) => message.text);
      return { kind: 'text', text: `history: ${messages.length} messages; user: ${JSON.stringify(users)}` };
    }
  }
}

function call(name: string, input: Readonly<Record<string, string>>): ScriptedCall {
  return { name, arguments: JSON.stringify(input) };
}

function callTools(...calls: readonly ScriptedCall[]): Scripted {
  return { kind: 'calls', calls };
}
