-- What has to reach the bus: queued turns and announced answers. As the outbox of the library postgres defines it.
CREATE TABLE "memory".outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text NOT NULL UNIQUE,
  subject_key text NOT NULL,
  payload jsonb NOT NULL,
  trace jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  leased_until timestamptz NOT NULL DEFAULT now() + interval '10000 milliseconds',
  sent_at timestamptz
);
CREATE INDEX outbox_unsent ON "memory".outbox (id) WHERE sent_at IS NULL;
