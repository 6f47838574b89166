--
-- people.sql
--		What is known of somebody: given out whole, erased or handed on, and not
--		kept for longer than settings say. test/t/082_people.pl looks for him in
--		a dump and in the log.
--
BEGIN;
SELECT plan(49);
SET LOCAL TimeZone = 'UTC';
\ir answers.psql

CREATE ROLE vvs_viewer;
SELECT vvault_stream_grant('vvs_viewer', 'viewer');

-- Ways to know of a person: a column of a table of both extensions that names
-- one. A new one has to be known to export and erasure, then it is added here.
CREATE TEMP VIEW person AS SELECT c.oid::regclass AS its_table, a.attname AS its_column
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('vvault'::regnamespace, 'vvault_stream'::regnamespace) AND c.relkind IN ('r', 'p')
	AND a.attname ~ 'owner|subject|user|email|address|viewer|person|session' AND a.attname <> 'owner_running_limit';
SELECT set_eq($$SELECT its_table || '.' || its_column FROM person$$,
	$$VALUES ('vvault_stream.assets.owner_id'), ('vvault_stream.jobs.owner_id'), ('vvault_stream.finished_jobs.owner_id'), ('vvault_stream.job_limits.owner_id'),
		('vvault_stream.events.owner_id'), ('vvault_stream.webhooks.owner_id'), ('vvault_stream.schedules.owner_id'), ('vvault_stream.quotas.owner_id'),
		('vvault_stream.rate_limits.subject'), ('vvault_stream.session_subjects.subject'), ('vvault_stream.session_subjects.session_id'),
		('vvault_stream.refresh_tokens.subject'), ('vvault_stream.consents.subject')$$, 'where a person may stand');
-- Tables that have text and none of these: of a video, whose rows are given out and
-- erased with it; what webhooks were told; and of nobody. A new one is put where it
-- belongs, here and in docs/privacy.md.
SELECT set_eq($$SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'vvault_stream'::regnamespace AND c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT its_table FROM person)
		AND a.atttypid = ANY ('{text,text[],json,jsonb,name,inet,varchar}'::regtype[])$$,
	$$SELECT unnest('{uploads,generations,renditions,media_objects,pictures,content_keys,asset_versions}'::text[])
	UNION ALL SELECT 'deliveries'
	UNION ALL SELECT unnest('{secrets,signing_keys,revocations,denied,stores,file_servers,edges,job_kinds,role_functions,setting_defaults,settings}'::text[])$$,
	'and where none does');

