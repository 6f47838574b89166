-- A video of one's own: what may be written, the steps between states, versions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault_stream CASCADE;
RESET client_min_messages;
SET TimeZone = 'UTC';
BEGIN;
INSERT INTO vvault_stream.assets (video_id, owner_id, title, created_at) VALUES ('one', 'me', 'One', '2026-01-01 00:00+00');
SELECT vvault_asset('one');
SELECT vvault_asset('none') IS NULL AS none, vvault_asset(NULL) IS NULL AS null_is_null;

-- the way of a video that is uploaded, fails once and is ready
SAVEPOINT s;
UPDATE vvault_stream.assets SET state = 'uploading';
UPDATE vvault_stream.assets SET state = 'ready';
ROLLBACK TO s;
UPDATE vvault_stream.assets SET state = 'uploading';
UPDATE vvault_stream.assets SET state = 'uploaded';
SELECT state, uploaded_at = now() AS now, ready_at FROM vvault_stream.assets;
UPDATE vvault_stream.assets SET state = 'processing', duration = 12.5, source = '{"format": {"duration": "12.5"}}';
\set VERBOSITY terse
SAVEPOINT s;
UPDATE vvault_stream.assets SET state = 'failed';
ROLLBACK TO s;
UPDATE vvault_stream.assets SET state = 'failed', failure = 'the worker went away';
UPDATE vvault_stream.assets SET state = 'processing' RETURNING failure;
SAVEPOINT s;
UPDATE vvault_stream.assets SET state = 'ready';
ROLLBACK TO s;
\set VERBOSITY default
UPDATE vvault_stream.assets SET state = 'ready', generation = 1 RETURNING ready_at = now() AS now;
SAVEPOINT s;
UPDATE vvault_stream.assets SET generation = 0;
ROLLBACK TO s;
UPDATE vvault_stream.assets SET video_id = 'two';
ROLLBACK TO s;
UPDATE vvault_stream.assets SET state = 'deleting';
UPDATE vvault_stream.assets SET state = 'deleted';
UPDATE vvault_stream.assets SET state = 'created';
ROLLBACK TO s;
UPDATE vvault_stream.assets SET state = 'lost';
ROLLBACK TO s;

-- what is possible from where
SELECT s AS from_state, array_to_string(vvault_stream.next_states(s), ', ') AS to_states
FROM unnest('{created,uploading,uploaded,processing,ready,failed,deleting,deleted,lost}'::text[]) AS s;

-- rights are given by name
SELECT vvault_stream_grant('nobody_of_that_name', 'viewer');
ROLLBACK TO s;
SELECT vvault_stream_grant(current_user, 'reader');
ROLLBACK TO s;
SELECT vvault_stream_grant(current_user, NULL);
ROLLBACK;
