--
-- access.sql
--		Who may what: every function of vvault_stream that SQL can call, called
--		by every kind of caller about videos of every access, beside naive SQL.
--
-- A caller is a login, the role that it chose, and claims. What is refused is
-- refused with 42501; what is not is answered, or fails for another reason.
--
BEGIN;
SELECT plan(29);
SET LOCAL TimeZone = 'UTC';

CREATE ROLE vva_web LOGIN NOINHERIT;
CREATE ROLE vva_other LOGIN NOINHERIT;
CREATE ROLE vva_viewer;
CREATE ROLE vva_publisher;
CREATE ROLE vva_worker;
CREATE ROLE vva_edge;
CREATE ROLE vva_stranger;
CREATE ROLE vva_operator;
CREATE ROLE vva_alice;
CREATE ROLE vva_bob;
GRANT vva_viewer, vva_publisher, vva_worker, vva_edge, vva_stranger, vva_operator TO vva_web, vva_other;
GRANT vva_alice, vva_bob TO vva_other;
SELECT vvault_stream_grant(r, substr(r, 5)) FROM unnest('{vva_viewer,vva_publisher,vva_worker,vva_edge,vva_operator}'::name[]) r;
SELECT vvault_stream_grant(r, 'publisher') FROM unnest('{vva_alice,vva_bob}'::name[]) r;
SELECT vvault_stream_set('authenticator', 'vva_web');
SELECT vvault_store('files', 'file', 'http://127.0.0.1:8090/objects', part_size => 1024);
SELECT vvault_edge('one', 'https://one.example.org');

-- Videos of vva_alice, one of each access; none of them is anybody else's.
CREATE TEMP TABLE video (video_id text PRIMARY KEY, access text NOT NULL);
INSERT INTO video SELECT 'v_' || a, a FROM unnest('{public,unlisted,token,private}'::text[]) a;
INSERT INTO vvault_stream.assets (video_id, owner_id, access) SELECT video_id, 'vva_alice', access FROM video;
UPDATE vvault_stream.assets SET state = 'uploading' WHERE owner_id = 'vva_alice';
INSERT INTO vvault_stream.uploads (video_id, upload_id, generation, store, object_key, size, part_size, parts, expires_at)
SELECT video_id, rpad('u' || video_id, 22, '-'), 1, 'files', video_id || '/source/x', 100, 1024, 1, now() + interval '1 day' FROM video;
INSERT INTO vvault_stream.content_keys (video_id, generation, class, kid, level, secret)
SELECT video_id, 1, 'SD', md5(video_id)::uuid, 'clear_key', '\x000102030405060708090a0b0c0d0e0f' FROM video;

--
-- Callers: login, role, claims; {video} is the video that is asked about
--

CREATE TEMP TABLE caller (name text PRIMARY KEY, login name NOT NULL, role name NOT NULL, claims text NOT NULL DEFAULT '',
	standing text NOT NULL, subject text, most int NOT NULL, for_video boolean NOT NULL DEFAULT false, only_other boolean NOT NULL DEFAULT false);
