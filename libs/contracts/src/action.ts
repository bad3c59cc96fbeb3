import { z } from 'zod';
import { BridgeAddress } from './bridge-address.ts';
import { Id } from './ids.ts';
import { MemorySpace } from './memory-item.ts';
import { NetworkGrant, NetworkRequest } from './network.ts';
import type { ServiceName } from './services.ts';

/** A path inside the conversation's workspace: relative, no `..`, no NUL, no backslash tricks. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(1_024)
  .refine((path) => !path.startsWith('/') && !path.includes('\0') && path.split('/').every((part) => part !== '..' && part !== '' && part !== '.'), {
    message: 'must be a relative path inside the workspace, without "." or ".."',
  });

export const ShellAction = z.object({
  kind: z.literal('shell'),
  command: z.string().min(1).max(65_536),
  /** What it may reach; without it, nothing. It is part of what is shown, approved and hashed. */
  network: NetworkRequest.exactOptional(),
  /** Its standard input; without it, an empty one. */
  stdin: z.string().max(262_144).exactOptional(),
});

export const FileWriteAction = z.object({
  kind: z.literal('file_write'),
  files: z.array(z.object({ path: WorkspacePath, content: z.string().max(262_144) })).min(1).max(32),
});

/** Deletes regular files of the workspace; folders and links are the shell's business. */
export const FileDeleteAction = z.object({ kind: z.literal('file_delete'), paths: z.array(WorkspacePath).min(1).max(32) });

/** Moves one regular file within the workspace, to a name that is free. */
export const FileMoveAction = z.object({ kind: z.literal('file_move'), from: WorkspacePath, to: WorkspacePath });

const Name = z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, 'must be 1 to 128 letters, digits, "_", "-" or "."');

/** Calls a tool of a server of the Model Context Protocol that the configuration names. */
export const McpCallAction = z.object({ kind: z.literal('mcp_call'), server: Name, tool: Name, arguments: z.record(z.string().max(256), z.json()) });

/** Sets keys of `meta-config.yaml`; which of them can be proposed at all is the interlock's to say. */
export const ConfigChangeAction = z.object({
  kind: z.literal('config_change'),
  changes: z.array(z.object({ key: z.string().regex(/^[a-z_]+(\.[a-z_]+){0,3}$/).max(128), value: z.json() })).min(1).max(16),
});

/** Forgets items of one space of the long-term memory: those named, those of a session, or, with neither, all of it. */
export const MemoryEraseAction = z.object({ kind: z.literal('memory_erase'), space: MemorySpace, ids: z.array(Id).max(500).default([]), session: z.string().min(1).max(256).nullable().default(null) });

/** Writes to somebody in a messenger. Answering the chat that asked is no action; this is for everybody else. */
export const BridgeSendAction = z.object({
  kind: z.literal('bridge_send'),
  platform: Name,
  /** Of the messenger: a room, a number, a channel. */
  chat: z.string().min(1).max(256).regex(/^[^\s\p{Cc}]+$/u, 'must hold no space or control character'),
  /** Which of our own accounts on that platform writes; only needed where several of them know the chat. */
  account: z.string().regex(/^[\w.@+-]{1,64}$/).exactOptional(),
  /** The thread or topic of a group. */
  thread: z.string().min(1).max(256).regex(/^[^\s\p{Cc}]+$/u, 'must hold no space or control character').exactOptional(),
  text: z.string().min(1).max(16_384),
});

/** One request to a web server, which is answered or fails: redirects are not followed. */
export const WebRequestAction = z.object({
  kind: z.literal('web_request'),
  method: z.enum(['GET', 'HEAD', 'POST']),
  url: z.url({ protocol: /^https?$/ }).max(8_192),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().max(4_096).regex(/^[\t\x20-\x7e]*$/)).default({}),
  body: z.string().max(65_536).nullable().default(null),
});

/** What may be proposed. A kind that is not here cannot be expressed on the bus. */
export const Action = z.discriminatedUnion('kind', [
  ShellAction, FileWriteAction, FileDeleteAction, FileMoveAction, McpCallAction, ConfigChangeAction, MemoryEraseAction, BridgeSendAction, WebRequestAction,
]);
export type Action = z.infer<typeof Action>;
export type ActionKind = Action['kind'];
/** The action of one kind. */
export type ActionOf<Kind extends ActionKind> = Extract<Action, { kind: Kind }>;

