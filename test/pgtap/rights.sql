--
-- rights.sql
--		Who may do what: PUBLIC, a role without a grant, a reader, a writer, a
--		role that writes vvault.videos by itself, and one that lays traps in the
--		search_path.
--
-- Functions and tables are found in the catalog, so that none is forgotten.
-- Each test of a list names the offenders: the list must be empty.
--
BEGIN;
SELECT plan(70);
\ir ../examples.sql

CREATE ROLE vvt_plain;
CREATE ROLE vvt_reader;
CREATE ROLE vvt_writer;
CREATE ROLE vvt_hand;			-- writes vvault.videos and vvault.snapshots by itself
CREATE ROLE vvt_trapper;		-- a reader with objects of its own in the search_path
CREATE ROLE vvt_trapping_writer IN ROLE vvt_trapper;
CREATE ROLE vvt_other;
CREATE ROLE "vvt ""odd"" role; --";

CREATE TEMP VIEW function AS
	SELECT p.*, p.oid::regprocedure AS signature,
		p.pronamespace <> 'vvault'::regnamespace AS public,
		-- a call with NULLs: what is refused is refused before they matter
		format('SELECT %s.%I(%s)', p.pronamespace::regnamespace, p.proname,
			(SELECT string_agg(format('NULL::%s', t::regtype), ', ' ORDER BY i)
			 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (t, i))) AS call
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault');

CREATE TEMP VIEW relation AS
	SELECT c.* FROM pg_class c WHERE c.relnamespace = 'vvault'::regnamespace AND c.relkind IN ('r', 'v');

-- The SQLSTATE that a role gets from a statement, or ok.
CREATE FUNCTION pg_temp.outcome(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE format('SET LOCAL ROLE %I', role);
		EXECUTE statement;
		-- whatever it wrote is taken back
		RAISE EXCEPTION USING ERRCODE = 'P0099';
	EXCEPTION
		WHEN SQLSTATE 'P0099' THEN RETURN 'ok';
		WHEN OTHERS THEN RETURN SQLSTATE;
	END;
END
$$;

-- list('SELECT ...'): its first column, one a line.
CREATE FUNCTION pg_temp.list(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(x::text, E''\n'' ORDER BY x::text) FROM (%s) AS q (x)', query)
	INTO result;
	RETURN coalesce(result, '');
END
$$;

CREATE FUNCTION pg_temp.none(query text, label text) RETURNS text LANGUAGE sql AS $$
	SELECT is(pg_temp.list(query), '', label);
$$;

-- A chart to ingest, with rank and figures that follow from the number.
CREATE FUNCTION pg_temp.chart(first integer, last integer) RETURNS json LANGUAGE sql AS $$
	SELECT json_build_object('kind', 'youtube#videoListResponse',
		'items', json_agg(json_build_object('id', 'video' || i,
			'snippet', json_build_object('title', 'Title ' || i, 'channelId', 'c' || i % 3,
				'channelTitle', 'Channel ' || i % 3, 'categoryId', (10 + i % 2)::text,
				'publishedAt', '2026-01-01T00:00:00Z', 'tags', json_build_array('a', 'b')),
			'statistics', json_build_object('viewCount', (1000 * i)::text, 'likeCount', (10 * i)::text,
				'commentCount', i::text)) ORDER BY i),
		'pageInfo', json_build_object('totalResults', last - first + 1))
	FROM generate_series(first, last) i
$$;

SELECT vvault_ingest('US', pg_temp.chart(1, 20), '2026-01-10 06:00+00');
SELECT vvault_ingest('PL', pg_temp.chart(10, 25), '2026-01-10 06:00+00');

-- A call of every reader that works, as far as its required arguments go.
CREATE TEMP TABLE reader AS
	SELECT f.oid::regprocedure AS signature, 'SELECT * FROM ' || pg_temp.example_call(f.oid) AS call
	FROM example_function f
	WHERE f.prokind = 'f' AND f.provolatile = 's';

SELECT cmp_ok((SELECT count(*) FROM reader), '>=', 7::bigint, 'there are readers');
SELECT cmp_ok((SELECT count(*) FROM function WHERE public AND provolatile = 'v'), '>=', 8::bigint, 'there are writers');
SELECT cmp_ok((SELECT count(*) FROM relation), '>=', 19::bigint, 'there are tables');

SELECT vvault_grant('vvt_reader', 'reader');
SELECT vvault_grant('vvt_writer', 'writer');

--
-- PUBLIC
--

SELECT pg_temp.none($$SELECT c.oid::regclass FROM relation c, aclexplode(c.relacl) a WHERE a.grantee = 0$$,
	'PUBLIC has nothing on a table');
SELECT pg_temp.none($$SELECT a.attrelid::regclass FROM pg_attribute a JOIN relation c ON c.oid = a.attrelid, aclexplode(a.attacl) x
	WHERE x.grantee = 0$$, 'nor on a column');
SELECT pg_temp.none($$SELECT a.privilege_type FROM pg_namespace n, aclexplode(n.nspacl) a
	WHERE n.nspname = 'vvault' AND a.grantee = 0$$, 'nor on the schema');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE has_function_privilege('public', oid, 'EXECUTE') AND NOT (public AND (prokind = 'a' OR provolatile = 'i'))$$,
	'PUBLIC may call nothing but pure scores and aggregates');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE NOT has_function_privilege('public', oid, 'EXECUTE') AND public AND (prokind = 'a' OR provolatile = 'i')$$,
	'and those it may');

