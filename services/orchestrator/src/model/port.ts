/**
 * The Model port: one conversation step with a language model, whatever server it runs on.
 * Every implementation passes `model-compliance.ts`.
 */
export interface ModelDriver {
  /** For logs and for people: the protocol and the address, without credentials. */
  readonly name: string;
  /**
   * Sends the conversation and streams the answer. Nothing is retried here.
   * @throws {ModelError}
   */
  chat(request: ModelRequest): Promise<ModelReply>;
  /**
   * Asks whether the server answers and has the model; that it does not is a result, not an error.
   * @throws {ModelError} `aborted` alone.
   */
  probe(signal: AbortSignal): Promise<ModelProbe>;
  /** Breaks whatever is under way and closes the connections. */
  close(): Promise<void>;
}

export interface ModelRequest {
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  readonly signal: AbortSignal;
  /** Called for each piece of text, in order; together they are the reply's text. Must not throw. */
  readonly onText: (delta: string) => void;
}

export type ModelMessage =
  | { readonly role: 'system' | 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ModelToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly toolName: string; readonly text: string };

export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments, an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ModelToolCall {
  /** Unique within the reply. */
  readonly id: string;
  /** What the model wrote: perhaps a tool that was never offered. */
  readonly name: string;
  /** An object, to be checked against the tool's schema; undefined where `malformed`. */
  readonly arguments: unknown;
  /** Exactly as the model wrote them. */
  readonly rawArguments: string;
  /** The arguments are no JSON object. */
  readonly malformed: boolean;
}

export type StopReason = 'stop' | 'tool_calls' | 'length' | 'content_filter' | 'other';

export interface ModelReply {
  readonly text: string;
  readonly toolCalls: readonly ModelToolCall[];
  readonly stopReason: StopReason;
  /** In tokens, where the server counts them. */
  readonly usage?: { readonly promptTokens: number; readonly completionTokens: number };
}

export interface ModelProbe {
  readonly reachable: boolean;
  /** The model that `chat` will use; absent where the server does not have it. */
  readonly model?: string;
  /** One sentence for a person: what answers where, or which address was tried and what to do. */
  readonly detail: string;
}

export type ModelErrorCode =
  /** No connection: nothing listens, the name is unknown, the network is down. */
  | 'unreachable'
  /** `local_only` forbids this address, this model, or where it redirects to. */
  | 'refused_address'
  /** The server said nothing for longer than allowed. */
  | 'timeout'
  /** The server answered with an HTTP error; `status` says which. */
  | 'http_status'
  /** The answer broke off or is not what the protocol says. */
  | 'bad_reply'
  /** The server is there and the model is not. */
  | 'model_missing'
  /** The caller's signal ended it. */
  | 'aborted';

/** `message` says what happened and at which address, `hint` what to do; both are for people and hold no secret. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;
  readonly hint: string | undefined;
  readonly status: number | undefined;

  constructor(code: ModelErrorCode, message: string, options: { hint?: string; status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.status = options.status;
  }
}
