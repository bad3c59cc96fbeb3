-- What the running service may do. Repeated after every migration.
GRANT USAGE ON SCHEMA memory TO megabot_memory;
GRANT SELECT, INSERT, UPDATE ON memory.conversations, memory.turns TO megabot_memory;
GRANT SELECT, INSERT ON memory.messages TO megabot_memory;
GRANT SELECT, INSERT, UPDATE, DELETE ON memory.items TO megabot_memory;
GRANT SELECT, INSERT, UPDATE, DELETE ON memory.outbox TO megabot_memory;
GRANT SELECT ON memory.schema_migrations TO megabot_memory;
GRANT SELECT, INSERT, UPDATE ON memory.bridges, memory.bridge_chats TO megabot_memory;
GRANT SELECT, INSERT, UPDATE, DELETE ON memory.bridge_cursors, memory.bridge_seen, memory.bridge_answers TO megabot_memory;