CREATE FUNCTION pg_temp.fill(who text, prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO vvault_stream.assets (video_id, owner_id, title, description, tags, access, metadata, state, failure, content_language, source)
	VALUES (prefix || '1', who, who || ' on holiday', 'by ' || who, ARRAY[who], 'public', json_build_object('by', who)::jsonb, 'failed', 'no file of ' || who, 'pl', json_build_object('by', who)::jsonb),
		(prefix || '2', who, who || ' at home', '', '{}', 'token', '{}', 'created', NULL, NULL, NULL);
	INSERT INTO vvault_stream.generations (video_id, generation, state, source, failure) VALUES (prefix || '1', 1, 'failed', json_build_object('artist', who)::jsonb, 'no file of ' || who);
	INSERT INTO vvault_stream.uploads (video_id, upload_id, generation, store, object_key, size, part_size, parts, expires_at, state, ended_at)
	VALUES (prefix || '1', rpad('u' || prefix, 22, '-'), 1, 'here', prefix || '1/source/x', 10, 10, 1, now(), 'failed', now());
	INSERT INTO vvault_stream.media_objects (video_id, object_key, generation, store, state, name, size) VALUES (prefix || '1', prefix || '1/1/a', 1, 'here', 'stored', 'a', 5);
	INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, sample_rate, channels, label, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
	VALUES (prefix || '1', 1, 'audio', 'audio', 'mp4a.40.2', 48000, 2, 'told by ' || who, prefix || '1/1/a', 48000, 773, 76, 849, '{192000}', '{99000}');
	PERFORM vvault_webhook(url => format('https://%s.example.org/', prefix), owner_id => who), vvault_schedule(prefix || '_daily', '1 day', 'probe', json_build_object('by', who), owner_id => who);
	PERFORM vvault_stream.make_event(prefix || '1', 'asset.failed', who, json_build_object('owner_id', who, 'title', who)), vvault_stream.make_event('', 'account.made', who, json_build_object('who', who));
	PERFORM vvault_enqueue('probe', json_build_object('by', who), prefix || '1', who), vvault_enqueue('probe', json_build_object('by', who), NULL, who, job_key => prefix),
		vvault_enqueue('probe', json_build_object('by', who), NULL, who, delay_seconds => 1000);
	PERFORM vvault_cancel_job((vvault_enqueue('probe', json_build_object('by', who), NULL, who) ->> 'job_id')::bigint);
	INSERT INTO vvault_stream.job_limits (kind, owner_id, running_limit) VALUES ('encode', who, 2);
	INSERT INTO vvault_stream.session_subjects (session_id, subject, expires_at)
	VALUES (prefix || '_plays', who, now() + interval '1 hour'), (prefix || '_played', who, now() - interval '1 hour');
	PERFORM vvault_set_quota(who, 1000000), vvault_set_rate_limit('read', who, per_second => 5, burst => 10), vvault_consent(who, 'statistics', false), vvault_token_issue(who), vvault_token_issue(who, prefix || '2', '{view}');
END
$$;
-- all rows of all tables, as text
CREATE FUNCTION pg_temp.everything() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	t regclass;
	part text;
	whole text := '';
BEGIN
	FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace IN ('vvault'::regnamespace, 'vvault_stream'::regnamespace) AND c.relkind IN ('r', 'p') LOOP
		EXECUTE format('SELECT string_agg(x::text, E''\n'') FROM %s x', t) INTO part;
		whole := whole || coalesce(t::text || ': ' || part || E'\n', '');
	END LOOP;
	RETURN whole;
END
$$;
SELECT pg_temp.fill('zofia', 'z'), pg_temp.fill('robert', 'r');

-- in which of these columns he stands, and in how many rows of how many tables
CREATE FUNCTION pg_temp.standing(who text) RETURNS TABLE (its_table regclass, its_column name, n bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR its_table, its_column IN SELECT p.its_table, p.its_column FROM person p WHERE p.its_column <> 'session_id' LOOP
		EXECUTE format('SELECT count(*) FROM %s x WHERE x.%I = $1', its_table, its_column) INTO n USING who;
		RETURN NEXT;
	END LOOP;
END
$$;
SELECT is((SELECT string_agg(s.its_table || '.' || s.its_column, ' ') FROM pg_temp.standing('zofia') s WHERE s.n = 0), NULL, 'she stands in each of them');

--
-- Giving out
--

CREATE TEMP TABLE given AS SELECT vvault_export_user('zofia')::jsonb AS e;
SELECT is((SELECT array_agg(k ORDER BY k) FROM given, jsonb_object_keys(e) k),
	'{consents,events,exported_at,job_limits,jobs,quota,rate_limits,schedules,sessions,subject,tokens,videos,webhooks}', 'what is given out');
SELECT is((SELECT jsonb_array_length(e -> k) FROM given), n, k || ': all of them')
FROM (VALUES ('videos', 2), ('jobs', 4), ('webhooks', 1), ('schedules', 1), ('job_limits', 1), ('rate_limits', 1), ('sessions', 2), ('tokens', 2), ('consents', 1), ('events', 1)) v (k, n);
SELECT is((SELECT e -> 'videos' -> 0 ->> k FROM given), v, k) FROM (VALUES ('title', 'zofia on holiday'), ('description', 'by zofia'), ('failure', 'no file of zofia')) x (k, v);
SELECT is((SELECT jsonb_array_length(e -> 'videos' -> 0 -> k) FROM given), n, 'of a video: ' || k) FROM (VALUES ('uploads', 1), ('generations', 1), ('renditions', 1), ('objects', 1)) x (k, n);
-- every row that names her is given out: under which key, and of a video under which
CREATE TEMP TABLE given_as (its_table text, key text, of_video text);
INSERT INTO given_as VALUES ('assets', 'videos', NULL), ('jobs', 'jobs', NULL), ('finished_jobs', 'jobs', NULL), ('job_limits', 'job_limits', NULL),
	('events', 'events', 'events'), ('webhooks', 'webhooks', NULL), ('schedules', 'schedules', NULL), ('quotas', 'quota', NULL),
	('rate_limits', 'rate_limits', NULL), ('session_subjects', 'sessions', NULL), ('refresh_tokens', 'tokens', NULL), ('consents', 'consents', NULL);
SELECT set_eq($$SELECT its_table::text FROM person$$, $$SELECT 'vvault_stream.' || its_table FROM given_as$$, 'each table is given out');
SELECT is((SELECT string_agg(format('%s: %s of %s', m.key, m.given, m.n), ', ') FROM (
	SELECT g.key, sum(s.n) AS n, max(CASE jsonb_typeof(e -> g.key) WHEN 'array' THEN jsonb_array_length(e -> g.key) WHEN 'object' THEN 1 ELSE 0 END
		+ coalesce((SELECT sum(jsonb_array_length(v -> g.of_video)) FROM jsonb_array_elements(e -> 'videos') v), 0)) AS given
	FROM given, given_as g JOIN pg_temp.standing('zofia') s ON s.its_table::text = 'vvault_stream.' || g.its_table GROUP BY g.key) m
	WHERE m.given <> m.n), NULL, 'with each row that names her');
SELECT ok((SELECT e::text !~ 'robert' FROM given), 'nothing of another');
SELECT ok((SELECT e::text !~ encode(s.secret, 'hex') AND NOT e -> 'webhooks' -> 0 ? 'secret' FROM given, vvault_stream.webhooks w JOIN vvault_stream.secrets s ON s.name = 'webhook:' || w.webhook_id WHERE w.owner_id = 'zofia'), 'and no secret');
SELECT is(vvault_export_user('nobody')::jsonb - 'exported_at', '{"subject": "nobody", "videos": [], "jobs": [], "webhooks": [], "schedules": [], "quota": null, "rate_limits": [], "job_limits": [], "tokens": [], "sessions": [], "consents": [], "events": []}', 'of somebody unknown there is nothing');

-- who may
SELECT vvault_stream_set('authenticator', session_user), set_config('request.jwt.claims', '{"sub": "robert"}', true);
SET LOCAL ROLE vvs_viewer;
SELECT lives_ok($$SELECT vvault_export_user('robert')$$, 'everybody has his own');
SELECT throws_ok(format('SELECT %s(%L)', f, 'zofia'), '42501', 'permission denied for subject', 'nobody another''s: ' || f) FROM unnest('{vvault_export_user,vvault_erase_user}'::text[]) f;
SELECT throws_ok($$SELECT vvault_erase_user('robert', 'zofia')$$, '42501', NULL, 'nor hands his videos on');
RESET ROLE;
SELECT throws_ok($$SELECT vvault_erase_user('~erased')$$, '22023', NULL, 'nobody is not somebody');

--
-- Erasing
--

CREATE TEMP TABLE tokens AS SELECT vvault_token_issue('zofia') AS t;
SELECT is((SELECT vvault_token_verify(t ->> 'access_token') ->> 'valid' FROM tokens), 'true', 'a token of hers');
CREATE TEMP TABLE roberts AS SELECT vvault_export_user('robert')::jsonb - 'exported_at' AS e;
SELECT is(vvault_erase_user('zofia')::jsonb, '{"videos_deleted": 2, "videos_transferred": 0}', 'she is erased');
SELECT is((SELECT array_agg(d.id ORDER BY d.id) FROM vvault_stream.denied d WHERE d.kind = 'session'), '{z_plays}', 'the session that she plays is taken back');
DELETE FROM vvault_stream.denied;
SELECT is((SELECT string_agg(l, E'\n') FROM string_to_table(pg_temp.everything(), E'\n') l WHERE l ~* 'zofia'), NULL, 'and stands nowhere any more');
SELECT is((SELECT string_agg(s.its_table || '.' || s.its_column, ' ') FROM pg_temp.standing('zofia') s WHERE s.n > 0), NULL, 'in none of these columns');
SELECT is(vvault_export_user('zofia')::jsonb - 'exported_at' - 'subject', vvault_export_user('nobody')::jsonb - 'exported_at' - 'subject', 'nothing is known of her');
SELECT is((SELECT vvault_token_verify(t ->> 'access_token') ->> 'reason' FROM tokens), 'it was revoked', 'her token is good no more');
SELECT is((SELECT string_agg(video_id || ' ' || state || ' ' || owner_id, ', ' ORDER BY video_id) FROM vvault_stream.assets WHERE video_id ~ '^z'),
	'z1 deleting ~erased, z2 deleted ~erased', 'the ids of her videos stay');
SELECT is((SELECT count(*) FROM vvault_stream.jobs WHERE kind = 'delete_objects' AND video_id = 'z1'), 1::bigint, 'and their objects are deleted by a job');
SELECT is((SELECT vvault_export_user('robert')::jsonb - 'exported_at'), (SELECT e FROM roberts), 'of another nothing changed');
SELECT lives_ok($$SELECT vvault_erase_user('zofia')$$, 'the same call again is no error');

--
-- Handing on
--

SELECT is(vvault_erase_user('robert', 'company')::jsonb, '{"videos_deleted": 0, "videos_transferred": 2}', 'his videos go to another owner');
SELECT is((SELECT string_agg(video_id || ' ' || owner_id || ' ' || state, ', ' ORDER BY video_id) FROM vvault_stream.assets WHERE video_id ~ '^r'), 'r1 company failed, r2 company created', 'as they are');
SELECT is((SELECT string_agg(l, E'\n') FROM string_to_table(pg_temp.everything(), E'\n') l WHERE l ~ 'robert' AND l !~ '^(vvault_stream.assets|vvault_stream.generations|vvault_stream.renditions): |^\(r1,|^\(r2,|,probe,company,.*,r1,'), NULL,
	'and he stands in what they say alone');
SELECT is((SELECT string_agg(owner_id || ' ' || coalesce(video_id, 'none'), ', ') FROM vvault_stream.jobs WHERE owner_id = 'company'), 'company r1', 'the work on them goes on');

--
-- Not keeping
--

SELECT is(vvault_retention()::jsonb, '{"videos": 0, "uploads": 0, "tokens": 0}', 'nothing is forgotten early');
INSERT INTO vvault_stream.assets (video_id, owner_id, title, state) VALUES ('old', 'maria', 'maria', 'deleted');
UPDATE vvault_stream.uploads SET ended_at = now() - interval '91 days';
SELECT vvault_token_issue('maria');
UPDATE vvault_stream.refresh_tokens SET expires_at = now() - interval '1 second' WHERE subject = 'maria';
SELECT is(vvault_retention()::jsonb, '{"videos": 1, "uploads": 1, "tokens": 1}', 'what is old is');
SELECT is((SELECT owner_id || title FROM vvault_stream.assets WHERE video_id = 'old'), '~erased', 'a deleted video tells of nobody');

SELECT * FROM finish();
ROLLBACK;
