--
-- catalog_rules.sql
--		What the catalog says of every object of vvault_stream: the rules of
--		its SQL interface, so that a new function cannot forget one.
--
-- Each test lists the offenders: the list must be empty.
--
BEGIN;
SELECT plan(35);
\set extension vvault_stream
\ir ../rules.psql

-- A test of rules is worth something only if they apply to something.
SELECT cmp_ok((SELECT count(*) FROM function WHERE public), '>=', 2::bigint, 'there are public functions');
SELECT cmp_ok((SELECT count(*) FROM function WHERE NOT public), '>=', 6::bigint, 'there are internal functions');
SELECT cmp_ok((SELECT count(*) FROM relation WHERE relkind = 'r'), '>=', 3::bigint, 'there are tables');

-- Roles have no right on a table.
SELECT pg_temp.none($$SELECT signature FROM function WHERE public AND provolatile <> 'i' AND prorettype = 'json'::regtype AND NOT prosecdef
		AND proname NOT IN ('vvault_enqueue', 'vvault_dequeue', 'vvault_complete', 'vvault_complete_and_dequeue', 'vvault_token_verify')$$,
	'what answers runs with its owner''s rights, but for what every job or request calls, which takes them by itself or needs none');

SELECT pg_temp.none($$SELECT i.indexrelid::regclass
	FROM pg_index i JOIN relation r ON r.oid = i.indrelid
		JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = 'video_id'
	WHERE i.indisprimary AND i.indkey[0] <> a.attnum
		AND r.relname NOT IN ('jobs', 'finished_jobs')$$,
	'video_id leads the primary key of every table whose rows belong to a video');

-- What the owner fills is dumped, what is shipped or derived is not.
SELECT set_eq($$SELECT c.oid::regclass::text, u.condition
	FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS u (oid, condition) JOIN pg_class c ON c.oid = u.oid
	WHERE e.extname = 'vvault_stream'$$,
	$$VALUES ('vvault_stream.assets', ''), ('vvault_stream.renditions', ''), ('vvault_stream.job_kinds', ''), ('vvault_stream.job_limits', ''),
		('vvault_stream.jobs', ''), ('vvault_stream.jobs_job_id_seq', ''), ('vvault_stream.job_needs', ''),
		('vvault_stream.events', ''), ('vvault_stream.webhooks', ''), ('vvault_stream.webhooks_webhook_id_seq', ''), ('vvault_stream.deliveries', ''),
		('vvault_stream.schedules', ''),
		('vvault_stream.finished_jobs', ''), ('vvault_stream.secrets', ''), ('vvault_stream.signing_keys', ''), ('vvault_stream.content_keys', ''), ('vvault_stream.denied', ''),
		('vvault_stream.refresh_tokens', ''), ('vvault_stream.consents', ''), ('vvault_stream.revocations', ''),
		('vvault_stream.stores', ''), ('vvault_stream.edges', ''),
		('vvault_stream.uploads', ''), ('vvault_stream.quotas', ''), ('vvault_stream.rate_limits', ''), ('vvault_stream.session_subjects', ''), ('vvault_stream.settings', ''),
		('vvault_stream.generations', ''), ('vvault_stream.media_objects', ''), ('vvault_stream.pictures', '')$$,
	'the tables that a dump holds are those that the owner fills');

SELECT * FROM finish();
ROLLBACK;
