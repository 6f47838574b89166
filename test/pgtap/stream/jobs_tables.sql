--
-- jobs_tables.sql
--		The tables of the queue as their owner may have changed them. As they are
--		made C writes their rows and index entries (src/core/own_table.c); with
--		triggers, constraints and the like the functions write them by SQL. Either
--		way the same comes out, and what was added works.
--
BEGIN;
SELECT plan(51);

INSERT INTO vvault_stream.job_kinds (kind, max_attempts) VALUES ('jq_a', 3);

-- One job through its life: what is told of it, and what is left.
CREATE FUNCTION pg_temp.life(owner text, OUT enqueued jsonb, OUT taken jsonb, OUT ended jsonb, OUT was jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	job json;
BEGIN
	enqueued := vvault_enqueue('jq_a', '{"n": 1}', 'a video', owner, 3);
	job := vvault_dequeue('tester', '{jq_a}', 1, 30) -> 0;
	taken := job::jsonb - 'job_id' - 'lease';
	was := to_jsonb(j) - ARRAY['created_at', 'started_at', 'lease_until', 'progress_at', 'lease', 'job_id', 'added']
		|| jsonb_build_object('lease_is_new', j.lease = (job ->> 'lease')::uuid, 'lasts', round(extract(epoch FROM j.lease_until - j.started_at)))
		FROM vvault_stream.jobs j WHERE j.job_id = (job ->> 'job_id')::bigint;
	ended := vvault_complete((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid, '{"ok": true}');
	ended := ended - 'job_id' || (SELECT to_jsonb(f) - ARRAY['created_at', 'started_at', 'finished_at', 'lease_half', 'job_id']
		FROM vvault_stream.finished_jobs f WHERE f.job_id = (job ->> 'job_id')::bigint);
	enqueued := enqueued - 'job_id';
END
$$;
-- What every index says must be what the table says.
CREATE FUNCTION pg_temp.entries(setting text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('enable_seqscan', setting, true), set_config('enable_bitmapscan', setting, true);
	RETURN (SELECT string_agg(q::text, ' ') FROM (
		SELECT (SELECT count(*) FROM vvault_stream.jobs j WHERE j.kind = 'jq_a' AND j.state = 'r'),
			(SELECT count(*) FROM vvault_stream.jobs j WHERE j.kind = 'jq_a' AND j.state = 'x' AND j.owner_id = 'idle'),
			(SELECT count(*) FROM vvault_stream.jobs j WHERE j.video_id = 'a video'),
			(SELECT count(*) FROM vvault_stream.jobs j WHERE j.kind = 'jq_a' AND j.run_at > now() AND j.state IN ('s', 'f')),
			(SELECT count(*) FROM vvault_stream.jobs j WHERE j.job_id > 0)) q);
END
$$;
CREATE TEMP TABLE made AS SELECT * FROM pg_temp.life('plain');
SELECT is((SELECT enqueued FROM made), '{"state": "ready", "created": true}', 'a job is enqueued');
SELECT is((SELECT taken FROM made),
	'{"kind": "jq_a", "owner_id": "plain", "video_id": "a video", "attempt": 1, "args": {"n": 1}}', 'taken');
SELECT is((SELECT was FROM made), '{"turn": 0, "cost": 1000, "kind": "jq_a", "args": {"n": 1}, "lost": 0, "error": null,
	"needs": null, "state": "x", "lasts": 30, "result": null, "run_at": null, "worker": "tester", "attempt": 1,
	"job_key": null, "owner_id": "plain", "priority": 3, "progress": null, "video_id": "a video", "cancelled": false,
	"needs_left": 0, "max_attempts": 3, "lease_is_new": true, "done_failures": 0, "lease_seconds": 30}', 'as it is meanwhile');
SELECT is((SELECT ended FROM made), '{"kind": "jq_a", "args": {"n": 1}, "error": null, "needs": null, "state": "finished",
	"result": {"ok": true}, "worker": "tester", "attempt": 1, "job_key": null, "owner_id": "plain", "priority": 3,
	"video_id": "a video", "cancelled": false}', 'and ended');

-- Values too long for a page, out of another table too.
CREATE TEMP TABLE long (args json);
ALTER TABLE long ALTER args SET STORAGE EXTERNAL;
INSERT INTO long VALUES (to_json(repeat('x', 20000)));
CREATE TEMP TABLE long_job AS SELECT vvault_enqueue('jq_a', l.args, owner_id => 'long') AS reply FROM long l;
CREATE TEMP TABLE long_taken AS SELECT vvault_dequeue('tester', '{jq_a}') -> 0 AS job;
SELECT is((SELECT md5(job ->> 'args') FROM long_taken), md5(repeat('x', 20000)), 'a long argument arrives');
SELECT is((SELECT vvault_complete((job ->> 'job_id')::bigint, (job ->> 'lease')::uuid, to_json(repeat('y', 30000))) ->> 'state' FROM long_taken),
	'finished', 'and is ended with a long result');
SELECT is((SELECT md5(f.args #>> '{}') || md5(f.result #>> '{}') FROM vvault_stream.finished_jobs f WHERE f.owner_id = 'long'),
	md5(repeat('x', 20000)) || md5(repeat('y', 30000)), 'both are kept');

CREATE TEMP TABLE long_many AS SELECT vvault_enqueue_many(json_build_array(json_build_object('kind', 'jq_a', 'args', l.args, 'owner_id', 'long many'),
	json_build_object('kind', 'jq_a', 'args', l.args, 'owner_id', 'long many'))) AS reply FROM long l;
SELECT is((SELECT count(DISTINCT r ->> 'state') || ' ' || count(*) FROM json_array_elements(vvault_complete_many(vvault_dequeue('tester', '{jq_a}', 2))) r), '1 2',
	'two of them are ended in one call');
SELECT is((SELECT string_agg(DISTINCT md5(f.args #>> '{}'), ' ') || ' ' || count(*) FROM vvault_stream.finished_jobs f WHERE f.owner_id = 'long many'),
	md5(repeat('x', 20000)) || ' 2', 'and kept');

-- Indexes, own and added.
SELECT count(vvault_enqueue('jq_a', '{}', CASE WHEN n % 2 = 0 THEN 'a video' END, 'idle', delay_seconds => n % 3 * 1000))
FROM generate_series(1, 30) n;
SELECT count(*) FROM json_array_elements(vvault_dequeue('tester', '{jq_a}', 4)) j;
SELECT is(pg_temp.entries('off'), pg_temp.entries('on'), 'indexes say what the table says');
SELECT is(pg_temp.entries('off'), '(6,4,15,20,30)', 'which is this');
CREATE INDEX jq_worker ON vvault_stream.jobs (worker, attempt DESC) WHERE worker IS NOT NULL;
CREATE UNIQUE INDEX jq_one_video ON vvault_stream.jobs (video_id) WHERE owner_id = 'single';
SELECT count(*) FROM json_array_elements(vvault_dequeue('tester', '{jq_a}', 2)) j;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE worker = 'tester'), 6::bigint, 'an index that was added has its entries');
SELECT is((SELECT count(*) FROM pg_temp.life('single')), 1::bigint, 'one that is unique lets one pass');
SELECT vvault_enqueue('jq_a', '{}', 'a video', 'single') IS NULL;
SELECT throws_ok($$SELECT vvault_enqueue('jq_a', '{}', 'a video', 'single')$$, '23505', NULL, 'and not a second');
DROP INDEX vvault_stream.jq_one_video;
SELECT lives_ok($$SELECT vvault_enqueue('jq_a', '{}', 'a video', 'single')$$, 'until it is gone');
DELETE FROM vvault_stream.jobs;

-- Turns are those that SQL gives, whoever came before, and whatever was taken.
CREATE FUNCTION pg_temp.wrong_turns(n integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	owner text;
	level smallint;
	expected bigint;
	new_id bigint;
	got bigint;
	wrong integer := 0;
BEGIN
	PERFORM setseed(0.5);
	FOR i IN 1 .. n LOOP
		-- stretches of one owner, as somebody with much to do comes
		owner := CASE WHEN i % 50 < 25 THEN 'crowd' ELSE 'owner ' || floor(random() * 4) END;
		level := floor(random() * 2);
		expected := vvault_stream.next_turn('jq_a', owner, level, 1000, false);
		new_id := vvault_enqueue('jq_a', '{}', owner_id => owner, priority => level) ->> 'job_id';
		SELECT j.turn INTO got FROM vvault_stream.jobs j WHERE j.job_id = new_id;
		wrong := wrong + (got IS DISTINCT FROM expected)::integer;
		IF random() < 0.3 THEN
			PERFORM vvault_dequeue('tester', '{jq_a}', 1 + floor(random() * 4)::integer);
		ELSIF random() < 0.02 THEN
			DELETE FROM vvault_stream.jobs;
		END IF;
	END LOOP;
	RETURN wrong;
END
$$;
SELECT is(pg_temp.wrong_turns(600), 0, 'turns are those that SQL gives');
DELETE FROM vvault_stream.jobs;

-- What makes SQL write them
CREATE FUNCTION pg_temp.both(label text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	l record;
BEGIN
	l := pg_temp.life('plain');
	RETURN NEXT is(l.enqueued || l.taken || l.was, (SELECT m.enqueued || m.taken || m.was FROM made m), 'jobs are as before ' || label);
	RETURN NEXT is(l.ended, (SELECT m.ended FROM made m), 'to their end');
END
$$;
SELECT pg_temp.both('with another index');

CREATE TABLE jq_log (n integer GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION jq_note() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
	INSERT INTO jq_log (what) VALUES (lower(TG_OP) || ' ' || TG_TABLE_NAME);
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER jq_note BEFORE INSERT OR UPDATE OR DELETE ON vvault_stream.jobs FOR EACH ROW EXECUTE FUNCTION jq_note();
SELECT pg_temp.both('with a trigger');
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM jq_log), 'insert jobs, update jobs, delete jobs', 'which sees all of it');
DROP TRIGGER jq_note ON vvault_stream.jobs;
TRUNCATE jq_log;
CREATE TRIGGER jq_note BEFORE INSERT OR UPDATE OR DELETE ON vvault_stream.finished_jobs FOR EACH ROW EXECUTE FUNCTION jq_note();
SELECT pg_temp.both('with one on what is finished');
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM jq_log), 'insert finished_jobs', 'which sees that');
DROP TRIGGER jq_note ON vvault_stream.finished_jobs;
SELECT pg_temp.both('without triggers');
TRUNCATE jq_log;
CREATE TRIGGER jq_some BEFORE UPDATE OF state ON vvault_stream.jobs FOR EACH ROW
	WHEN (NEW.state = 'd' AND OLD.state <> 'd') EXECUTE FUNCTION jq_note();
SELECT pg_temp.both('with a trigger that does not fire');
SELECT is((SELECT count(*) FROM jq_log), 0::bigint, 'which it does not');
CREATE TRIGGER jq_other BEFORE UPDATE ON vvault_stream.jobs FOR EACH ROW
	WHEN (NEW.worker = 'tester' AND OLD.worker IS NULL) EXECUTE FUNCTION jq_note();
SELECT pg_temp.both('with one that fires now and then');
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM jq_log), 'update jobs', 'which it does');
TRUNCATE jq_log;
CREATE TRIGGER jq_ended AFTER INSERT ON vvault_stream.finished_jobs FOR EACH ROW
	WHEN (NEW.owner_id = 'plain') EXECUTE FUNCTION jq_note();
CREATE TRIGGER jq_gone BEFORE DELETE ON vvault_stream.jobs FOR EACH ROW
	WHEN (OLD.owner_id = 'nobody') EXECUTE FUNCTION jq_note();
CREATE TRIGGER jq_here AFTER INSERT ON vvault_stream.jobs FOR EACH ROW
	WHEN (NEW.owner_id = 'plain') EXECUTE FUNCTION jq_note();
SELECT pg_temp.both('with some for what comes and goes');
SELECT is((SELECT string_agg(what, ', ' ORDER BY n) FROM jq_log), 'insert jobs, update jobs, insert finished_jobs',
	'of which those fire that have to');
DROP TRIGGER jq_ended ON vvault_stream.finished_jobs;
DROP TRIGGER jq_gone ON vvault_stream.jobs;
DROP TRIGGER jq_here ON vvault_stream.jobs;
DROP TRIGGER jq_some ON vvault_stream.jobs;
DROP TRIGGER jq_other ON vvault_stream.jobs;

ALTER TABLE vvault_stream.jobs ADD CONSTRAINT jq_owner CHECK (owner_id <> 'unwanted');
SELECT pg_temp.both('with a constraint');
SELECT throws_ok($$SELECT vvault_enqueue('jq_a', owner_id => 'unwanted')$$, '23514', NULL, 'which is kept');
ALTER TABLE vvault_stream.jobs DROP CONSTRAINT jq_owner;
SELECT lives_ok($$SELECT vvault_enqueue('jq_a', owner_id => 'unwanted')$$, 'until it is gone');
DELETE FROM vvault_stream.jobs;

ALTER TABLE vvault_stream.jobs ALTER video_id SET NOT NULL;
SELECT pg_temp.both('where a column must not be null');
SELECT throws_ok($$SELECT vvault_enqueue('jq_a')$$, '23502', NULL, 'nor is it');
ALTER TABLE vvault_stream.jobs ALTER video_id DROP NOT NULL;

CREATE INDEX jq_expression ON vvault_stream.jobs ((args ->> 'n'));
SELECT pg_temp.both('with an index of an expression');
SELECT vvault_enqueue('jq_a', '{"n": 77}') IS NULL;
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE args ->> 'n' = '77'), 1::bigint, 'that has its entries');
DROP INDEX vvault_stream.jq_expression;
DELETE FROM vvault_stream.jobs;

CREATE RULE jq_rule AS ON INSERT TO vvault_stream.finished_jobs DO ALSO INSERT INTO jq_log (what) VALUES ('rule');
SELECT pg_temp.both('with a rule');
SELECT is((SELECT count(*) FROM jq_log WHERE what = 'rule'), 1::bigint, 'that takes effect');
DROP RULE jq_rule ON vvault_stream.finished_jobs;

ALTER TABLE vvault_stream.jobs ADD added double precision DEFAULT random();
SELECT pg_temp.both('with another column');
SELECT vvault_enqueue('jq_a') IS NULL;
SELECT ok((SELECT added IS NOT NULL FROM vvault_stream.jobs), 'that gets its default');

SELECT * FROM finish();
ROLLBACK;