INSERT INTO caller VALUES
	('nobody', 'vva_web', 'vva_viewer', '', 'viewer', NULL, 2, false, false),
	('nobody, anonymous', 'vva_web', 'vva_viewer', '{"role": "vva_viewer"}', 'viewer', NULL, 2, false, false),
	('nobody, publisher', 'vva_web', 'vva_publisher', '{"sub": ""}', 'publisher', NULL, 4, false, false),
	('owner watches', 'vva_web', 'vva_viewer', '{"sub": "vva_alice"}', 'viewer', 'vva_alice', 2, false, false),
	('owner', 'vva_web', 'vva_publisher', '{"sub": "vva_alice"}', 'publisher', 'vva_alice', 4, false, false),
	('owner, may view', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "permissions": ["view"]}', 'publisher', 'vva_alice', 1, false, false),
	('owner, may nothing', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "permissions": []}', 'publisher', 'vva_alice', 0, false, false),
	('owner, odd permissions', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "permissions": "manage"}', 'publisher', 'vva_alice', 0, false, false),
	('owner, for the video', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "video_id": "{video}"}', 'publisher', 'vva_alice', 4, true, false),
	('owner, for another video', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "video_id": "other"}', 'publisher', 'vva_alice', 4, false, true),
	('guest', 'vva_web', 'vva_viewer', '{"sub": "carol"}', 'viewer', 'carol', 2, false, false),
	('guest views', 'vva_web', 'vva_viewer', '{"sub": "carol", "video_id": "{video}", "permissions": ["view"]}', 'viewer', 'carol', 1, true, false),
	('guest manages', 'vva_web', 'vva_viewer', '{"sub": "carol", "video_id": "{video}", "permissions": ["manage"]}', 'viewer', 'carol', 2, true, false),
	('guest, no permissions', 'vva_web', 'vva_viewer', '{"sub": "carol", "video_id": "{video}"}', 'viewer', 'carol', 2, false, false),
	('guest, no video', 'vva_web', 'vva_viewer', '{"sub": "carol", "permissions": ["view"]}', 'viewer', 'carol', 1, false, false),
	('guest, other video', 'vva_web', 'vva_viewer', '{"sub": "carol", "video_id": "other", "permissions": ["view"]}', 'viewer', 'carol', 1, false, true),
	('other publisher', 'vva_web', 'vva_publisher', '{"sub": "vva_bob"}', 'publisher', 'vva_bob', 4, false, false),
	('editor', 'vva_web', 'vva_publisher', '{"sub": "vva_bob", "video_id": "{video}", "permissions": ["view", "edit"]}', 'publisher', 'vva_bob', 3, true, false),
	('owner of an odd video', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "video_id": 5}', 'publisher', 'vva_alice', 4, false, true),
	('owner of no video', 'vva_web', 'vva_publisher', '{"sub": "vva_alice", "video_id": ""}', 'publisher', 'vva_alice', 4, false, true),
	('manager', 'vva_web', 'vva_publisher', '{"sub": "vva_bob", "video_id": "{video}", "permissions": ["manage"]}', 'publisher', 'vva_bob', 4, true, false),
	('worker', 'vva_web', 'vva_worker', '{"sub": "vva_alice"}', 'worker', 'vva_alice', 2, false, false),
	('edge', 'vva_web', 'vva_edge', '{"sub": "vva_alice"}', 'edge', 'vva_alice', 2, false, false),
	('stranger', 'vva_web', 'vva_stranger', '{"sub": "vva_alice"}', 'stranger', 'vva_alice', 2, false, false),
	('operator', 'vva_web', 'vva_operator', '', 'operator', NULL, 4, false, false),
	('operator by a token', 'vva_web', 'vva_operator', '{"sub": "carol", "permissions": []}', 'operator', 'carol', 4, false, false),
	-- logins whose claims count for nothing
	('login owner', 'vva_other', 'vva_alice', '{"sub": "carol", "permissions": []}', 'publisher', 'vva_alice', 4, false, false),
	('login other', 'vva_other', 'vva_bob', '{"sub": "vva_alice"}', 'publisher', 'vva_bob', 4, false, false),
	('login viewer', 'vva_other', 'vva_viewer', '{"sub": "vva_alice", "video_id": "{video}", "permissions": ["manage"]}', 'viewer', 'vva_viewer', 2, false, false),
	('login worker', 'vva_other', 'vva_worker', '{"sub": "vva_alice"}', 'worker', 'vva_worker', 2, false, false),
	('login edge', 'vva_other', 'vva_edge', '{"sub": "vva_alice"}', 'edge', 'vva_edge', 2, false, false),
	('login stranger', 'vva_other', 'vva_stranger', '{"sub": "vva_alice"}', 'stranger', 'vva_stranger', 2, false, false),
	('login operator', 'vva_other', 'vva_operator', '{"sub": "carol"}', 'operator', 'vva_operator', 4, false, false);
-- each access that is granted comes as both logins
SELECT set_eq('SELECT standing FROM caller GROUP BY 1 HAVING count(DISTINCT login) = 2', $$SELECT access FROM vvault_stream.role_functions
	UNION VALUES ('operator'), ('stranger')$$, 'every access calls, by the authenticator and by another login');

