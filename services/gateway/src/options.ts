/** How long and how much, all in milliseconds, bytes or counts; tests shorten them. */
export interface GatewayLimits {
  /** From the connection to a proved `auth`. */
  readonly handshakeMs: number;
  /** How long a wrong proof or token waits for its answer; nobody else waits with it. */
  readonly failureDelayMs: number;
  readonly maxUnauthenticated: number;
  readonly maxConnections: number;
  /** Of the connections of one door, those that have proved nothing. */
  readonly maxStrangers: number;
  readonly pingMs: number;
  /** Bytes that may wait for a client that reads too slowly. */
  readonly maxBufferedBytes: number;
  readonly messagesPerSecond: number;
  readonly messageBurst: number;
  /** Frames that may be refused for their rate, one forgiven each second, before the connection is closed. */
  readonly refusalsBeforeClose: number;
  /** Messages of one connection that may wait for the store. */
  readonly maxPendingMessages: number;
  /** How long a fresh connection's events wait for its first frame, so that `resume` can put older ones before them. */
  readonly resumeGraceMs: number;
  readonly headersMs: number;
  readonly requestMs: number;
  readonly sessionMs: number;
  readonly sessionCacheMs: number;
  readonly failuresPerMinute: number;
}

export const defaultLimits: GatewayLimits = {
  handshakeMs: 10_000,
  failureDelayMs: 500,
  maxUnauthenticated: 32,
  maxConnections: 512,
  maxStrangers: 256,
  pingMs: 25_000,
  maxBufferedBytes: 4 * 1_048_576,
  messagesPerSecond: 20,
  messageBurst: 40,
  refusalsBeforeClose: 60,
  maxPendingMessages: 64,
  resumeGraceMs: 1_000,
  headersMs: 10_000,
  requestMs: 30_000,
  sessionMs: 14 * 86_400_000,
  sessionCacheMs: 10_000,
  failuresPerMinute: 20,
};

export const maxFrameBytes = 1_048_576;

export interface GatewayOptions {
  readonly version: string;
  /** Address to listen on. */
  readonly listen: string;
  /** Ports to listen on; 0 takes a free one. */
  readonly httpPort: number;
  readonly wsPort: number;
  /** Ports as browsers know them, where they differ from those above. */
  readonly publishedPorts: { readonly http?: number; readonly ws?: number; readonly ui: number };
  /** Further origins under which the gateway is reached, `scheme://host[:port]`. */
  readonly publicOrigins: readonly string[];
  readonly token: string;
  /** Empty turns encryption off. */
  readonly wsPassword: string;
  /** 16 bytes, base64url. */
  readonly wsSalt: string;
  /** Seed of the Ed25519 key that signs origin tickets, base64url. */
  readonly originSeed: string;
  /** How this MegaBot runs, for the health page: `stack` or `standalone`. */
  readonly deployment: 'stack' | 'standalone';
  /** The bridge to messengers; absent or with an empty URL it is off. */
  readonly openclaw?: {
    readonly url: string;
    /** Needed once, to pair. */
    readonly authToken?: string | undefined;
    /** A folder of the bridge's own. */
    readonly stateDir: string;
  };
  /** With which messages that were approved are sent through the bridge, or refused where it is off; without it, such runs are not taken. */
  readonly sending?: {
    /** The interlock's key for permits and grants, pinned. */
    readonly permitPublicKey: string;
    /** Names this replica, the same after a restart. */
    readonly instance: string;
  };
  /** Sentences the health page shows, for instance what an embedded default cannot promise. */
  readonly warnings?: readonly string[];
  readonly limits?: Partial<GatewayLimits>;
}