--
-- Support functions of aggregates
--
-- Those that take the type internal have no value of it to be called with,
-- whoever calls, and no aggregate of one's own leads to them.

SELECT cmp_ok((SELECT count(*) FROM function WHERE 'internal'::regtype = ANY (proargtypes::oid[])), '>=', 25::bigint,
	'there are support functions of aggregates');
SELECT pg_temp.none($$SELECT signature || ' ' || pg_temp.outcome(current_user, call) FROM function
	WHERE 'internal'::regtype = ANY (proargtypes::oid[]) AND pg_temp.outcome(current_user, call) <> '42846'$$,
	'a superuser cannot call one: nothing can be cast to their type');
SELECT pg_temp.none($$SELECT signature || ' ' || o FROM function, (VALUES ('NULL'), ('''x''')) l (v),
		pg_temp.outcome(current_user, regexp_replace(call, 'NULL::internal', v, 'g')) o
	WHERE 'internal'::regtype = ANY (proargtypes::oid[]) AND o <> '42883'$$,
	'nor does it go without a type');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE prorettype = 'internal'::regtype AND NOT 'internal'::regtype = ANY (proargtypes::oid[])$$,
	'no function makes a value of that type out of others');
SELECT is(pg_temp.outcome('vvt_plain', $$CREATE AGGREGATE pg_temp.mine(bigint, bigint) (
	SFUNC = vvault.engagement_accum, STYPE = internal, FINALFUNC = vvault.engagement_serialize)$$), '42P13',
	'only a superuser can make an aggregate with such a state');

--
-- A role without a grant
--

SELECT pg_temp.none($$SELECT oid::regclass FROM relation
	WHERE pg_temp.outcome('vvt_plain', format('SELECT * FROM %s', oid::regclass)) <> '42501'$$,
	'without a grant: no table can be read');
SELECT pg_temp.none($$SELECT signature FROM reader WHERE pg_temp.outcome('vvt_plain', call) <> '42501'$$,
	'without a grant: no reader can be called');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 'v' AND pg_temp.outcome('vvt_plain', call) <> '42501'$$,
	'without a grant: no writer can be called');
