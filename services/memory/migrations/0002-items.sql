-- Long-term memory. `words` finds English by its stems; `spelling` finds every other language, names and numbers as written.

CREATE TABLE memory.items (
  id                   text PRIMARY KEY,
  space                text NOT NULL,
  external_id          text,
  text                 text NOT NULL,
  kind                 text,
  session              text,
  author               text,
  said_at              timestamptz,
  previous_external_id text,
  created_at           timestamptz NOT NULL,
  words                tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('english', text)) STORED,
  spelling             tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', text)) STORED,
  UNIQUE (space, external_id)
);
CREATE INDEX items_words ON memory.items USING gin (words);
CREATE INDEX items_spelling ON memory.items USING gin (spelling);
CREATE INDEX items_by_space ON memory.items (space, id);
CREATE INDEX items_following ON memory.items (space, previous_external_id) WHERE previous_external_id IS NOT NULL;
CREATE INDEX items_of_session ON memory.items (space, session) WHERE session IS NOT NULL;
