-- Times are milliseconds since 1970, from the service's clock. Names are always written with their schema.

-- One row: what is in force. Every decision locks it for sharing, every change of it alone, so that nothing is decided by a
-- policy that another replica has already replaced.
CREATE TABLE interlock.state (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  revision bigint NOT NULL DEFAULT 0,
  epoch bigint NOT NULL DEFAULT 0,
  lockdown boolean NOT NULL DEFAULT false,
  -- Hash of the file's content as it was read last; null before the first time.
  content_hash text,
  policy jsonb,
  settings jsonb,
  -- Why allow rules do not hold at the moment.
  suspended text,
  warnings jsonb NOT NULL DEFAULT '[]'
);
INSERT INTO interlock.state DEFAULT VALUES;

-- Every policy that was in force, the last good one among them.
CREATE TABLE interlock.policy_versions (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  content_hash text NOT NULL,
  policy jsonb NOT NULL,
  settings jsonb NOT NULL,
  stored_at bigint NOT NULL
);

CREATE TABLE interlock.workspaces (
  conversation text PRIMARY KEY,
  revision text NOT NULL,
  -- The turn whose run changed it last; null if that is not known.
  changed_by text
);

-- What was proposed and what came of it, for ever. The text itself is not here: only a salted hash, to tell a repetition.
CREATE TABLE interlock.actions (
  key text PRIMARY KEY,
  turn_id text NOT NULL,
  conversation text NOT NULL,
  principal text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('shell', 'file_write')),
  salt text NOT NULL,
  action_hash text NOT NULL,
  -- The answer, as it is given again for the same key.
  outcome jsonb NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX actions_turn ON interlock.actions (turn_id);

CREATE TABLE interlock.approvals (
  id text PRIMARY KEY,
  short_id text NOT NULL,
  key text NOT NULL UNIQUE REFERENCES interlock.actions (key) DEFERRABLE INITIALLY DEFERRED,
  conversation text NOT NULL,
  turn_id text NOT NULL,
  requested_by text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('shell', 'file_write')),
  -- The exact text while it is pending or its run is not ended; redacted afterwards.
  command text NOT NULL,
  plan jsonb,
  plan_hash text NOT NULL,
  revision text NOT NULL,
  reasons jsonb NOT NULL,
  risk text NOT NULL CHECK (risk IN ('low', 'medium', 'high')),
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  decided_by text,
  decided_at bigint,
  decided_channel text,
  scope text,
  reason text,
  run_id text,
  CHECK ((status = 'pending') = (decided_at IS NULL))
);
CREATE INDEX approvals_pending ON interlock.approvals (expires_at) WHERE status = 'pending';
CREATE INDEX approvals_conversation ON interlock.approvals (conversation, created_at);
CREATE INDEX approvals_turn ON interlock.approvals (turn_id);
CREATE INDEX approvals_prefix ON interlock.approvals (id text_pattern_ops);

CREATE TABLE interlock.runs (
  id text PRIMARY KEY,
  -- The order in which a conversation's runs start.
  place bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  key text NOT NULL UNIQUE REFERENCES interlock.actions (key) DEFERRABLE INITIALLY DEFERRED,
  conversation text NOT NULL,
  turn_id text NOT NULL,
  -- What allowed it: a rule, a person, or a person's word for the whole conversation.
  source text NOT NULL CHECK (source IN ('policy', 'approval', 'grant')),
  command text NOT NULL,
  -- Exactly what will happen; gone when the run has ended.
  plan jsonb,
  status text NOT NULL DEFAULT 'due',
  deadline bigint NOT NULL,
  instance text,
  lease_until bigint,
  stop_requested text CHECK (stop_requested IN ('cancel', 'lockdown')),
  exit_code integer,
  signal text,
  output text NOT NULL DEFAULT '',
  truncated boolean NOT NULL DEFAULT false,
  dropped_bytes bigint NOT NULL DEFAULT 0,
  driver text,
  detail text,
  created_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  reported boolean NOT NULL DEFAULT false,
  CHECK ((status IN ('due', 'running')) = (ended_at IS NULL)),
  CHECK (status NOT IN ('due', 'running') OR plan IS NOT NULL)
);
CREATE INDEX runs_unended ON interlock.runs (conversation, place) WHERE status IN ('due', 'running');
CREATE UNIQUE INDEX runs_one_at_a_time ON interlock.runs (conversation) WHERE status = 'running';
CREATE INDEX runs_turn ON interlock.runs (turn_id);

CREATE TABLE interlock.permits (
  id text PRIMARY KEY,
  run_id text NOT NULL REFERENCES interlock.runs (id),
  number integer NOT NULL,
  plan_hash text NOT NULL,
  epoch bigint NOT NULL,
  issued_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  status text NOT NULL DEFAULT 'live' CHECK (status IN ('live', 'claimed', 'void')),
  instance text,
  nonce text,
  claimed_at bigint,
  UNIQUE (run_id, number)
);
-- Whatever the code does: a run has at most one usable permit, and is claimed at most once.
CREATE UNIQUE INDEX permits_one_live ON interlock.permits (run_id) WHERE status = 'live';
CREATE UNIQUE INDEX permits_one_claimed ON interlock.permits (run_id) WHERE status = 'claimed';

-- "Allow this for the conversation": the hash of one exact command, for some hours.
CREATE TABLE interlock.conversation_grants (
  conversation text NOT NULL,
  command_hash text NOT NULL,
  granted_by text NOT NULL,
  approval_id text NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (conversation, command_hash)
);

-- Nothing more is accepted from a turn that was cancelled, also if its next proposal is already on its way.
CREATE TABLE interlock.cancelled_turns (
  turn_id text PRIMARY KEY,
  cancelled_at bigint NOT NULL
);