SELECT pg_temp.none($$SELECT signature FROM function WHERE NOT public AND has_function_privilege('vvt_plain', oid, 'EXECUTE')$$,
	'without a grant: no internal function can be called');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE NOT public AND NOT 'internal'::regtype = ANY (proargtypes::oid[]) AND pg_temp.outcome('vvt_plain', call) <> '42501'$$,
	'without a grant: each says so');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 'i' AND prokind = 'f' AND pg_temp.outcome('vvt_plain', call) <> 'ok'$$,
	'without a grant: scores can be called');
SELECT is(pg_temp.outcome('vvt_plain', a.call), 'ok', 'without a grant: so can ' || a.name)
FROM (VALUES
	('vvault_engagement', 'SELECT vvault_engagement(i, 10 * i) FROM generate_series(1::bigint, 9) i'),
	('vvault_virality', $$SELECT vvault_virality('2026-01-01'::timestamptz + i * interval '1 hour', 100 * i, i, i, 5000, 5) FROM generate_series(1::bigint, 9) i$$),
	('vvault_viral_stats', 'SELECT vvault_viral_stats(i, i % 3, 5) FROM generate_series(1, 9) i'),
	('vvault_feed', 'SELECT vvault_feed(i, i, 3) FROM generate_series(1, 9) i'),
	('vvault_auc', 'SELECT vvault_auc(i, i > 4) FROM generate_series(1, 9) i')) AS a (name, call);

-- What a role makes by itself does not lead it to the internals.
CREATE SCHEMA vvt_own AUTHORIZATION vvt_plain;
SELECT is(pg_temp.outcome('vvt_plain', $$CREATE TABLE vvt_own.videos (region text, video_id text, category_id int, virality_score float8);
	CREATE TRIGGER t AFTER INSERT ON vvt_own.videos REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_listed()$$), '42501',
	'without a grant: no table can be tied to our triggers');

--
-- A reader
--

SELECT pg_temp.none($$SELECT signature || ' ' || pg_temp.outcome('vvt_reader', call) FROM reader
	-- some ask for a preloaded library, which is not a matter of rights
	WHERE pg_temp.outcome('vvt_reader', call) NOT IN ('ok', '55000')$$,
	'reader: every reader can be called');
SELECT pg_temp.none($$SELECT oid::regclass || ' ' || s FROM relation c, LATERAL (VALUES
		(format('INSERT INTO %s DEFAULT VALUES', c.oid::regclass)),
		(format('UPDATE %s SET %I = DEFAULT', c.oid::regclass,
			(SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1))),
		(format('DELETE FROM %s', c.oid::regclass)),
		(format('TRUNCATE %s', c.oid::regclass))) v (s)
	WHERE c.relkind = 'r' AND pg_temp.outcome('vvt_reader', s) <> '42501'$$,
	'reader: no table can be written');
SELECT pg_temp.none($$SELECT oid::regclass || ' ' || p FROM relation, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
	WHERE has_table_privilege('vvt_reader', oid, p)$$,
	'reader: and the catalog says the same');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 'v' AND pg_temp.outcome('vvt_reader', call) <> '42501'$$,
	'reader: no writer can be called');
-- Searches run with the caller's rights, and need these two.
SELECT is(pg_temp.list($$SELECT signature FROM function
	WHERE NOT public AND has_function_privilege('vvt_reader', oid, 'EXECUTE')$$),
	E'vvault.fold(text)\nvvault.similar_words(text,text[])', 'reader: no internal function can be called, but for two helpers');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE NOT public AND NOT 'internal'::regtype = ANY (proargtypes::oid[]) AND prorettype <> 'trigger'::regtype
		-- those are replaced by NULL before anybody asks
		AND NOT proisstrict AND proname NOT IN ('fold', 'similar_words')
		AND pg_temp.outcome('vvt_reader', call) <> '42501'$$,
	'reader: each says so');
SELECT pg_temp.none($$SELECT oid::regclass FROM relation
	WHERE relname IN ('rejected_items', 'blocked_videos') AND has_table_privilege('vvt_reader', oid, 'SELECT')$$,
	'reader: what was refused or taken down cannot be read');
