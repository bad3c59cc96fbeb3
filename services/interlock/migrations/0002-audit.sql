-- Append-only: `hash` is taken over the entry and the hash before it. The text stands apart, so that it can be erased and the
-- chain, which holds only its salted hash, still proves the rest.
CREATE TABLE interlock.audit (
  seq bigint PRIMARY KEY,
  at bigint NOT NULL,
  event text NOT NULL,
  principal text,
  channel text,
  conversation text,
  verdict text,
  rule text,
  subject jsonb NOT NULL,
  text_hash text,
  previous_hash text NOT NULL,
  hash text NOT NULL
);

-- Redacted text, with the salt of its hash. Rows may be erased, never changed.
CREATE TABLE interlock.audit_text (
  seq bigint PRIMARY KEY REFERENCES interlock.audit (seq),
  salt text NOT NULL,
  text text NOT NULL
);

-- How far the chain goes, so that cutting off its end is noticed.
CREATE TABLE interlock.audit_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  seq bigint NOT NULL DEFAULT 0,
  hash text NOT NULL DEFAULT ''
);
INSERT INTO interlock.audit_head DEFAULT VALUES;

CREATE FUNCTION interlock.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = '42501';
END
$$;
CREATE TRIGGER audit_rows_stay BEFORE UPDATE OR DELETE ON interlock.audit FOR EACH ROW EXECUTE FUNCTION interlock.refuse_change();
CREATE TRIGGER audit_stays BEFORE TRUNCATE ON interlock.audit FOR EACH STATEMENT EXECUTE FUNCTION interlock.refuse_change();
CREATE TRIGGER audit_text_stays_as_it_is BEFORE UPDATE ON interlock.audit_text FOR EACH ROW EXECUTE FUNCTION interlock.refuse_change();
