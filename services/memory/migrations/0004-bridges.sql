-- What bridges to messengers remember: who runs one, how far it has read, what it took, and what it still has to deliver.

CREATE TABLE memory.bridges (
  bridge      text PRIMARY KEY,
  holder      text,
  lease_until timestamptz,
  begun_at    bigint
);
CREATE TABLE memory.bridge_cursors (
  bridge      text NOT NULL,
  session_key text NOT NULL,
  cursor      text NOT NULL,
  saved       bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (bridge, session_key)
);
CREATE TABLE memory.bridge_seen (
  bridge text NOT NULL,
  key    text NOT NULL,
  at     bigint NOT NULL,
  PRIMARY KEY (bridge, key)
);
CREATE INDEX bridge_seen_by_age ON memory.bridge_seen (bridge, at);
CREATE TABLE memory.bridge_answers (
  bridge     text NOT NULL,
  id         text NOT NULL,
  added      bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  state      text NOT NULL,
  attempts   integer NOT NULL,
  expires_at bigint NOT NULL,
  answer     jsonb NOT NULL,
  PRIMARY KEY (bridge, id)
);
CREATE INDEX bridge_answers_open ON memory.bridge_answers (bridge, added) WHERE state <> 'delivered';
CREATE TABLE memory.bridge_chats (
  bridge       text NOT NULL,
  chat_key     text NOT NULL,
  conversation text NOT NULL UNIQUE REFERENCES memory.conversations (id),
  address      jsonb NOT NULL,
  session_key  text NOT NULL,
  PRIMARY KEY (bridge, chat_key)
);
