-- Which request undid what: a gateway that crashed before it could write the answer down asks again.
CREATE TABLE interlock.policy_undos (
  request text PRIMARY KEY,
  at bigint NOT NULL,
  restored jsonb NOT NULL
);