/** Which service executes a kind; exhaustive, so that a new kind does not compile without an executor. */
export const executors = {
  shell: 'sandbox',
  file_write: 'sandbox',
  file_delete: 'sandbox',
  file_move: 'sandbox',
  mcp_call: 'orchestrator',
  web_request: 'orchestrator',
  config_change: 'interlock',
  memory_erase: 'memory',
  bridge_send: 'gateway',
} as const satisfies Record<ActionKind, ServiceName>;
export type ExecutorName = (typeof executors)[ActionKind];
export const executorNames = ['sandbox', 'orchestrator', 'interlock', 'memory', 'gateway'] as const satisfies readonly ExecutorName[];

const kinds = Object.keys(executors) as [ActionKind, ...ActionKind[]];
export const ActionKind = z.enum(kinds);

/** The kinds that a service executes. */
export const kindsOf = (executor: ExecutorName): readonly ActionKind[] => kinds.filter((kind) => executors[kind] === executor);

/** `turnId:step:call`: the same key always gets the first outcome again. */
export const ActionKey = z.string().regex(/^[A-Za-z0-9_-]{1,64}:\d{1,6}:\d{1,4}$/);

/** The revision of a workspace that holds nothing; what a conversation begins with. */
export const emptyWorkspaceRevision = 'ba49d50fa35a4878222dd11d769e67a8241a7d0cf1ff809e5a281d5f4799b242';

export const RunLimits = z.object({
  wallMs: z.number().int().positive(),
  memoryBytes: z.number().int().positive(),
  pids: z.number().int().positive(),
  cpus: z.number().positive(),
  outputBytes: z.number().int().positive(),
  workspaceBytes: z.number().int().positive(),
});
export type RunLimits = z.infer<typeof RunLimits>;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** One file that an action changes: what it held when it was judged and what it holds afterwards; null where there is no file. */
export const FileChange = z.object({ path: WorkspacePath, before: Sha256.nullable(), after: Sha256.nullable() });
export type FileChange = z.infer<typeof FileChange>;

const place = {
  conversation: Id,
  /** Revision of the workspace the plan was approved for; the sandbox refuses any other. */
  workspaceRevision: z.string(),
};
const room = {
  ...place,
  argv: z.array(z.string()).max(64),
  files: z.array(z.object({ path: WorkspacePath, content: z.string() })).max(32),
  cwd: z.string().startsWith('/workspace'),
  env: z.record(z.string(), z.string()),
  image: z.string(),
  network: z.literal('none'),
  limits: RunLimits,
};
const changes = z.array(FileChange).min(1).max(64);

/** How long an executor without a sandbox may take, and how much of what comes back is kept. */
export const ServiceLimits = z.object({ wallMs: z.number().int().positive(), outputBytes: z.number().int().positive() });
export type ServiceLimits = z.infer<typeof ServiceLimits>;

/** A plan whose executor needs no more than the action as it was judged. */
const service = <Kind extends ActionKind, Schema extends z.ZodType>(kind: Kind, action: Schema) => z.object({ kind: z.literal(kind), ...place, action, limits: ServiceLimits });

/**
 * Exactly what will happen, as the interlock judged it. Its canonical hash is what an approval and a permit are bound to.
 * `argv` is empty for a plan that only writes files.
 */
export const RunPlan = z.discriminatedUnion('kind', [
  /** `command`: the text as it was judged, where `argv` holds what the rules read of it, spelled so that nothing else can be read. */
  z.object({ kind: z.literal('shell'), ...room, network: NetworkGrant, stdin: z.string().exactOptional(), command: z.string().exactOptional() }),
  z.object({ kind: z.literal('file_write'), ...room, changes }),
  z.object({ kind: z.literal('file_delete'), ...place, changes, limits: RunLimits }),
  z.object({ kind: z.literal('file_move'), ...place, from: WorkspacePath, to: WorkspacePath, changes, limits: RunLimits }),
  service('mcp_call', McpCallAction),
  service('config_change', ConfigChangeAction),
  /** `items`: how many were shown to whoever approved; the memory refuses to forget more. */
  service('memory_erase', MemoryEraseAction).extend({ items: z.number().int().nonnegative() }),
  /** `address`: the chat that was shown to whoever approved. Plans made before it was part of them have none, and are refused. */
  service('bridge_send', BridgeSendAction).extend({ address: BridgeAddress.exactOptional() }),
  service('web_request', WebRequestAction),
]);
export type RunPlan = z.infer<typeof RunPlan>;
/** The plan of one kind. */
export type PlanOf<Kind extends ActionKind> = Extract<RunPlan, { kind: Kind }>;
