-- The whole text of the file, so that a version can be put back, with who changed it and what.
ALTER TABLE interlock.policy_versions
  ADD COLUMN content text,
  ADD COLUMN changed_by text NOT NULL DEFAULT 'by hand',
  ADD COLUMN summary text NOT NULL DEFAULT '';