SELECT is(pg_temp.outcome('vvt_reader', 'TABLE vvault.charts'), 'ok', 'reader: which charts there are can');
SELECT is(pg_temp.outcome('vvt_reader', $$CREATE TABLE vvault.mine ()$$), '42501', 'reader: nothing can be made in the schema');
SELECT is(pg_temp.outcome('vvt_reader', $$SELECT vvault_grant('vvt_plain', 'reader')$$), '42501', 'reader: the right cannot be passed on');
SELECT is(pg_temp.outcome('vvt_reader', $$CREATE TEMP TABLE mine (region text, video_id text, category_id int, virality_score float8);
	CREATE TRIGGER t AFTER INSERT ON mine REFERENCING NEW TABLE AS changed_rows
	FOR EACH STATEMENT EXECUTE FUNCTION vvault.videos_listed()$$), '42501',
	'reader: no table can be tied to our triggers');

--
-- A writer
--

SELECT is(pg_temp.outcome('vvt_writer', format('SELECT vvault_ingest(%L, %L)', 'US', pg_temp.chart(1, 3))), 'ok', 'writer: ingests');
SELECT is(pg_temp.outcome('vvt_writer', $$SELECT vvault_block('video1')$$), 'ok', 'writer: takes a video down');
SELECT is(pg_temp.outcome('vvt_writer', $$SELECT vvault_prune('2026-01-01')$$), 'ok', 'writer: prunes');
SELECT is(pg_temp.outcome('vvt_writer', $$SELECT vvault_set('viral_threshold', '70')$$), 'ok', 'writer: sets');
SELECT is(pg_temp.outcome('vvt_writer', $$SELECT vvault_rebuild(), (SELECT count(*) FROM vvault_check())$$), 'ok', 'writer: checks and rebuilds');
SELECT pg_temp.none($$SELECT signature || ' ' || pg_temp.outcome('vvt_writer', call) FROM reader
	WHERE pg_temp.outcome('vvt_writer', call) NOT IN ('ok', '55000')$$,
	'writer: every reader can be called');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 'v' AND proname NOT IN ('vvault_grant', 'vvault_mesh_join', 'vvault_mesh_leave')
		AND NOT has_function_privilege('vvt_writer', oid, 'EXECUTE')$$,
	'writer: every writer can be called');
SELECT pg_temp.none($$SELECT oid::regclass || ' ' || p FROM relation, unnest('{INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
	WHERE has_table_privilege('vvt_writer', oid, p)$$,
	'writer: no table can be written directly');
SELECT is(pg_temp.outcome('vvt_writer', $$INSERT INTO vvault.videos (region, video_id) VALUES ('US', 'x')$$), '42501',
	'writer: an INSERT says so');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE NOT public AND proname NOT IN ('fold', 'similar_words') AND has_function_privilege('vvt_writer', oid, 'EXECUTE')$$,
	'writer: no other internal function can be called');
SELECT pg_temp.none($$SELECT oid::regclass FROM relation
	WHERE relname IN ('rejected_items', 'blocked_videos') AND has_table_privilege('vvt_writer', oid, 'SELECT')$$,
	'writer: what was refused or taken down cannot be read');
SELECT is(pg_temp.outcome('vvt_writer', $$DELETE FROM vvault.blocked_videos$$), '42501', 'writer: a blocked video cannot be let in again');
SELECT is(pg_temp.outcome('vvt_writer', $$INSERT INTO vvault.regions (region, name) VALUES ('XX', 'x')$$), '42501',
	'writer: regions cannot be changed');
SELECT is(pg_temp.outcome('vvt_writer', $$SELECT vvault_grant('vvt_plain', 'writer')$$), '42501', 'writer: the right cannot be passed on');

--
-- vvault_grant
--

GRANT EXECUTE ON FUNCTION vvault_grant(name, text) TO vvt_other;
SELECT is(pg_temp.outcome('vvt_other', $$SELECT vvault_grant('vvt_other', 'reader')$$), '42501',
	'vvault_grant() is for who may grant, whoever has EXECUTE on it');
