import { createInProcessHub } from '@megabot/bus/in-process.ts';
import { handle, type Bus } from '@megabot/bus/port.ts';
import { emptyWorkspaceRevision, executors, type ActionKind, type PlanOf } from '@megabot/contracts/action.ts';
import { canonicalHash, signedBytes } from '@megabot/contracts/canonical.ts';
import { claim, heartbeat, report } from '@megabot/contracts/endpoints/interlock.ts';
import { cancel, lockdown } from '@megabot/contracts/events.ts';
import { newId } from '@megabot/contracts/ids.ts';
import { runQueues, type Permit, type PermitOf } from '@megabot/contracts/queues.ts';
import { signingContexts, type ClaimGrant, type PermitClaims } from '@megabot/contracts/ticket.ts';
import { generateSecret, keyPairFromSeed, signText } from '@megabot/crypto/ed25519.ts';
import { silentLogger } from '@megabot/observability/logger.ts';
import type { z } from 'zod';

type ClaimRequest = z.infer<(typeof claim)['request']>;
type ClaimReply = z.infer<(typeof claim)['reply']>;
type HeartbeatReply = z.infer<(typeof heartbeat)['reply']>;
type ReportRequest = z.infer<(typeof report)['request']>;

export const plan: PlanOf<'shell'> = {
  kind: 'shell',
  conversation: 'default',
  argv: ['bash', '-c', 'echo hi'],
  files: [],
  cwd: '/workspace',
  env: {},
  image: 'megabot/sandbox:0.1.0',
  network: 'none',
  limits: { wallMs: 20_000, memoryBytes: 128 * 2 ** 20, pids: 64, cpus: 1, outputBytes: 65_536, workspaceBytes: 8 * 2 ** 20 },
  workspaceRevision: emptyWorkspaceRevision,
};

const signed = (privateKey: Parameters<typeof signText>[0], context: string, value: unknown): string =>
  signText(privateKey, signedBytes(context, value));

/** Makes permits and grants as the interlock does, with a key pair of its own. */
export function createSigner() {
  const { publicKey, privateKey } = keyPairFromSeed(generateSecret());
  return {
    publicKey,
    /** For a shell command that differs from `plan` as said. */
    permit({ plan: changed, ...overrides }: { claims?: Partial<PermitClaims>; plan?: Partial<PlanOf<'shell'>>; now?: number } = {}): PermitOf<'shell'> {
      return this.permitFor({ ...plan, ...changed }, overrides);
    },
    permitFor<Kind extends ActionKind>(permitted: PlanOf<Kind>, overrides: { claims?: Partial<PermitClaims>; now?: number } = {}): PermitOf<Kind> {
      const now = overrides.now ?? Date.now();
      const claims: PermitClaims = {
        permitId: newId(), runId: newId(), turnId: newId(), executor: executors[permitted.kind], planHash: canonicalHash(permitted), epoch: 1, issuedAt: now, expiresAt: now + 20_000,
        ...overrides.claims,
      };
      return { claims, signature: signed(privateKey, signingContexts.permit, claims), plan: permitted };
    },
    grant(grant: ClaimGrant): ClaimReply {
      return { grant, grantSignature: signed(privateKey, signingContexts.claim, grant) };
    },
  };
}
export type Signer = ReturnType<typeof createSigner>;

/** An interlock whose answers the test decides, on a hub of its own. What it does not change is granted, calm and recorded. */
export async function startFakeInterlock() {
  const hub = createInProcessHub();
  const bus: Bus = hub.bus('interlock', { logger: silentLogger() });
  const signer = createSigner();
  const claims: ClaimRequest[] = [];
  const beats: string[][] = [];
  const reports: ReportRequest[] = [];
  const answers = {
    claim: async (request: ClaimRequest): Promise<ClaimReply> =>
      signer.grant({ permitId: request.permitId, runId: request.runId, nonce: request.nonce, planHash: request.planHash, epoch: 1 }),
    heartbeat: async (): Promise<HeartbeatReply> => ({ epoch: 1, lockdown: false, stop: [] }),
    report: async (_request: ReportRequest): Promise<{ recorded: boolean }> => ({ recorded: true }),
  };
  await bus.serve([
    handle(claim, async (request) => {
      claims.push(request);
      return await answers.claim(request);
    }),
    handle(heartbeat, async (request) => {
      beats.push(request.running);
      return await answers.heartbeat();
    }),
    handle(report, async (request) => {
      reports.push(request);
      return await answers.report(request);
    }),
  ]);
  return {
    hub,
    signer,
    /** What the executor asked so far, oldest first. */
    claims,
    beats,
    reports,
    answers,
    /** Into the queue of the executor that it names, or another's. */
    queue: async (permit: Permit, queue = runQueues[permit.claims.executor]) => await bus.enqueue(queue, permit, newId()),
    announceLockdown: async () => await bus.publish(lockdown, { epoch: 2, lockdown: true }),
    announceCancel: async (runId: string) => await bus.publish(cancel, { runIds: [runId] }),
    close: async () => await hub.close(),
  };
}
export type FakeInterlock = Awaited<ReturnType<typeof startFakeInterlock>>;
