import { z } from 'zod';
import { NetworkHost } from '@megabot/contracts/network.ts';
import { BridgeSendAction, ShellAction, WebRequestAction, WorkspacePath, type Action } from '@megabot/contracts/action.ts';
import type { ClaimedTurn, Mode } from '@megabot/contracts/conversation.ts';
import { Id } from '@megabot/contracts/ids.ts';
import type { Step } from './checkpoint.ts';
import type { ModelTool, ModelToolCall } from './model/port.ts';

/** What the model may propose. `remember` and `recall` go to memory, everything else to the interlock. */
const tools = {
  shell: {
    description:
      'Run a shell command in a throw-away container without network. Its working directory is /workspace, which lasts. ' +
      'The policy judges it, and a person may have to approve it first. Network is only there for the hosts it asks for, and a person has to agree.',
    schema: z.object({
      command: ShellAction.shape.command.describe('The command line, for bash.'),
      network: z.array(NetworkHost).min(1).max(32).optional().describe('Only where it cannot do without: every host it needs, such as ["pypi.org", "files.pythonhosted.org"].'),
    }),
    changes: true,
  },
  write_file: {
    description: 'Write a text file in /workspace, whole; an existing one is replaced. A person may have to approve it first.',
    schema: z.object({
      path: WorkspacePath.describe('Relative to /workspace, without "..".'),
      content: z.string().max(262_144).describe('The whole content of the file.'),
    }),
    changes: true,
  },
  delete_file: {
    description: 'Delete one file in /workspace. A person may have to approve it first.',
    schema: z.object({ path: WorkspacePath.describe('Relative to /workspace.') }),
    changes: true,
  },
  move_file: {
    description: 'Move or rename one file in /workspace, to a name that is free. A person may have to approve it first.',
    schema: z.object({ from: WorkspacePath.describe('Relative to /workspace.'), to: WorkspacePath.describe('The new path, relative to /workspace.') }),
    changes: true,
  },
  web_request: {
    description: 'Make one request to a web server of the public internet. Redirects are not followed. A person may have to approve it first.',
    schema: z.object({
      method: WebRequestAction.shape.method.default('GET'),
      url: WebRequestAction.shape.url.describe('The whole address, with http:// or https://.'),
      body: WebRequestAction.shape.body.describe('For POST: what is sent.'),
    }),
    changes: true,
  },
  send_message: {
    description:
      'Send a message to a person or group on a messenger, by the chat\'s id there. Only chats in which somebody wrote before can be reached. ' +
      'A person may have to approve it first. Not for answering: your reply goes to whoever asked by itself.',
    schema: z.object({
      platform: BridgeSendAction.shape.platform.describe('Such as "telegram".'),
      chat: BridgeSendAction.shape.chat.describe('The id of the person or group on that messenger.'),
      text: BridgeSendAction.shape.text.refine((text) => text.trim() !== '', 'must not be empty').describe('Exactly what is sent.'),
      account: BridgeSendAction.shape.account.unwrap().optional().describe('Only where you were told to name one.'),
      thread: BridgeSendAction.shape.thread.unwrap().optional().describe('Only where you were told to name one.'),
    }),
    changes: true,
  },
  forget: {
    description: 'Propose to forget items of long-term memory for good, by the ids that recall shows. A person may have to approve it first.',
    schema: z.object({ ids: z.array(Id).min(1).max(100).describe('Ids of the items.') }),
    changes: true,
  },
  remember: {
    description: 'Keep one fact in long-term memory, for later conversations. Only what the person wants kept.',
    schema: z.object({ text: z.string().min(1).max(16_384).describe('The fact, as one sentence that can be understood alone.') }),
    changes: true,
  },
  recall: {
    description: 'Look up long-term memory by words.',
    schema: z.object({ query: z.string().min(1).max(4_096).describe('Words to look for.') }),
    changes: false,
  },
} as const;
type ToolName = keyof typeof tools;
const isToolName = (name: string): name is ToolName => Object.hasOwn(tools, name);

/** What decides which tools there are: the turn's mode and whose it is, whether anything may leave this machine, and the messengers that are turned on. */
export type Offering = Pick<ClaimedTurn, 'mode' | 'trust'> & { readonly web?: boolean; readonly messengers?: readonly string[] };

/** Why a tool is withheld from this turn, as the model is told; undefined if it may be used. */
function withheld(name: ToolName, turn: Offering): string | undefined {
  if (turn.mode === 'plan' && tools[name].changes) {
    return 'Refused: this conversation is in plan mode, where nothing is changed. Describe what you would do; the person can leave plan mode with "!mode ask".';
  }
  if ((name === 'remember' || name === 'forget') && turn.trust !== 'owner') return `Refused: only the owner can have something ${name === 'remember' ? 'kept in' : 'forgotten from'} memory.`;
  if (name === 'web_request' && turn.web !== true) return 'Refused: local_only is on, so nothing is fetched from the internet. The owner can turn it off in config/meta-config.yaml.';
  if (name === 'send_message' && turn.trust === 'untrusted') return 'Refused: whoever writes through a messenger is answered there, and cannot have messages sent to anybody else.';
  if (name === 'send_message' && (turn.messengers ?? []).length === 0) return 'Refused: no messenger is set up. The owner can do that in config/meta-config.yaml (bridges.openclaw.platforms).';
  if (name === 'recall' && turn.trust === 'untrusted') return 'Refused: memory is not open to this person.';
  return undefined;
}

export function offeredTools(turn: Offering): ModelTool[] {
  return Object.entries(tools)
    .filter(([name]) => isToolName(name) && withheld(name, turn) === undefined)
    .map(([name, { description, schema }]) => {
      const { $schema: _, ...parameters } = z.toJSONSchema(schema, { io: 'input' });
      return { name, description, parameters };
    });
}