SELECT is(pg_temp.outcome(current_user, $$SELECT vvault_grant('vvt_plain', 'owner')$$), '22023', 'there is reader and writer');
SELECT is(pg_temp.outcome(current_user, $$SELECT vvault_grant('vvt_plain', NULL)$$), '22023', 'NULL is neither');
SELECT is(pg_temp.outcome(current_user, $$SELECT vvault_grant('vvt nobody', 'reader')$$), '42704', 'the role must exist');
SELECT is(pg_temp.outcome(current_user, $$SELECT vvault_grant('public', 'reader')$$), '42704', 'PUBLIC is no role');
SELECT vvault_grant('vvt "odd" role; --', 'reader');
SELECT is(pg_temp.outcome('vvt "odd" role; --', $$SELECT vvault_trending('US')$$), 'ok', 'any name of a role will do');

-- Who owns the extension through a membership may grant too.
SELECT format('GRANT %I TO vvt_other', e.extowner::regrole) FROM pg_extension e WHERE e.extname = 'vvault' \gexec
SELECT is(pg_temp.outcome('vvt_other', $$SELECT vvault_grant('vvt_plain', 'reader')$$), 'ok', 'a member of the owner may grant');

--
-- A role that writes the tables by itself, and nothing derived
--

GRANT USAGE ON SCHEMA vvault TO vvt_hand;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON vvault.videos, vvault.snapshots TO vvt_hand;
SELECT is(pg_temp.outcome('vvt_hand', $$INSERT INTO vvault.videos (region, video_id) VALUES ('SE', 'x');
	UPDATE vvault.videos SET virality_score = 3; DELETE FROM vvault.videos WHERE region = 'US';
	INSERT INTO vvault.snapshots (region, video_id, fetched_at) VALUES ('SE', 'x', now()); TRUNCATE vvault.videos, vvault.snapshots$$), 'ok',
	'plain writes need no right on what is derived');
SELECT is(pg_temp.outcome('vvt_hand', $$INSERT INTO vvault.videos (region, video_id) VALUES ('NOWHERE', 'x')$$), 'ok',
	'of any region');
SELECT pg_temp.none($$SELECT c.relname FROM relation c WHERE c.relkind = 'r' AND c.relname NOT IN ('videos', 'snapshots')
	AND pg_temp.outcome('vvt_hand', format('DELETE FROM vvault.%I', c.relname)) <> '42501'$$,
	'and give none');

--
-- Traps in the search_path
--
-- Whatever is found under a bare name is a trap that raises an error: operators
-- that compare with anything, functions, a cast by way of a type's name.

SELECT vvault_grant('vvt_trapper', 'reader');
SELECT vvault_grant('vvt_trapping_writer', 'writer');
GRANT INSERT, UPDATE, DELETE ON vvault.videos, vvault.snapshots TO vvt_trapping_writer;
CREATE SCHEMA vvt_traps AUTHORIZATION vvt_trapper;
GRANT SELECT ON function, relation TO vvt_trapper;

CREATE FUNCTION pg_temp.lay_traps() RETURNS integer LANGUAGE plpgsql AS $lay$
DECLARE
	laid integer := 0;
	f record;
	o text;
	t text;
