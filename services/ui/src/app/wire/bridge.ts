/** A bridge to messengers as `GET /api/v1/bridges` tells of it. Times in milliseconds since 1970. */
export interface BridgeView {
  readonly name: string;
  /** `off`: not set up; `standby`: another process of this MegaBot runs it. */
  readonly state: 'off' | 'standby' | 'connecting' | 'connected' | 'waiting' | 'refused';
  readonly since?: number;
  readonly address?: string;
  readonly message?: string;
  readonly mend?: string;
  readonly nextTryAt?: number;
  readonly gatewayVersion?: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly findings: readonly { readonly code: string; readonly level: 'alarm' | 'warning'; readonly message: string; readonly mend: string }[];
  readonly undelivered: readonly UndeliveredView[];
}

/** An answer that has not arrived. `pending` and `held` may still, `failed` not. */
export interface UndeliveredView {
  readonly id: string;
  readonly platform: string;
  readonly chat: string;
  readonly state: string;
  readonly reason: string;
  readonly attempts: number;
  readonly createdAt: number;
  readonly expiresAt: number;
}
