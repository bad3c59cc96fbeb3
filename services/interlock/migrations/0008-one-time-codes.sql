-- Secrets of one-time codes (RFC 6238), encrypted with a key that is not in the database.
CREATE TABLE interlock.one_time_codes (
  platform text NOT NULL,
  sender text NOT NULL,
  secret text NOT NULL,
  enrolled_at bigint NOT NULL,
  -- Null until a first code was given.
  confirmed_at bigint,
  -- The last time step whose code was taken: it and those before it are used up.
  used_step bigint NOT NULL DEFAULT 0,
  last_used_at bigint,
  PRIMARY KEY (platform, sender)
);

-- Wrong codes, counted so that guessing ends.
CREATE TABLE interlock.wrong_codes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  holder text NOT NULL,
  at bigint NOT NULL
);
CREATE INDEX wrong_codes_at ON interlock.wrong_codes (at);