-- what may be done with a video, as docs/streaming.md says it
CREATE FUNCTION pg_temp.expected(c caller, v video, wanted int) RETURNS boolean LANGUAGE sql AS $$
	SELECT CASE WHEN c.standing = 'operator' THEN true
		WHEN wanted = 1 AND v.access IN ('public', 'unlisted') THEN true
		WHEN c.subject IS NULL OR wanted > c.most OR c.only_other THEN false
		WHEN c.subject = 'vva_alice' THEN true
		WHEN v.access = 'private' THEN false
		ELSE c.for_video END
$$;

--
-- Functions: how each is called about {video}, and what it asks for. view to
-- manage: this of the video. own: a publisher, for {subject}. list: the same,
-- but permission edit is enough. any: whoever may call it at all.
--

CREATE TEMP TABLE call (name text PRIMARY KEY, args text NOT NULL DEFAULT '', kind text NOT NULL, roles text[] NOT NULL);
INSERT INTO call VALUES
	('vvault_may', $$'{video}', 'view'$$, 'any', '{viewer,publisher}'),
	('vvault_token_issue', $$'dave', '{video}', ARRAY['view']$$, 'manage', '{publisher}'), ('vvault_token_verify', $$'x', '{video}'$$, 'any', '{viewer,publisher}'),
	('vvault_token_refresh', $$'x'$$, 'any', '{viewer,publisher}'), ('vvault_token_revoke', $$'x'$$, 'revoke', '{}'), ('vvault_jwks', '', 'any', '{viewer,publisher}'),
	('vvault_hls', $$'{video}'$$, 'view', '{viewer}'), ('vvault_hls_media', $$'{video}', '360p'$$, 'view', '{viewer}'),
	('vvault_dash', $$'{video}'$$, 'view', '{viewer}'), ('vvault_storyboard', $$'{video}'$$, 'view', '{viewer}'),
	('vvault_watch', $$'{video}'$$, 'view', '{viewer}'), ('vvault_play_url', $$'{video}'$$, 'view', '{viewer,publisher}'),
	('vvault_asset', $$'{video}'$$, 'edit', '{publisher}'), ('vvault_create_asset', $$'New', '{subject}'$$, 'own', '{publisher}'),
	('vvault_update_asset', $$'{video}', 'New title'$$, 'edit', '{publisher}'), ('vvault_replace_source', $$'{video}'$$, 'edit', '{publisher}'),
	('vvault_delete_asset', $$'{video}'$$, 'manage', '{publisher}'), ('vvault_assets', $$'{subject}'$$, 'list', '{publisher}'),
	('vvault_process', $$'{video}'$$, 'edit', '{publisher}'), ('vvault_protect', $$'{video}', 'none'$$, 'manage', '{publisher}'),
	('vvault_pssh', $$'{video}'$$, 'view', '{viewer}'), ('vvault_clearkey_license', $$json_build_object('kids', json_build_array(translate(encode(uuid_send(md5('{video}')::uuid), 'base64'), '+/=', '-_')))$$, 'view', '{viewer}'),
	('vvault_hls_key', $$encode(uuid_send(md5('{video}')::uuid), 'hex')$$, 'view', '{viewer}'), ('vvault_cpix', $$'{video}'$$, 'any', '{}'), ('vvault_ladder', '640, 360', 'any', '{publisher}'),
	('vvault_create_upload', $$'{video}', 100$$, 'edit', '{publisher}'), ('vvault_sign_part', $$rpad('u{video}', 22, '-'), 1$$, 'edit', '{publisher}'),
	('vvault_list_parts', $$rpad('u{video}', 22, '-')$$, 'edit', '{publisher}'), ('vvault_abort_upload', $$rpad('u{video}', 22, '-')$$, 'edit', '{publisher}'),
	('vvault_complete_upload', $$rpad('u{video}', 22, '-'), process => false$$, 'edit', '{publisher}'),
	('vvault_sign_output_part', $$1, gen_random_uuid(), '{video}/1/a', 'x', 1, 1$$, 'any', '{worker}'),
	('vvault_sign_output_complete', $$1, gen_random_uuid(), '{video}/1/a', 'x'$$, 'any', '{worker}'),
	('vvault_dequeue', $$'w', '{probe}'$$, 'any', '{worker}'), ('vvault_heartbeat', '1, gen_random_uuid()', 'any', '{worker}'),
	('vvault_complete', '1, gen_random_uuid()', 'any', '{worker}'), ('vvault_fail', '1, gen_random_uuid()', 'any', '{worker}'),
	('vvault_complete_and_dequeue', $$1, gen_random_uuid(), NULL, 'w', '{probe}'$$, 'any', '{worker}'),
	('vvault_complete_many', $$'[]'$$, 'any', '{worker}'), ('vvault_wait_for_jobs', $$'{probe}', 0$$, 'any', '{worker}'),
	('vvault_enqueue', $$'probe', video_id => '{video}'$$, 'any', '{}'), ('vvault_enqueue_many', $$'[]'$$, 'any', '{}'),
	('vvault_job', '1', 'any', '{}'), ('vvault_jobs', '', 'any', '{}'), ('vvault_queue', '', 'any', '{}'), ('vvault_arm', '', 'any', '{}'),
	('vvault_cancel_job', '1', 'any', '{}'), ('vvault_redrive', '', 'any', '{}'), ('vvault_pause_kind', $$'probe', false$$, 'any', '{}'),
	('vvault_prune_jobs', '', 'any', '{}'), ('vvault_run_schedules', '', 'any', '{}'), ('vvault_schedule', $$'s', '1 day', 'probe'$$, 'any', '{}'),
	('vvault_unschedule', $$'s'$$, 'any', '{}'), ('vvault_schedules', '', 'any', '{}'), ('vvault_events', $$'{video}'$$, 'any', '{}'),
	('vvault_webhook', $$url => 'https://hook.example.org/'$$, 'any', '{}'), ('vvault_webhooks', '', 'any', '{}'),
	('vvault_deliveries', '', 'any', '{}'), ('vvault_replay', '1', 'any', '{}'),
	('vvault_consent', $$'{subject}', 'statistics', true$$, 'self', '{viewer,publisher}'), ('vvault_export_user', $$'{subject}'$$, 'self', '{viewer,publisher}'),
	('vvault_erase_user', $$'{subject}'$$, 'self', '{viewer,publisher}'), ('vvault_retention', '', 'any', '{}'),
	('vvault_secrets', '', 'any', '{}'), ('vvault_reseal_secrets', '', 'any', '{}'), ('vvault_rotate_keys', '', 'any', '{}'), ('vvault_signing_keys', '', 'any', '{}'), ('vvault_presign', $$'GET', '{video}/1/a'$$, 'any', '{}'),
	('vvault_deny', $$'session', 's'$$, 'any', '{}'), ('vvault_allow', $$'session', 's'$$, 'any', '{}'), ('vvault_edge_files', '', 'any', '{edge}'),
	('vvault_store', $$'files'$$, 'any', '{}'), ('vvault_edge', $$'one'$$, 'any', '{}'), ('vvault_set_quota', $$'vva_alice'$$, 'any', '{}'),
	('vvault_pre_request', '', 'any', '{viewer,publisher}'), ('vvault_rate_limits', '', 'any', '{}'),
	('vvault_set_rate_limit', $$'read', subject => 'vva_alice'$$, 'any', '{}'),
	('vvault_collect_uploads', '', 'any', '{}'), ('vvault_stream_set', $$'play_seconds', NULL$$, 'any', '{}'),
	('vvault_stream_grant', $$'vva_viewer', 'viewer'$$, 'never', '{}');
