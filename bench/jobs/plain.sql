-- A queue as one writes it in an afternoon: a table and SKIP LOCKED, without
-- owners, needs, priorities or limits.
CREATE SCHEMA plain;
CREATE TABLE plain.jobs (job_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, state "char" NOT NULL DEFAULT 'r', lease uuid,
	lease_until timestamptz, args json NOT NULL) WITH (fillfactor = 50);
CREATE INDEX ON plain.jobs (job_id) WHERE state = 'r';
CREATE TABLE plain.finished (job_id bigint PRIMARY KEY, args json NOT NULL, result json);
