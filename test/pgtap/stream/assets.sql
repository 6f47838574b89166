--
-- assets.sql
--		Videos of one's own: what the table takes, each step between states that
--		is possible and each that is not, and their versions.
--
BEGIN;
SELECT plan(42);

INSERT INTO vvault_stream.assets (owner_id) SELECT 'many' FROM generate_series(1, 1000);
SELECT is((SELECT count(DISTINCT video_id) FROM vvault_stream.assets WHERE video_id ~ '^[A-Za-z0-9_-]{11}$'), 1000::bigint,
	'an id that is not given is 11 characters of base64url');
SELECT is((SELECT count(*) FROM vvault_stream.assets a WHERE ROW(state, access, protection, generation) = ROW('created', 'private', 'none', 0)),
	1000::bigint, 'an asset is created private, without a generation');
DELETE FROM vvault_stream.assets;

--
-- What is refused
--

CREATE FUNCTION pg_temp.refused(code text, assignment text, label text) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(format('WITH a AS (SELECT %s) INSERT INTO vvault_stream.assets (owner_id, %s) SELECT ''me'', * FROM a',
		split_part(assignment, ' = ', 2), split_part(assignment, ' = ', 1)), code, NULL, label)
$$;
SELECT pg_temp.refused('23514', v, 'refused: ' || v) FROM unnest(ARRAY[
	$$video_id = ''$$, $$video_id = 'a/b'$$, $$video_id = '..'$$, $$video_id = 'site'$$, $$video_id = repeat('x', 65)$$,
	$$video_id = E'a\nb'$$, $$title = repeat('x', 301)$$, $$tags = ARRAY[NULL]::text[]$$, $$content_language = 'x'$$,
	$$state = 'lost'$$, $$access = 'secret'$$, $$protection = 'drm'$$, $$generation = -1$$, $$state = 'ready'$$,
	$$state = 'failed'$$, $$duration = 'NaN'::float8$$, $$duration = -1::float8$$, $$metadata = '[]'::jsonb$$, $$metadata = jsonb_build_object('a', repeat('x', 65536))$$,
	$$source = '1'::jsonb$$, $$created_at = 'infinity'::timestamptz$$]) AS v;
SELECT throws_ok($$INSERT INTO vvault_stream.assets (title) VALUES ('nobody''s')$$, '23502', NULL, 'every video has an owner');
SELECT lives_ok($$INSERT INTO vvault_stream.assets (owner_id, video_id) VALUES ('me', repeat('x', 64)), ('me', '-_0')$$,
	'ids of one''s own may be as long as those of others');

--
-- Steps
--

CREATE TEMP TABLE possible (a text, b text);
INSERT INTO possible VALUES ('created', 'uploading'), ('uploading', 'uploaded'), ('uploaded', 'processing'), ('processing', 'ready'),
	('uploading', 'failed'), ('uploaded', 'failed'), ('processing', 'failed'),
	('failed', 'uploading'), ('failed', 'uploaded'), ('failed', 'processing'), ('deleting', 'deleted');
INSERT INTO possible SELECT s, 'deleting' FROM unnest('{created,uploading,uploaded,processing,ready,failed}'::text[]) AS s;