SELECT bag_eq($$SELECT name FROM call$$, $$SELECT p.proname::text FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault_stream')
		AND p.pronamespace <> 'vvault_stream'::regnamespace$$, 'every function that SQL can call is tried');

CREATE FUNCTION pg_temp.may_call(c caller, v video, f call) RETURNS boolean LANGUAGE sql AS $$
	SELECT CASE WHEN f.kind = 'never' THEN false WHEN c.standing = 'operator' THEN true
		WHEN f.kind = 'revoke' THEN false -- of a token that is nobody's
		WHEN c.standing <> ALL (f.roles) THEN false
		WHEN f.kind = 'any' THEN true
		WHEN f.kind IN ('own', 'list', 'self') THEN c.subject IS NOT NULL AND (c.login = 'vva_other' OR c.claims !~ 'video_id')
			AND c.most >= CASE f.kind WHEN 'own' THEN 4 WHEN 'list' THEN 3 ELSE 2 END
		ELSE pg_temp.expected(c, v, array_position('{view,download,edit,manage}', f.kind)) END
$$;

-- Becomes the caller, calls, and takes all back. Gives the SQLSTATE, or 00000.
CREATE FUNCTION pg_temp.called(c caller, v video, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	BEGIN
		PERFORM set_config('request.jwt.claims', replace(c.claims, '{video}', v.video_id), true);
		EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', c.login);
		EXECUTE format('SET LOCAL ROLE %I', c.role);
		EXECUTE replace(replace(statement, '{video}', v.video_id), '{subject}', coalesce(c.subject, 'nobody'));
		RAISE EXCEPTION USING ERRCODE = 'VV000';
	EXCEPTION WHEN OTHERS THEN
		outcome := CASE SQLSTATE WHEN 'VV000' THEN '00000' ELSE SQLSTATE END;
	END;
	RETURN outcome;
END
$$;

-- vvault_may() itself
CREATE TEMP TABLE may_outcome AS
	SELECT c.name, v.access, p.permission, pg_temp.expected(c, v, p.n::int) AS expected,
		pg_temp.called(c, v, format('SELECT 1 / vvault_may(%L, %L)::int', '{video}', p.permission)) AS got
	FROM caller c, video v, unnest('{view,download,edit,manage}'::text[]) WITH ORDINALITY p (permission, n)
	WHERE c.standing NOT IN ('worker', 'edge', 'stranger');
SELECT cmp_ok((SELECT count(*) FROM may_outcome), '=', (SELECT count(*) * 16 FROM caller WHERE standing NOT IN ('worker', 'edge', 'stranger')), 'all are asked');
SELECT is((SELECT string_agg(format('%s %s %s: %s', name, permission, access, got), E'\n') FROM may_outcome
	WHERE got <> CASE WHEN expected THEN '00000' ELSE '22012' END), NULL, 'vvault_may() says what the table of docs/streaming.md says');
SELECT cmp_ok((SELECT count(*) FROM may_outcome WHERE expected), '>', 150::bigint, 'much is permitted');
SELECT cmp_ok((SELECT count(*) FROM may_outcome WHERE NOT expected), '>', 150::bigint, 'and much is not');

-- and every other function
CREATE TEMP TABLE outcome AS
	SELECT c.name, v.access, f.name AS function, pg_temp.may_call(c, v, f) AS expected,
		pg_temp.called(c, v, format('%s %s(%s)', CASE f.name WHEN 'vvault_wait_for_jobs' THEN 'CALL' ELSE 'SELECT' END, f.name, f.args)) AS got
	FROM caller c, video v, call f;
SELECT is((SELECT string_agg(format('%s: %s of a video that is %s: %s', name, function, access, got), E'\n') FROM outcome
	WHERE (got = '42501') = expected), NULL, 'each is refused to those who may not, and to nobody else');
SELECT is((SELECT string_agg(DISTINCT function || ' ' || got, ', ') FROM outcome o JOIN call f ON f.name = o.function
	WHERE expected AND f.roles <> '{}' AND got NOT IN ('00000', '42501')
		AND got NOT IN ('55000', 'PT409', 'PT404', 'PT503') AND function NOT IN ('vvault_heartbeat', 'vvault_complete', 'vvault_complete_and_dequeue', 'vvault_fail', 'vvault_sign_output_part',
			'vvault_sign_output_complete', 'vvault_wait_for_jobs')), NULL, 'and who may is answered, or hears that it is too early');

--
-- What a token does beside its permissions
--

CREATE FUNCTION pg_temp.as_caller(who text, statement text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.called(c, v, statement) FROM caller c, video v WHERE c.name = who AND v.access = 'public'
$$;
SELECT is(pg_temp.as_caller('editor', $$SELECT vvault_update_asset('{video}', access => 'private')$$), '42501', 'who may edit does not change the access');
SELECT is(pg_temp.as_caller('manager', $$SELECT vvault_update_asset('{video}', access => 'private')$$), '00000', 'who may manage does');
SELECT is(pg_temp.as_caller('other publisher', $$SELECT vvault_create_asset('x', 'vva_alice')$$), '42501', 'nobody makes videos of another owner');
SELECT is(pg_temp.as_caller('owner', $$SELECT vvault_create_asset('x', 'vva_bob')$$), '42501', 'nobody, whoever he is');
SELECT is(pg_temp.as_caller('operator', $$SELECT vvault_create_asset('x', 'vva_bob')$$), '00000', 'but an operator');
SELECT is(pg_temp.as_caller('owner', $$SELECT vvault_create_asset('x', NULL)$$), '22023', 'an owner is named');
SELECT is(pg_temp.as_caller('other publisher', $$SELECT vvault_assets('vva_alice')$$), '42501', 'nobody lists another''s videos');
SELECT is(pg_temp.as_caller('other publisher', $$SELECT 1 / (1 - json_array_length(vvault_assets() -> 'assets'))$$), '00000', 'his own are none here');
SELECT is(pg_temp.as_caller('owner', $$SELECT 1 / (json_array_length(vvault_assets() -> 'assets') - 4)$$), '22012', 'and the owner''s four');
SELECT is(pg_temp.as_caller('other publisher', $$SELECT vvault_update_asset('none', 'x')$$), 'PT404', 'what is not there is nobody''s secret');
SELECT is(pg_temp.as_caller('owner', $$SELECT vvault_play_url('{video}', 'carol')$$), '42501', 'nobody asks for another');
SELECT is((SELECT string_agg(format('%s of %L: %s', v.access, s, pg_temp.called(c, v, format($$SELECT vvault_play_url('{video}', %L)$$, s))), ', ' ORDER BY v.access, s)
		FROM caller c, video v, unnest('{"",carol,vva_alice}'::text[]) s WHERE c.name = 'operator'
			AND (pg_temp.called(c, v, format($$SELECT vvault_play_url('{video}', %L)$$, s)) = '42501')
				<> (s = '' AND v.access IN ('token', 'private') OR s = 'carol' AND v.access = 'private')), NULL,
	'whom an operator asks for is judged as if he had a token, nobody as nobody');
SELECT is((SELECT string_agg(DISTINCT function, ' ') FROM outcome WHERE name ~ 'stranger' AND got <> '42501'), NULL, 'who was granted nothing calls nothing');
SELECT is(pg_temp.as_caller('owner', $$SELECT vvault_may('{video}', 'own')$$), '22023', 'there is no such permission');
SELECT throws_ok(format('SELECT vvault_may(%L, %L)', 'none', repeat('x', 63) || 'żż'), '22023', format('invalid permission "%s"', repeat('x', 63)),
	'of a long one whole letters are shown');
SELECT is(pg_temp.as_caller('owner', $$SELECT 1 / coalesce(vvault_may('none', 'view')::int, 7)$$), '22012', 'nothing may be done with what is not there');
SELECT is(pg_temp.as_caller('owner', $$SELECT 1 / coalesce(vvault_may(NULL, 'view')::int, 0)$$), '22012', 'NULL for NULL');

-- claims that no authenticator passes on
SELECT is((SELECT string_agg(odd || ' ' || pg_temp.called((c.name, c.login, c.role, odd, c.standing, c.subject, c.most, false, false)::caller, v,
			$$SELECT vvault_hls('{video}')$$), ', ') FROM caller c, video v,
		unnest('{"[]","1","\"x\"","null","{\"sub\": 5}","{\"sub\": [\"vva_alice\"]}","{\"sub\": null}"}'::text[]) odd
		WHERE c.name = 'owner watches' AND v.access = 'private'
		AND pg_temp.called((c.name, c.login, c.role, odd, c.standing, c.subject, c.most, false, false)::caller, v, $$SELECT vvault_hls('{video}')$$) <> '42501'),
	NULL, 'odd claims are nobody''s');
SELECT is(pg_temp.called((c.name, c.login, c.role, '{', c.standing, c.subject, c.most, false, false)::caller, v, $$SELECT vvault_hls('{video}')$$), '22P02',
	'claims that are no JSON are an error') FROM caller c, video v WHERE c.name = 'owner watches' AND v.access = 'private';

-- without the setting nobody's claims count
SELECT vvault_stream_set('authenticator', NULL);
SELECT is(pg_temp.as_caller('owner', $$SELECT vvault_asset('{video}')$$), '42501', 'without an authenticator claims count for nothing');
SELECT is(pg_temp.as_caller('login owner', $$SELECT vvault_asset('{video}')$$), '00000', 'and roles as before');

SELECT * FROM finish();
ROLLBACK;