BEGIN
	SET LOCAL ROLE vvt_trapper;
	CREATE FUNCTION vvt_traps.trap() RETURNS void LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'P0666'; END $$;
	FOREACH t IN ARRAY '{text,int8,int4,float8,timestamptz,date,uuid,bool,name,numeric}'::text[] LOOP
		FOREACH o IN ARRAY '{=,<>,<,>,<=,>=}'::text[] LOOP
			EXECUTE format('CREATE FUNCTION vvt_traps.%I(a pg_catalog.%s, b pg_catalog.%2$s) RETURNS boolean LANGUAGE sql AS %L',
				'op' || o || t, t, 'SELECT true FROM vvt_traps.trap()');
			EXECUTE format('CREATE OPERATOR vvt_traps.%s (LEFTARG = pg_catalog.%s, RIGHTARG = pg_catalog.%2$s, FUNCTION = vvt_traps.%I)',
				o, t, 'op' || o || t);
			laid := laid + 1;
		END LOOP;
	END LOOP;
	-- the names that an unwary function would use, with the same arguments
	FOR f IN
		SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result
		FROM pg_proc p
		WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.provariadic = 0
			AND p.proname IN ('now', 'round', 'lower', 'upper', 'length', 'octet_length', 'format', 'cardinality',
				'isfinite', 'gen_random_uuid', 'array_to_string', 'string_to_array', 'json_typeof', 'date_trunc',
				'extract', 'timezone', 'to_char', 'abs', 'exp', 'ln', 'power', 'sqrt', 'clock_timestamp', 'encode', 'md5',
				'array_length', 'replace', 'substr', 'substring', 'btrim', 'concat', 'random', 'pg_has_role', 'set_config')
	LOOP
		EXECUTE format('CREATE FUNCTION vvt_traps.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, f.result,
			$$BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'P0666'; END$$);
		laid := laid + 1;
	END LOOP;
	-- ours, and tables of ours
	FOR f IN
		SELECT x.proname, pg_get_function_identity_arguments(x.oid) AS arguments, x.prorettype::regtype AS result
		FROM function x WHERE x.prokind = 'f' AND NOT x.proretset AND NOT 'internal'::regtype = ANY (x.proargtypes::oid[])
			AND x.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'record'::regtype)
	LOOP
		EXECUTE format('CREATE FUNCTION vvt_traps.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', f.proname, f.arguments, f.result,
			$$BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'P0666'; END$$);
		laid := laid + 1;
	END LOOP;
	FOR f IN SELECT c.relname FROM relation c LOOP
		EXECUTE format('CREATE TABLE vvt_traps.%I ()', f.relname);
		laid := laid + 1;
	END LOOP;
	FOREACH t IN ARRAY '{unnest,generate_series,json_array_elements}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION vvt_traps.%I(anyarray) RETURNS SETOF anyelement LANGUAGE plpgsql AS %L', t,
			$$BEGIN RAISE EXCEPTION 'trapped' USING ERRCODE = 'P0666'; END$$);
		laid := laid + 1;
	END LOOP;
	-- types in whose name a cast would go astray
	FOREACH t IN ARRAY '{text,json,date,uuid,timestamptz,float8,int4,int8,bool,numeric}'::text[] LOOP
		EXECUTE format('CREATE DOMAIN vvt_traps.%I AS pg_catalog.%1$I CHECK (false)', t);
		laid := laid + 1;
	END LOOP;
	GRANT USAGE ON SCHEMA vvt_traps TO vvt_trapping_writer;
	RESET ROLE;
	RETURN laid;
END
$lay$;
SELECT cmp_ok(pg_temp.lay_traps(), '>', 150, 'traps are laid');

