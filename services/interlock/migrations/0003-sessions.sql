-- Only a hash of a session's secret is here.
CREATE TABLE interlock.sessions (
  id text PRIMARY KEY,
  secret_hash text NOT NULL UNIQUE,
  principal text NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  ended_at bigint
);

-- A sign-in code works once.
CREATE TABLE interlock.sign_in_codes (
  id text PRIMARY KEY,
  used_at bigint NOT NULL
);
