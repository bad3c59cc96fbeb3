-- What the running service may do. Repeated after every migration.
GRANT USAGE ON SCHEMA interlock TO megabot_interlock;
GRANT SELECT, UPDATE ON interlock.state, interlock.audit_head TO megabot_interlock;
GRANT SELECT, INSERT ON interlock.cancelled_turns TO megabot_interlock;
GRANT SELECT, INSERT, DELETE ON interlock.policy_versions, interlock.policy_undos, interlock.wrong_codes TO megabot_interlock;
GRANT SELECT, INSERT, UPDATE ON interlock.workspaces, interlock.actions, interlock.approvals, interlock.runs, interlock.permits TO megabot_interlock;
GRANT SELECT, INSERT, UPDATE, DELETE ON interlock.conversation_grants, interlock.one_time_codes, interlock.unasked TO megabot_interlock;
-- Append-only: what is recorded can be read, and nothing more. Its text can be erased.
REVOKE UPDATE, DELETE, TRUNCATE ON interlock.audit FROM megabot_interlock;
GRANT SELECT, INSERT ON interlock.audit TO megabot_interlock;
GRANT SELECT, INSERT, DELETE ON interlock.audit_text TO megabot_interlock;
REVOKE UPDATE, DELETE, TRUNCATE ON interlock.audit_heads FROM megabot_interlock;
GRANT SELECT, INSERT ON interlock.audit_heads TO megabot_interlock;
GRANT SELECT, INSERT, UPDATE ON interlock.sessions TO megabot_interlock;
GRANT SELECT, INSERT ON interlock.sign_in_codes TO megabot_interlock;
GRANT SELECT, INSERT, UPDATE, DELETE ON interlock.outbox TO megabot_interlock;
GRANT SELECT ON interlock.schema_migrations TO megabot_interlock;