/** More calls than a person could follow are not looked at. */
const maxCalls = 16;
/** What one action of the contracts may hold. */
const maxFiles = 32;

/**
 * Sorts a reply's calls: those that cannot be done have their result at once, most others become actions, and what is left is
 * for memory. In the mode `build` the files of one reply are written by one action, and so one approval.
 */
export function planStep(turn: Offering & Pick<ClaimedTurn, 'id'>, stepIndex: number, text: string, calls: readonly ModelToolCall[]): Step {
  const step: Step = {
    text,
    calls: calls.map((call) => ({ id: call.id, name: call.name, arguments: asJsonObject(call.arguments) })),
    results: calls.map((call, index) => (index < maxCalls ? complaint(call, turn) : `Not done: at most ${maxCalls} calls at a time.`)),
    actions: [],
    submitted: false,
  };
  for (const [index, call] of calls.entries()) {
    if (step.results[index] !== null) continue;
    const action = actionOf(call);
    if (!action) continue;
    const batch = turn.mode === 'build' ? step.actions.find((planned) => mayJoin(planned.action, action)) : undefined;
    if (batch?.action.kind === 'file_write' && action.kind === 'file_write') {
      // Written twice in one reply, a file ends as it would have: with the later content.
      const paths = new Set(action.files.map((file) => file.path));
      batch.action = { kind: 'file_write', files: [...batch.action.files.filter((file) => !paths.has(file.path)), ...action.files] };
      batch.calls.push(index);
    } else {
      step.actions.push({ key: `${turn.id}:${stepIndex}:${index}`, calls: [index], action });
    }
  }
  return step;
}

function mayJoin(batch: Action, action: Action): boolean {
  return batch.kind === 'file_write' && action.kind === 'file_write' && batch.files.length + action.files.length <= maxFiles;
}

function actionOf(call: ModelToolCall): Action | undefined {
  switch (call.name) {
    case 'shell':
      return shellAction(tools.shell.schema.parse(call.arguments));
    case 'write_file':
      return { kind: 'file_write', files: [tools.write_file.schema.parse(call.arguments)] };
    case 'delete_file':
      return { kind: 'file_delete', paths: [tools.delete_file.schema.parse(call.arguments).path] };
    case 'move_file':
      return { kind: 'file_move', ...tools.move_file.schema.parse(call.arguments) };
    case 'web_request':
      return { kind: 'web_request', ...tools.web_request.schema.parse(call.arguments), headers: {} };
    case 'send_message':
      return messageAction(tools.send_message.schema.parse(call.arguments));
    case 'forget':
      return { kind: 'memory_erase', space: 'default', session: null, ...tools.forget.schema.parse(call.arguments) };
    default:
      return undefined;
  }
}

const shellAction = ({ command, network }: z.infer<(typeof tools)['shell']['schema']>): Action => ({ kind: 'shell', command, ...(network === undefined ? {} : { network: { hosts: network } }) });

/** White space around a message is a model's habit; no messenger carries it, and what is approved is what is sent. */
const messageAction = ({ platform, chat, text, account, thread }: z.infer<(typeof tools)['send_message']['schema']>): Action => ({
  kind: 'bridge_send', platform, chat, text: text.trim(), ...(account === undefined ? {} : { account }), ...(thread === undefined ? {} : { thread }),
});

/** What is wrong with a call, so that the model can mend it; null if nothing is. */
function complaint(call: ModelToolCall, turn: Offering): string | null {
  if (!isToolName(call.name)) {
    const names = offeredTools(turn).map((tool) => tool.name);
    return `Not done: there is no tool "${call.name.slice(0, 64)}". ${names.length > 0 ? `There is: ${names.join(', ')}.` : 'There are no tools here.'}`;
  }
  const refusal = withheld(call.name, turn);
  if (refusal !== undefined) return refusal;
  if (call.malformed) return `Not done: the arguments of ${call.name} are no JSON object. Call it again with ${exampleOf(call.name)}.`;
  const parsed = tools[call.name].schema.safeParse(call.arguments);
  if (parsed.success) return null;
  const problems = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message}`);
  return `Not done: wrong arguments of ${call.name} (${problems.join('; ')}). Call it again with ${exampleOf(call.name)}.`;
}

function exampleOf(name: ToolName): string {
  return JSON.stringify(Object.fromEntries(Object.entries<z.ZodType>(tools[name].schema.shape).flatMap(([key, value]) => (value.safeParse(undefined).success ? [] : [[key, '…']]))));
}

/** What is to be done at memory for a saved call; undefined where the call is none of memory's. */
export function memoryOperation(call: Step['calls'][number]): { kind: 'remember'; text: string } | { kind: 'recall'; query: string } | undefined {
  switch (call.name) {
    case 'remember':
      return { kind: 'remember', ...tools.remember.schema.parse(call.arguments) };
    case 'recall':
      return { kind: 'recall', ...tools.recall.schema.parse(call.arguments) };
    default:
      return undefined;
  }
}

function asJsonObject(value: unknown): Step['calls'][number]['arguments'] {
  const parsed = z.record(z.string(), z.json()).safeParse(value);
  return parsed.success ? parsed.data : {};
}

/** What each mode means, for the model. */
export const modeSentence: Readonly<Record<Mode, string>> = {
  plan: 'Mode "plan": nothing may be changed. Think, look things up, and describe what you would do.',
  ask: 'Mode "ask": what you propose may have to be approved by a person first.',
  build: 'Mode "build": like ask; write all files of one change in one reply, so that they are approved together.',
};
