/**
 * Why there is no connection, in words for people. `final` ends all attempts until the configuration changes or somebody
 * asks for another one; everything else is tried again, not before `retryAfterMs` where the gateway named a time.
 */
export interface LinkProblem {
  /** Short and stable, for metrics and tests. */
  readonly reason: string;
  readonly message: string;
  /** What the person does about it; of one that is not final, what the bridge waits for. */
  readonly mend: string;
  readonly final: boolean;
  readonly retryAfterMs?: number;
}

/** A connection that did not come about, or ended. */
export class LinkFailure extends Error {
  override readonly name = 'LinkFailure';
  readonly problem: LinkProblem;
  constructor(problem: LinkProblem, options?: ErrorOptions) {
    super(problem.message, options);
    this.problem = problem;
  }
}

export const refused = (reason: string, message: string, mend: string, cause?: unknown): LinkFailure =>
  new LinkFailure({ reason, message, mend, final: true }, cause === undefined ? undefined : { cause });

/** `waitsFor` goes on after "It waits for". */
export const temporary = (reason: string, message: string, waitsFor: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}): LinkFailure =>
  new LinkFailure(
    { reason, message, mend: `It waits for ${waitsFor}.`, final: false, ...(options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs }) },
    options.cause === undefined ? undefined : { cause: options.cause },
  );

/** What a request on a standing connection came to, other than an answer. */
export class RequestFailure extends Error {
  override readonly name = 'RequestFailure';
  /** `unanswered`: it may have been carried out. `refused`: the gateway said no. `unsent`: it never left. */
  readonly kind: 'unanswered' | 'refused' | 'unsent';
  readonly code: string;
  readonly detail: string | undefined;
  constructor(kind: RequestFailure['kind'], code: string, message: string, detail?: string) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.detail = detail;
  }
}
