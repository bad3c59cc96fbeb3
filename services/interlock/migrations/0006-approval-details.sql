-- What a person sees of an approval besides the command. Words of the parts are redacted like the audit log's text; a diff shows
-- whole files, and goes when the plan goes.
ALTER TABLE interlock.approvals
  ADD COLUMN parts jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN warnings jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN mounts jsonb NOT NULL DEFAULT '[]',
  ADD COLUMN limits jsonb,
  ADD COLUMN diff text,
  -- The approval that this one took the place of, and who edited it.
  ADD COLUMN edited_from text,
  ADD COLUMN edited_by text,
  ADD COLUMN grant_expires_at bigint;

CREATE FUNCTION interlock.forget_diff() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.diff := NULL;
  RETURN NEW;
END
$$;
CREATE TRIGGER approvals_forget_diff BEFORE UPDATE ON interlock.approvals FOR EACH ROW WHEN (NEW.plan IS NULL AND NEW.diff IS NOT NULL) EXECUTE FUNCTION interlock.forget_diff();

-- How it was judged at the time: rule, reasons, parts, redacted. Null for what was judged before this was kept.
ALTER TABLE interlock.actions
  ADD COLUMN judgement jsonb,
  ADD COLUMN policy_version text;

-- How often one origin asks, and how much of it waits.
CREATE INDEX approvals_origin ON interlock.approvals (requested_by, created_at);

-- What was proposed and not asked about, until it is summed up once.
CREATE TABLE interlock.unasked (
  conversation text NOT NULL,
  cause text NOT NULL,
  since bigint NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (conversation, cause)
);

ALTER TABLE interlock.conversation_grants ADD COLUMN granted_at bigint NOT NULL DEFAULT 0;

-- Finds the text of what was denied, which is nowhere else.
CREATE INDEX audit_judged_key ON interlock.audit ((subject ->> 'key')) WHERE event = 'judged';

-- What was asked for or ran lately, and the beginnings of a run's id.
CREATE INDEX approvals_created ON interlock.approvals (created_at);
CREATE INDEX runs_prefix ON interlock.runs (id text_pattern_ops);
