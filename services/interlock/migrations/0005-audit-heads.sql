-- SHA-256 of the exact bytes that an entry is about. Beside the text, since whoever knows it can try out short texts.
ALTER TABLE interlock.audit_text ADD COLUMN digest text;
ALTER TABLE interlock.audit_text ALTER COLUMN text DROP NOT NULL;

-- Signed states of the log. As append-only as the log itself.
CREATE TABLE interlock.audit_heads (
  seq bigint PRIMARY KEY REFERENCES interlock.audit (seq),
  hash text NOT NULL,
  at bigint NOT NULL,
  public_key text NOT NULL,
  signature text NOT NULL
);
CREATE TRIGGER audit_heads_stay BEFORE UPDATE OR DELETE ON interlock.audit_heads FOR EACH ROW EXECUTE FUNCTION interlock.refuse_change();
CREATE TRIGGER audit_heads_remain BEFORE TRUNCATE ON interlock.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION interlock.refuse_change();

-- Whoever may insert can only ever continue the one chain at its end: no fork, no gap, nothing in between.
CREATE FUNCTION interlock.require_continuation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq = 1 AND NEW.previous_hash = '' THEN
    RETURN NEW;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM interlock.audit a WHERE a.seq = NEW.seq - 1 AND a.hash = NEW.previous_hash) THEN
    RAISE EXCEPTION 'the entry does not continue the audit log' USING ERRCODE = 'AU001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_continues BEFORE INSERT ON interlock.audit FOR EACH ROW EXECUTE FUNCTION interlock.require_continuation();

-- The head only moves forward, and only to an entry that is there.
CREATE FUNCTION interlock.require_advance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <= OLD.seq OR NOT EXISTS (SELECT 1 FROM interlock.audit a WHERE a.seq = NEW.seq AND a.hash = NEW.hash) THEN
    RAISE EXCEPTION 'the head of the audit log only moves on with it' USING ERRCODE = 'AU001';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_head_advances BEFORE UPDATE ON interlock.audit_head FOR EACH ROW EXECUTE FUNCTION interlock.require_advance();
