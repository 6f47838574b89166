--
-- threats.sql
--		What docs/security.md says that somebody cannot, tried by him: a worker
--		that was stolen, a publisher, an edge, an operator. Who may call what is
--		in access.sql, files and logs are in test/t/081_secrets.pl.
--
BEGIN;
SELECT plan(55);
SET LOCAL TimeZone = 'UTC';
SET LOCAL client_min_messages = warning;
\ir answers.psql

CREATE ROLE vvt_worker LOGIN;
CREATE ROLE vvt_other_worker LOGIN;
CREATE ROLE vvt_publisher LOGIN;
CREATE ROLE vvt_edge LOGIN;
CREATE ROLE vvt_operator LOGIN;
SELECT vvault_stream_grant(r, a) FROM (VALUES ('vvt_worker', 'worker'), ('vvt_other_worker', 'worker'), ('vvt_publisher', 'publisher'),
	('vvt_edge', 'edge'), ('vvt_operator', 'operator')) v (r, a);
CREATE TEMP TABLE role (role text);
INSERT INTO role VALUES ('vvt_worker'), ('vvt_publisher'), ('vvt_edge'), ('vvt_operator');

-- A statement as a role; its SQLSTATE, or 00000.
CREATE FUNCTION pg_temp.tried(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RESET ROLE;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN SQLSTATE;
END
$$;
-- The same with what it says, for what is one value.
CREATE FUNCTION pg_temp.said(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement INTO answer;
	RESET ROLE;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RESET ROLE;
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

--
-- Everybody: no table, nothing inside, nothing that belongs to the owner
--

SELECT is((SELECT string_agg(DISTINCT format('%s %s %s', r.role, c.oid::regclass, k), ', ')
	FROM role r, pg_class c, unnest('{"SELECT FROM %s","DELETE FROM %s","TRUNCATE %s","LOCK TABLE %s IN ACCESS SHARE MODE"}'::text[]) k
	WHERE c.relnamespace = 'vvault_stream'::regnamespace AND c.relkind IN ('r', 'p')
		AND pg_temp.tried(r.role, format(k, c.oid::regclass)) <> '42501'), NULL, 'nobody reads or writes a table');
SELECT is(pg_temp.tried(r.role, s), '42501', format('%s cannot: %s', r.role, s))
FROM role r, unnest('{"CREATE STATISTICS spy ON name, secret FROM vvault_stream.secrets", "CREATE PUBLICATION spy FOR TABLE vvault_stream.secrets",
	"CREATE TRIGGER spy AFTER INSERT ON vvault_stream.secrets EXECUTE FUNCTION vvault_stream.keys_changed()", "ALTER TABLE vvault_stream.secrets ALTER secret SET STATISTICS 100",
	"SELECT vvault_stream.secret(''x'')", "CREATE VIEW vvault_stream.spy AS SELECT 1"}'::text[]) s;

--
-- A worker
--

SELECT vvault_edge('one', 'https://one.example.org');
SELECT pg_temp.uploaded('film', pg_temp.probe(9, 640, 360, '{eng}', '{}'));
SELECT vvault_process('film');
SELECT pg_temp.uploaded('other', pg_temp.probe(9, 640, 360, '{eng}', '{}'));
SELECT vvault_protect('other', 'clear_key');
SELECT vvault_process('other');
SELECT pg_temp.work('{probe}');
CREATE TEMP TABLE job AS SELECT j FROM json_array_elements(vvault_dequeue('w', '{encode}', 2)) j;
GRANT SELECT ON job TO PUBLIC;
CREATE TEMP TABLE his AS SELECT (j ->> 'job_id')::bigint AS job_id, (j ->> 'lease')::uuid AS lease, j ->> 'video_id' AS video_id, j -> 'order' AS job_order FROM job;
GRANT SELECT ON his TO PUBLIC;
SELECT is((SELECT string_agg(video_id, ' ' ORDER BY video_id) FROM his), 'film other', 'two jobs that run');
-- job of the one, lease of the other or none
SELECT is((SELECT pg_temp.tried('vvt_worker', format(s, a.job_id, b.lease)) FROM his a, his b WHERE a.video_id = 'film' AND b.video_id = 'other'), 'PT409', 'a worker without the lease cannot: ' || s)
FROM unnest('{"SELECT vvault_heartbeat(%s, %L)", "SELECT vvault_complete(%s, %L, ''{}'')", "SELECT vvault_fail(%s, %L, ''x'')",
	"SELECT vvault_sign_output_part(%s, %L, ''film/1/a'', ''x'', 1, 1)", "SELECT vvault_sign_output_complete(%s, %L, ''film/1/a'', ''x'')"}'::text[]) s;
SELECT is((SELECT pg_temp.tried('vvt_worker', format(s, a.job_id, a.lease)) FROM his a WHERE a.video_id = 'film'), '22023', 'and with it cannot write what its order does not name: ' || s)
FROM unnest('{"SELECT vvault_sign_output_part(%s, %L, ''other/1/a'', ''x'', 1, 1)", "SELECT vvault_sign_output_part(%s, %L, ''film/source/x'', ''x'', 1, 1)",
	"SELECT vvault_sign_output_complete(%s, %L, ''film/1/manifest.mpd'', ''x'')"}'::text[]) s;
SELECT is((SELECT count(*) FROM his, json_object_keys(job_order) k WHERE job_order::text ~ '"key"' AND video_id = 'film'), 0::bigint, 'the order of a clear video has no key');
SELECT is((SELECT array_agg(DISTINCT o -> 'encryption' ->> 'key' ORDER BY o -> 'encryption' ->> 'key') FROM his, json_array_elements(job_order -> 'outputs') o WHERE video_id = 'other'),
	(SELECT array_agg(encode(vvault_stream.content_key(k), 'hex') ORDER BY encode(vvault_stream.content_key(k), 'hex')) FROM vvault_stream.content_keys k WHERE k.class IN ('AUDIO', 'SD')),
	'that of a protected one the keys of what it has encrypted, and no other');
SELECT is((SELECT string_agg(DISTINCT u, ' ') FROM his, regexp_matches(job_order::text, '"(?:GET|HEAD|PUT|POST|DELETE) ([^/"]+)/', 'g') m, unnest(m) u WHERE video_id = 'film'), 'film', 'its addresses are of its video alone');

--
-- A publisher, an edge
--

SELECT is(pg_temp.tried('vvt_publisher', s), '42501', 'a publisher cannot: ' || s)
FROM unnest('{"SELECT vvault_set_quota(''vvt_publisher'')", "SELECT vvault_set_rate_limit(''read'', subject => ''vvt_publisher'')", "SELECT vvault_create_asset(''x'', ''anna'')",
	"SELECT vvault_protect(''film'', ''none'')", "SELECT vvault_cpix(''other'')", "SELECT vvault_token_issue(''anna'')"}'::text[]) s;
SELECT is(pg_temp.said('vvt_edge', $$SELECT string_agg(name, ' ' ORDER BY name) FROM vvault_edge_files()$$), 'vvault-denied.txt vvault-path-keys.json', 'an edge gets its files');
SELECT vvault_rotate_keys('token'), vvault_signing_keys('store:files');
SELECT is(pg_temp.said('vvt_edge', $$SELECT string_agg(k, ' ' ORDER BY k) FROM vvault_edge_files(), json_object_keys(content::json -> 'keys') k WHERE name ~ 'keys'$$),
	(SELECT string_agg(kid, ' ' ORDER BY kid) FROM vvault_stream.signing_keys WHERE purpose = 'path'), 'with the keys of paths, and of nothing else');
SELECT is(pg_temp.said('vvt_edge', $$SELECT count(*) FROM pg_proc WHERE proname ~ '^vvault_' AND provolatile = 'v' AND has_function_privilege(oid, 'EXECUTE')$$), '1', 'and calls nothing else that is of any effect');

-- what to do when one was stolen: its key is forgotten
UPDATE vvault_stream.assets SET generation = 1 WHERE video_id = 'film';
CREATE TEMP TABLE stolen AS SELECT vvault_stream.new_path_token('film', 1, 600, 's') AS token, kid FROM vvault_stream.signing_key('path');
SELECT vvault_rotate_keys('path', 0);
SELECT is(vvault_stream.path_token_problem(token, 'film', 1, now()), NULL, 'another key leaves what was signed as it is') FROM stolen;
DELETE FROM vvault_stream.signing_keys k USING stolen s WHERE k.kid = s.kid;
SELECT is(vvault_stream.path_token_problem(token, 'film', 1, now()), 'unknown key', 'until the old one''s row is deleted') FROM stolen;
SELECT is((SELECT count(*) FROM vvault_edge_files() f, stolen s WHERE strpos(f.content, s.kid) > 0), 0::bigint, 'and no edge gets it any more');
SELECT is((SELECT count(*) FROM vvault_stream.secrets x, stolen s WHERE x.name = 'key:' || s.kid), 0::bigint, 'nor has a dump it');
SELECT isnt(vvault_stream.new_path_token('film', 1, 600, 's'), NULL, 'others are made by the new one');

--
-- An operator
--

SELECT vvault_store('cloud', 's3', 'https://s3.example.org', bucket => 'media', key_id => 'AKID', secret => 'the secret of this store');
SELECT is((SELECT count(*) FROM unnest('{"SELECT vvault_store(''cloud'')","SELECT vvault_secrets()","SELECT vvault_webhooks()","SELECT vvault_presign(''GET'', ''a'', store => ''cloud'')","SELECT vvault_export_user(''anna'')"}'::text[]) s
	WHERE pg_temp.said('vvt_operator', s) ~ 'the secret of'), 0::bigint, 'an operator reads the secret of no store');
SELECT is(pg_temp.tried('vvt_operator', s), '42501', 'an operator cannot: ' || s)
FROM unnest('{"SELECT vvault_stream_grant(''vvt_operator'', ''operator'')", "ALTER FUNCTION vvault_stream_set(text, text) OWNER TO vvt_operator"}'::text[]) s;
-- what is named in a job or a schedule runs with the owner's rights: it is the owner who names it
SELECT is((SELECT string_agg(p.proname, ' ') FROM pg_proc p WHERE p.proname ~ '^vvault_' AND has_function_privilege('vvt_operator', p.oid, 'EXECUTE')
	AND p.proargnames && '{call_schema,call_function,order_schema,order_function,done_schema,done_function}'::text[]), NULL, 'nor say which function runs for a kind or a schedule');

SELECT * FROM finish();
ROLLBACK;
