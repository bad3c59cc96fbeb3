import type { Approval } from '@megabot/contracts/approval.ts';
import type { AuditEntry } from '@megabot/contracts/audit.ts';
import type { BridgeReport, UndeliveredDecision } from '@megabot/contracts/bridge-report.ts';
import type { Conversation, Message, Mode, Turn } from '@megabot/contracts/conversation.ts';
import type { OneTimeCodes, PolicyVersion, SubmitOutcome } from '@megabot/contracts/endpoints/interlock.ts';
import type { WorkspaceEntry } from '@megabot/contracts/endpoints/sandbox.ts';
import type { RecalledItem } from '@megabot/contracts/memory-item.ts';
import type { Judgement, PolicyView } from '@megabot/contracts/policy.ts';
import type { Run } from '@megabot/contracts/run.ts';

/** A refusal with the server's own words (RFC 9457), or ours where there was no answer at all (`status` 0). */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly status: number;
  readonly code: string;
  readonly hint: string;
  constructor(status: number, code: string, detail: string, hint: string, options?: ErrorOptions) {
    super(detail, options);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export interface Policy {
  readonly view: PolicyView;
  /** Sent back as `If-Match`. */
  readonly etag: string;
}

export type Scope = 'once' | 'conversation' | 'always';
/** What became of a command that was put in the place of another; `approval` where it waits. */
export interface EditedApproval {
  readonly outcome: SubmitOutcome;
  readonly approval: Approval | null;
}
export interface PatternPreview {
  readonly looked: number;
  readonly matches: readonly { readonly command: string; readonly times: number }[];
}

/** Part of what a workspace holds; another `revision` means that its files have changed. */
export interface FilePage {
  readonly revision: string;
  readonly usage: { readonly bytes: number; readonly entries: number };
  readonly files: readonly WorkspaceEntry[];
  readonly nextCursor: string | null;
}
/** An admin of a messenger, as `meta-config.yaml` lists them. */
export interface CodeHolder {
  readonly platform: string;
  readonly sender: string;
}

export type Api = ReturnType<typeof createApi>;

/**
 * The HTTP routes of design §7 that the app uses, on its own origin. Every call rejects with `ApiProblem`.
 * `onUnauthorised` is told of each 401 outside of signing in.
 */
export function createApi(deps: { fetch: typeof fetch; now: () => number; onUnauthorised: () => void }) {
  let clockOffset = 0;

  async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    let response: Response;
    try {
      response = await deps.fetch(path, {
        method,
        headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        cache: 'no-store',
      });
    } catch (error) {
      throw new ApiProblem(0, 'offline', 'MegaBot cannot be reached from this browser.', 'Check that it is running and that this device is connected.', { cause: error });
    }
    noteClock(response.headers.get('date'));
    if (response.ok) return response;
    const problem = await readProblem(response);
    if (response.status === 401 && !path.endsWith('/session') && !path.endsWith('/unlock')) deps.onUnauthorised();
    throw problem;
  }

  // An approval's end is a moment of the server's clock; a device whose clock is off would show a wrong countdown.
  function noteClock(date: string | null): void {
    const server = date === null ? Number.NaN : Date.parse(date);
    const offset = server - deps.now();
    if (Number.isFinite(offset)) clockOffset = Math.abs(offset) > 2_500 ? offset : 0;
  }

  async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await call(method, path, body);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  const after = (cursor: string | undefined) => (cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`);
  const conversationPath = (id: string) => `/api/v1/conversations/${encodeURIComponent(id)}`;

  return {
    /** The server's time now, in milliseconds. */
    serverNow: () => deps.now() + clockOffset,
    signIn: (credential: { token: string } | { code: string }) => json<unknown>('POST', '/api/v1/session', credential),
    signOut: () => json<unknown>('DELETE', '/api/v1/session'),
    unlock: (token: string) => json<unknown>('POST', '/api/v1/unlock', { token }),

    conversations: async () => (await json<{ conversations: Conversation[] }>('GET', '/api/v1/conversations')).conversations,
    createConversation: (title?: string) => json<Conversation>('POST', '/api/v1/conversations', title === undefined ? {} : { title }),
    updateConversation: (id: string, change: { title?: string; mode?: Mode }) => json<Conversation>('PATCH', conversationPath(id), change),
    /** The newest page, or with a cursor the one before the page that gave it. */
    messages: (id: string, cursor?: string) => json<{ messages: Message[]; nextCursor: string | null }>('GET', `${conversationPath(id)}/messages?limit=50${after(cursor)}`),
    turn: (id: string) => json<Turn>('GET', `/api/v1/turns/${encodeURIComponent(id)}`),
    cancelTurn: (id: string) => json<unknown>('POST', `/api/v1/turns/${encodeURIComponent(id)}/cancel`, {}),

    approvals: async () => (await json<{ approvals: Approval[] }>('GET', '/api/v1/approvals?limit=200')).approvals,
    approval: (id: string) => json<Approval>('GET', `/api/v1/approvals/${encodeURIComponent(id)}`),
    decide: (id: string, decision: 'approve' | 'reject', more: { scope?: Scope; reason?: string } = {}) =>
      json<Approval>('POST', `/api/v1/approvals/${encodeURIComponent(id)}`, { decision, ...more }),
    editApproval: (id: string, command: string) => json<EditedApproval>('POST', `/api/v1/approvals/${encodeURIComponent(id)}/edit`, { command }),
    decideBatch: async (approvalIds: readonly string[], decision: 'approve' | 'reject') =>
      (await json<{ decided: { approval: Approval; runId: string | null }[] }>('POST', '/api/v1/approvals/batch', { approvalIds, decision })).decided.map(({ approval, runId }) => (runId === null ? approval : { ...approval, runId })),
    run: (id: string) => json<Run>('GET', `/api/v1/runs/${encodeURIComponent(id)}`),

    files: (id: string, cursor?: string) => json<FilePage>('GET', `${conversationPath(id)}/files?limit=200${after(cursor)}`),
    /** All of a file, or nothing: one that breaks off is not given. */
    file: async (id: string, path: string): Promise<Blob> => {
      const response = await call('GET', `${conversationPath(id)}/files/${path.split('/').map(encodeURIComponent).join('/')}`);
      return await response.blob().catch((error: unknown) => {
        throw new ApiProblem(0, 'broken_off', 'The download broke off, and nothing was saved.', 'The file may have changed meanwhile: refresh the list and download it again.', { cause: error });
      });
    },

    policy: async (): Promise<Policy> => await readPolicy(await call('GET', '/api/v1/policy')),
    putPolicy: async (policy: { allow: readonly string[]; deny: readonly string[]; matching: string }, etag: string): Promise<Policy> =>
      await readPolicy(await call('PUT', '/api/v1/policy', policy, { 'if-match': etag })),
    previewPattern: (list: 'allow' | 'deny', pattern: string) => json<PatternPreview>('POST', '/api/v1/policy/preview', { list, pattern }),
    policyHistory: async () => (await json<{ versions: PolicyVersion[] }>('GET', '/api/v1/policy/history?limit=20')).versions,
    undoPolicy: (to?: number) => json<{ policy: PolicyView; restored: PolicyVersion }>('POST', '/api/v1/policy/undo', to === undefined ? {} : { to }),
    revokeGrant: (id: string) => json<PolicyView>('DELETE', `/api/v1/policy/grants/${encodeURIComponent(id)}`),
    testPolicy: (command: string) => json<Judgement>('POST', '/api/v1/policy/test', { command }),

    audit: (cursor?: string) => json<{ entries: AuditEntry[]; nextCursor: string | null }>('GET', `/api/v1/audit?limit=100${after(cursor)}`),
    verifyAudit: () => json<{ ok: boolean; entries: number; firstBreak: { seq: number; problem: string } | null }>('POST', '/api/v1/audit/verify', {}),

    remember: (text: string) => json<unknown>('POST', '/api/v1/memory', { items: [{ text }] }),
    recall: async (query: string) => (await json<{ items: RecalledItem[] }>('POST', '/api/v1/memory/recall', { query, k: 20 })).items,
    forget: (id: string) => json<{ count: number }>('DELETE', '/api/v1/memory', { ids: [id] }),

    bridges: async () => (await json<{ bridges: BridgeReport[] }>('GET', '/api/v1/bridges')).bridges,
    retryBridge: () => json<BridgeReport>('POST', '/api/v1/bridges/openclaw/retry', {}),
    decideUndelivered: (id: string, decision: 'discard' | 'retry') => json<UndeliveredDecision>('POST', `/api/v1/bridges/openclaw/undelivered/${encodeURIComponent(id)}/${decision}`, {}),
    oneTimeCodes: () => json<{ admins: CodeHolder[]; enrolled: OneTimeCodes[] }>('GET', '/api/v1/one-time-codes'),
    /** The address holds the secret, and is told this once. */
    enrolCodes: ({ platform, sender }: CodeHolder) => json<{ uri: string; expiresAt: number }>('POST', '/api/v1/one-time-codes', { platform, sender }),
    confirmCodes: ({ platform, sender }: CodeHolder, code: string) => json<OneTimeCodes>('POST', '/api/v1/one-time-codes/confirm', { platform, sender, code }),
    removeCodes: ({ platform, sender }: CodeHolder) => json<unknown>('DELETE', '/api/v1/one-time-codes', { platform, sender }),

    /** `/health` answers with 503 and the same body while something is down. */
    health: async (): Promise<unknown> => {
      const response = await deps.fetch('/health', { headers: { accept: 'application/json' }, cache: 'no-store' }).catch(() => null);
      if (response === null) throw new ApiProblem(0, 'offline', 'MegaBot cannot be reached from this browser.', 'Check that it is running.');
      if (response.headers.get('content-type')?.includes('problem') || response.status === 401) throw await readProblem(response);
      return await response.json();
    },
  };
}

async function readPolicy(response: Response): Promise<Policy> {
  const view = (await response.json()) as PolicyView;
  return { view, etag: response.headers.get('etag') ?? `"${view.version}"` };
}

async function readProblem(response: Response): Promise<ApiProblem> {
  const fallback = new ApiProblem(response.status, 'unknown', `The server answered ${response.status} without saying why.`, 'Try again; if it stays, see the logs of the gateway.');
  try {
    const body = (await response.json()) as Partial<Record<'code' | 'title' | 'detail' | 'hint', unknown>>;
    const word = (value: unknown, otherwise: string) => (typeof value === 'string' && value !== '' ? value : otherwise);
    return new ApiProblem(response.status, word(body.code, fallback.code), word(body.detail, word(body.title, fallback.message)), word(body.hint, ''));
  } catch {
    return fallback;
  }
}
