-- Conversations, their messages, and the turns that answer them.

CREATE TABLE memory.conversations (
  id         text PRIMARY KEY,
  title      text NOT NULL DEFAULT '',
  mode       text NOT NULL DEFAULT 'ask' CHECK (mode IN ('plan', 'ask', 'build')),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL
);
CREATE INDEX conversations_recent ON memory.conversations (updated_at DESC);

-- Whoever changes the turns of a conversation first locks its row: claims, ends and new messages of one conversation are serial.
CREATE TABLE memory.turns (
  id           text PRIMARY KEY,
  place        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  conversation text NOT NULL REFERENCES memory.conversations (id) ON DELETE CASCADE,
  message_id   text NOT NULL,
  answer_id    text,
  kind         text NOT NULL CHECK (kind IN ('chat', 'run', 'command')),
  status       text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'done', 'failed', 'cancelled')),
  command      text,
  ticket       jsonb NOT NULL,
  checkpoint   jsonb,
  attempt      integer NOT NULL DEFAULT 0,
  -- Leases that ran out: the turn was being worked on and its worker fell silent.
  lapses       integer NOT NULL DEFAULT 0,
  -- Kept after the end, so that a worker that repeats its last call is recognised.
  lease        text,
  lease_until  timestamptz,
  replica      text,
  -- An action had its outcome while the turn was being worked on.
  wake         boolean NOT NULL DEFAULT false,
  enqueued     integer NOT NULL DEFAULT 0,
  enqueued_at  timestamptz,
  created_at   timestamptz NOT NULL,
  updated_at   timestamptz NOT NULL
);
CREATE INDEX turns_open ON memory.turns (conversation, place) WHERE status IN ('queued', 'running', 'waiting');

CREATE TABLE memory.messages (
  id           text PRIMARY KEY,
  seq          bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  conversation text NOT NULL REFERENCES memory.conversations (id) ON DELETE CASCADE,
  turn_id      text NOT NULL,
  role         text NOT NULL CHECK (role IN ('user', 'assistant')),
  text         text NOT NULL,
  principal    text,
  -- The client's idempotency key; answers have none.
  message_key  text,
  created_at   timestamptz NOT NULL,
  UNIQUE (conversation, message_key)
);
CREATE INDEX messages_in_order ON memory.messages (conversation, seq);
CREATE INDEX messages_of_turn ON memory.messages (turn_id);