-- what a step from one state to another ends with
CREATE FUNCTION pg_temp.outcome(a text, b text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	INSERT INTO vvault_stream.assets (video_id, owner_id, state, generation, failure) VALUES ('step', 'me', a, 1, 'why');
	UPDATE vvault_stream.assets SET state = b WHERE video_id = 'step';
	DELETE FROM vvault_stream.assets WHERE video_id = 'step';
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || hint;
END
$$;
CREATE TEMP VIEW states AS SELECT unnest('{created,uploading,uploaded,processing,ready,failed,deleting,deleted}'::text[]) AS s;
SELECT set_eq($$SELECT x.s AS a, y.s AS b FROM states x, states y WHERE x.s <> y.s AND pg_temp.outcome(x.s, y.s) = 'done'$$,
	'SELECT a, b FROM possible', 'the steps that are possible');
SELECT is((SELECT count(*) FROM states x WHERE pg_temp.outcome(x.s, x.s) = 'done'), 8::bigint, 'no step is possible everywhere');
SELECT is((SELECT string_agg(pg_temp.outcome(x.s, y.s), E'\n') FROM states x, states y
	WHERE x.s <> y.s AND (x.s, y.s) NOT IN (SELECT a, b FROM possible) AND pg_temp.outcome(x.s, y.s) !~ '^22023 (Possible from |deleted is the last)'),
	NULL, 'any other is 22023, with a hint');
SELECT is(pg_temp.outcome('failed', 'ready'), '22023 Possible from failed: uploading, uploaded, processing, deleting.',
	'the hint says which are possible');

--
-- Versions
--

CREATE FUNCTION pg_temp.versions() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_object_agg(video_id || ' ' || written_by, version) FROM vvault_stream.asset_versions
	WHERE video_id IN ('site', 'a', 'b', 'c')
$$;
-- whose versions a statement changes or makes
CREATE FUNCTION pg_temp.changed(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before jsonb := pg_temp.versions();
BEGIN
	EXECUTE statement;
	RETURN (SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_each(pg_temp.versions()) WHERE value IS DISTINCT FROM before -> key);
END
$$;
SELECT is(pg_temp.changed($$INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('b', 'me'), ('a', 'me')$$), 'a media, b media',
	'INSERT makes versions');
SELECT is(pg_temp.changed($$UPDATE vvault_stream.assets SET title = 'A' WHERE video_id = 'a'$$), 'a media', 'UPDATE changes one');
SELECT is(pg_temp.changed($$UPDATE vvault_stream.assets SET title = 'A' WHERE video_id IN ('a', 'b')$$), 'b media',
	'where rows stay the same versions do');
SELECT is(pg_temp.changed($$UPDATE vvault_stream.assets SET title = title$$), NULL, 'all of them');
SELECT is(pg_temp.changed($$INSERT INTO vvault_stream.assets (video_id, owner_id) VALUES ('b', 'me'), ('c', 'me')
	ON CONFLICT (video_id) DO UPDATE SET title = 'again'$$), 'b media, c media', 'an upsert changes both');
SELECT is(pg_temp.changed($$DELETE FROM vvault_stream.assets WHERE video_id = 'b'$$), 'b media', 'DELETE leaves another version');
SELECT is(pg_temp.changed($$DELETE FROM vvault_stream.assets WHERE video_id = 'b'$$), NULL, 'what deletes nothing changes none');
SELECT is(pg_temp.changed($$TRUNCATE vvault_stream.assets, vvault_stream.renditions, vvault_stream.generations, vvault_stream.pictures, vvault_stream.uploads$$), 'site site', 'TRUNCATE changes all by that of the site');
SELECT is(pg_temp.changed($$SELECT vvault_stream.bump_site()$$), 'site site', 'and so does bump_site()');
DELETE FROM vvault_stream.asset_versions;
SELECT is(pg_temp.changed($$SELECT vvault_stream.bump_site()$$), 'site site', 'also where its row is gone');

--
-- A writer with no right but to the table
--

CREATE ROLE vvs_plain;
GRANT USAGE ON SCHEMA vvault_stream TO vvs_plain;
GRANT SELECT, INSERT, UPDATE ON vvault_stream.assets TO vvs_plain;
SET LOCAL ROLE vvs_plain;
SELECT lives_ok($$INSERT INTO vvault_stream.assets (owner_id) VALUES ('plain')$$, 'plain INSERT needs the right to the table alone');
SELECT lives_ok($$UPDATE vvault_stream.assets SET state = 'uploading'$$, 'and so does UPDATE');
SELECT throws_ok($$SELECT * FROM vvault_stream.asset_versions$$, '42501', NULL, 'versions are not his');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
