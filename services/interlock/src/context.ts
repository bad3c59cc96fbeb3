import type { KeyObject } from 'node:crypto';
import type { Bus } from '@megabot/bus/port.ts';
import type { Logger } from '@megabot/observability/logger.ts';
import type { AuditWriter } from './audit.ts';
import type { ConfigurationFile } from './configuration/file.ts';
import type { InterlockEvents } from './events.ts';
import type { SecretBox } from './secret-box.ts';
import type { Store, Transact } from './transaction.ts';

/** Times in milliseconds. */
export interface Limits {
  /** How long a permit may be claimed. */
  readonly permitMs: number;
  /** How long a run waits for an executor before it is given up. */
  readonly dueMs: number;
  /** How long a running run may go without a heartbeat. */
  readonly leaseMs: number;
  /** Entries of the audit log between two signatures under it. */
  readonly auditSignEvery: number;
}

export const defaultLimits: Limits = { permitMs: 10_000, dueMs: 300_000, leaseMs: 15_000, auditSignEvery: 100 };

/** What the endpoints share. */
export interface Context {
  readonly bus: Bus;
  readonly store: Store;
  readonly transact: Transact;
  readonly events: InterlockEvents;
  readonly file: ConfigurationFile;
  readonly audit: AuditWriter;
  readonly permitKey: KeyObject;
  /** Of the same key, base64url: what permits, claims and heads of the audit log verify with. */
  readonly permitPublicKey: string;
  readonly earlierPublicKeys: readonly string[];
  readonly originPublicKey: string;
  /** Seals the secrets of one-time codes. */
  readonly codeSecrets: SecretBox;
  readonly limits: Limits;
  readonly clock: () => number;
  readonly logger: Logger;
}
