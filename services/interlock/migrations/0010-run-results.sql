-- What a command asked to reach, which outlives its plan; what a run changed in the workspace; and its standard output in base64
-- where that was no text.
ALTER TABLE interlock.approvals ADD COLUMN network jsonb NOT NULL DEFAULT '"none"';
ALTER TABLE interlock.runs
  ADD COLUMN changed_files jsonb,
  ADD COLUMN binary_output text;