-- What a statement says to a role that has the traps before pg_catalog itself.
CREATE FUNCTION pg_temp.trapped(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	reply record;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	PERFORM pg_catalog.set_config('search_path', 'vvt_traps, pg_temp, pg_catalog, public', true);
	EXECUTE statement INTO reply;
	PERFORM pg_catalog.set_config('search_path', 'public', true);
	RESET ROLE;
	RETURN reply::pg_catalog.text;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END
$$;
SELECT is(pg_temp.trapped('vvt_trapper', 'SELECT lower(''A'')'), 'P0666: trapped', 'a trap works where a name is not qualified');
SELECT is(pg_temp.trapped('vvt_trapper', 'SELECT ''a''::pg_catalog.text = ''b''::pg_catalog.text'), 'P0666: trapped', 'so does one for an operator');

CREATE FUNCTION pg_temp.differing() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	f record;
	clean record;
	trapped text;
BEGIN
	FOR f IN SELECT r.call FROM reader r WHERE r.signature::text !~ 'vvault_cache'
		UNION ALL SELECT format('SELECT public.vvault_trending(%L, 3, %L)', 'US', s)
			FROM unnest((SELECT d.choices FROM vvault.setting_defaults d WHERE d.name = 'default_sort')) s
		UNION ALL VALUES ('SELECT public.vvault_engagement(10, 100)'), ('SELECT public.vvault_feed(7, 8, 3)'),
			('SELECT public.vvault_viral_stats(90, 1, 85)'), ('SELECT public.vvault_auc(1, true)'),
			('SELECT public.vvault_momentum_score(1000, 10, ''1 hour'', 3, 50, 20)'),
			('SELECT public.vvault_virality_score(1000, 5, 4000, 5)'),
			('SELECT public.vvault_hot_score(5, ''2026-01-01 00:00Z'')'),
			('SELECT public.vvault_view_velocity(1000, 10, ''1 hour'')'),
			('SELECT public.vvault_engagement_rate(10, 1000)')
	LOOP
		EXECUTE f.call INTO clean;
		trapped := pg_temp.trapped('vvt_trapper', f.call);
		IF trapped IS DISTINCT FROM clean::text THEN
			RETURN NEXT format('%s gives %s, trapped %s', f.call, left(clean::text, 200), left(trapped, 200));
		END IF;
	END LOOP;
END
$$;
SELECT pg_temp.none('SELECT * FROM pg_temp.differing()', 'readers and scores walk past the traps');

-- And writers: rows of an ingest with the traps and without are the same.
CREATE FUNCTION pg_temp.left_behind() RETURNS text LANGUAGE sql AS $$
	SELECT md5(string_agg(t, E'\n' ORDER BY t)) FROM (
		SELECT v::text FROM vvault.videos v UNION ALL SELECT s::text FROM vvault.snapshots s
		UNION ALL SELECT c::text FROM vvault.category_stats c UNION ALL SELECT d::text FROM vvault.daily_stats d
		UNION ALL SELECT r::text FROM vvault.video_regions r) x (t)
$$;
CREATE FUNCTION pg_temp.ingest_call() RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT public.vvault_ingest(%L, %L, %L)', 'US', pg_temp.chart(5, 30), '2026-01-11 06:00+00')
$$;
SAVEPOINT clean;
SELECT vvault_ingest('US', pg_temp.chart(5, 30), '2026-01-11 06:00+00') AS clean_reply \gset
SELECT pg_temp.left_behind() AS clean_rows \gset
ROLLBACK TO SAVEPOINT clean;
SELECT is((pg_temp.trapped('vvt_trapping_writer', pg_temp.ingest_call()) IS NOT NULL)::text, 'true', 'ingest with the traps');
SELECT is(pg_temp.left_behind(), :'clean_rows', 'leaves the same rows');
SELECT is(pg_temp.trapped('vvt_trapping_writer', pg_temp.ingest_call()),
	format('("%s")', replace(regexp_replace(:'clean_reply', '("created" ?: ?)[0-9]+', '\10'), '"', '""')),
	'and gives the same reply, here to a repeated call, which creates nothing');
SELECT is(pg_temp.trapped('vvt_trapping_writer', $$INSERT INTO vvault.videos (region, video_id, virality_score) VALUES ('US', 'hand', 90) RETURNING region$$),
	'(US)', 'so do the triggers behind a plain INSERT');
SELECT is(pg_temp.trapped('vvt_trapping_writer', $$SELECT public.vvault_block('hand'), public.vvault_set('viral_threshold', '70'), public.vvault_prune('2026-01-11 00:00Z'), public.vvault_rebuild()$$),
	'(t,"",20,0)', 'and the other writers');
SELECT is_empty('SELECT * FROM vvault_check()', 'vvault_check() finds nothing');

SELECT * FROM finish();
ROLLBACK;
