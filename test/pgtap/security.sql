--
-- security.sql
--		What a plain role can lay in the way of the extension's owner: operators
--		and functions that fit better than ours, in the very schema of our
--		functions, before CREATE EXTENSION and after it; tables of the same
--		names; plans that a stronger role has left in the session.
--
-- The schema's CREATE right is what PUBLIC had on public before 15. A
-- trap that runs with other rights than its owner's raises P0666.
--
BEGIN;
SELECT plan(45);

SET LOCAL client_min_messages = warning;
DROP EXTENSION vvault CASCADE;
CREATE ROLE vvs_mallory;
CREATE ROLE vvs_plain;
CREATE ROLE vvs_owner SUPERUSER;
CREATE SCHEMA vvs_api AUTHORIZATION vvs_owner;
GRANT CREATE, USAGE ON SCHEMA vvs_api TO vvs_mallory;

-- The SQLSTATE and message that a role gets from a statement, or ok.
CREATE FUNCTION pg_temp.outcome(role name, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	EXECUTE statement;
	RESET ROLE;
	RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;

-- What is there already is not taken over: CREATE EXTENSION fails instead.
SAVEPOINT clean;
CREATE SCHEMA vvault AUTHORIZATION vvs_mallory;
SELECT throws_ok('CREATE EXTENSION vvault SCHEMA vvs_api', '42P06', NULL, 'a schema vvault of somebody else is not moved into');
ROLLBACK TO clean;
SET LOCAL ROLE vvs_mallory;
CREATE FUNCTION vvs_api.vvault_set(name text, value text) RETURNS void LANGUAGE sql AS '';
RESET ROLE;
SELECT throws_ok('CREATE EXTENSION vvault SCHEMA vvs_api', '42723', NULL, 'nor is a function replaced');
ROLLBACK TO clean;

--
-- Traps laid before CREATE EXTENSION: an operator for every pair of types that
-- pg_catalog has none for, functions for what it has for any array only, and a
-- type that every other one is cast to and from unasked
--
CREATE FUNCTION pg_temp.lay_operators() RETURNS integer LANGUAGE plpgsql AS $lay$
DECLARE
	types constant text[] := '{integer,bigint,double precision,numeric,text,name,timestamptz,date,interval,text[]}';
	laid integer := 0;
	l text;
	r text;
	o record;
BEGIN
	SET LOCAL ROLE vvs_mallory;
	CREATE FUNCTION vvs_api.spring() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF current_user <> 'vvs_mallory' THEN
			RAISE EXCEPTION 'trapped as %', current_user USING ERRCODE = 'P0666';
		END IF;
	END
	$$;
	GRANT EXECUTE ON FUNCTION vvs_api.spring() TO PUBLIC;
	FOREACH l IN ARRAY types LOOP
		FOREACH r IN ARRAY types LOOP
			EXECUTE format('CREATE FUNCTION vvs_api.trap_is(%s, %s) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS %L', l, r,
				'BEGIN PERFORM vvs_api.spring(); RETURN NULL; END');
			EXECUTE format('CREATE FUNCTION vvs_api.trap_of(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS %L', l, r, l,
				'BEGIN PERFORM vvs_api.spring(); RETURN $1; END');
			FOR o IN
				SELECT u.name, u.function FROM (VALUES ('=', 'trap_is'), ('<>', 'trap_is'), ('<', 'trap_is'), ('<=', 'trap_is'),
					('>', 'trap_is'), ('>=', 'trap_is'), ('@>', 'trap_is'), ('&&', 'trap_is'), ('~', 'trap_is'), ('+', 'trap_of'),
					('-', 'trap_of'), ('*', 'trap_of'), ('/', 'trap_of'), ('^', 'trap_of'), ('||', 'trap_of')) AS u (name, function)
				WHERE NOT EXISTS (SELECT FROM pg_operator p WHERE p.oprnamespace = 'pg_catalog'::regnamespace
					AND p.oprname = u.name AND p.oprleft = l::regtype AND p.oprright = r::regtype)
			LOOP
				EXECUTE format('CREATE OPERATOR vvs_api.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = vvs_api.%I)', o.name, l, r, o.function);
				laid := laid + 1;
			END LOOP;
		END LOOP;
	END LOOP;
	CREATE FUNCTION vvs_api.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN PERFORM vvs_api.spring(); END';
	CREATE FUNCTION vvs_api.cardinality(text[]) RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM vvs_api.spring(); END';
	CREATE FUNCTION vvs_api.round(numeric, bigint) RETURNS numeric LANGUAGE plpgsql AS 'BEGIN PERFORM vvs_api.spring(); END';
	CREATE FUNCTION vvs_api.trap_step(text[], text) RETURNS text[] LANGUAGE plpgsql AS 'BEGIN PERFORM vvs_api.spring(); END';
	CREATE AGGREGATE vvs_api.array_agg(text) (SFUNC = vvs_api.trap_step, STYPE = text[]);
	CREATE TYPE vvs_api.odd AS (x integer);
	FOREACH l IN ARRAY types || '{json,boolean}'::text[] LOOP
		EXECUTE format('CREATE FUNCTION vvs_api.to_odd(%s) RETURNS vvs_api.odd LANGUAGE plpgsql IMMUTABLE AS %L', l,
			'BEGIN PERFORM vvs_api.spring(); RETURN NULL; END');
		EXECUTE format('CREATE FUNCTION vvs_api.%I(vvs_api.odd) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS %L', 'odd_to_' || l, l,
			'BEGIN PERFORM vvs_api.spring(); RETURN NULL; END');
		EXECUTE format('CREATE CAST (%s AS vvs_api.odd) WITH FUNCTION vvs_api.to_odd(%1$s) AS IMPLICIT', l);
		EXECUTE format('CREATE CAST (vvs_api.odd AS %s) WITH FUNCTION vvs_api.%I(vvs_api.odd) AS IMPLICIT', l, 'odd_to_' || l);
		laid := laid + 2;
	END LOOP;
	RESET ROLE;
	RETURN laid + 4;
END
$lay$;
SELECT cmp_ok(pg_temp.lay_operators(), '>', 800, 'traps are laid before CREATE EXTENSION');
SELECT is(pg_temp.outcome('vvs_owner', $$SET LOCAL search_path = vvs_api; SELECT 1.5::double precision * 2$$), 'P0666 trapped as vvs_owner',
	'a trap works where the search_path leads to it');
SELECT is(pg_temp.outcome('vvs_owner', $$SELECT vvs_api.spring() FROM (SELECT 'a'::text::vvs_api.odd) x$$), 'P0666 trapped as vvs_owner',
	'so does one behind a cast');
SELECT is(pg_temp.outcome('vvs_owner', 'CREATE EXTENSION vvault SCHEMA vvs_api'), 'ok', 'the extension is created between them');

--
-- Traps laid after it: each function of ours once more, with arguments of
-- other types that fit a careless call better
--
CREATE FUNCTION pg_temp.lay_overloads() RETURNS integer LANGUAGE plpgsql AS $lay$
DECLARE
	laid integer := 0;
	f record;
	wanted record;
BEGIN
	FOR f IN
		SELECT p.proname, p.proretset, array_agg(t.type ORDER BY t.n) AS types
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
			AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault'),
			unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, n)
		WHERE p.pronamespace = 'vvs_api'::regnamespace AND p.prokind = 'f'
		GROUP BY p.oid, p.proname, p.proretset
	LOOP
		SET LOCAL ROLE vvs_mallory;
		FOR wanted IN
			SELECT DISTINCT (SELECT string_agg(CASE
					WHEN t = 'bigint'::regtype AND k & 1 = 1 THEN 'integer'
					WHEN t = 'double precision'::regtype AND k & 2 = 2 THEN 'integer'
					WHEN t = 'double precision'::regtype AND k & 4 = 4 THEN 'numeric'
					WHEN t = 'interval'::regtype AND k & 8 = 8 THEN 'double precision'
					WHEN t = 'text'::regtype AND k & 8 = 8 THEN 'name'
					WHEN t IN ('text'::regtype, 'json'::regtype, 'timestamptz'::regtype) AND k & 16 = 16 THEN 'vvs_api.odd'
					ELSE t::regtype::text END, ', ' ORDER BY n) FROM unnest(f.types) WITH ORDINALITY u (t, n)) AS args
			FROM generate_series(1, 31) k
		LOOP
			CONTINUE WHEN to_regprocedure(format('vvs_api.%I(%s)', f.proname, wanted.args)) IS NOT NULL;
			EXECUTE format('CREATE FUNCTION vvs_api.%I(%s) RETURNS double precision LANGUAGE plpgsql AS %L', f.proname, wanted.args,
				'BEGIN PERFORM vvs_api.spring(); RETURN 1; END');
			laid := laid + 1;
		END LOOP;
		-- one more for each single constant that a caller may have left untyped
		FOR wanted IN
			SELECT (SELECT string_agg(CASE WHEN u.n = m.n AND u.t IN ('bigint'::regtype, 'double precision'::regtype)
					THEN 'integer' ELSE u.t::regtype::text END, ', ' ORDER BY u.n)
				FROM unnest(f.types) WITH ORDINALITY u (t, n)) AS args
			FROM generate_series(1, cardinality(f.types)) m (n)
		LOOP
			CONTINUE WHEN to_regprocedure(format('vvs_api.%I(%s)', f.proname, wanted.args)) IS NOT NULL;
			EXECUTE format('CREATE FUNCTION vvs_api.%I(%s) RETURNS double precision LANGUAGE plpgsql AS %L', f.proname, wanted.args,
				'BEGIN PERFORM vvs_api.spring(); RETURN 1; END');
			laid := laid + 1;
		END LOOP;
		RESET ROLE;
	END LOOP;
	RETURN laid;
END
$lay$;
SELECT cmp_ok(pg_temp.lay_overloads(), '>', 50, 'traps are laid after it');
SELECT throws_ok('SELECT vvs_api.vvault_momentum_score(1, 1, interval ''1 hour'', 1, 1, 1, 1, 1)', 'P0666', NULL,
	'a trap works where types are not exact');

-- Whatever runs with the owner's rights walks between them.
SELECT lives_ok(format('INSERT INTO vvault.videos (region, video_id, views, likes, virality_score, published_at) VALUES (%L, %L, 10, 1, 90, now())', r, v),
	format('a plain INSERT of %s in %s', v, r))
FROM (VALUES ('US', 'a'), ('PL', 'a'), ('PL', 'b')) AS x (r, v);
SELECT lives_ok($$UPDATE vvault.videos SET virality_score = 50 WHERE video_id = 'a'$$, 'an UPDATE');
SELECT lives_ok($$DELETE FROM vvault.videos WHERE region = 'PL' AND video_id = 'a'$$, 'a DELETE, which takes a region away');
SELECT lives_ok($$INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank, chart_length, views, likes)
	SELECT 'US', 'v' || i, '2026-01-01 00:00Z'::timestamptz + d * interval '1 day', i, 60, 100 * d + i, i
	FROM generate_series(1, 60) i, generate_series(1, 4) d$$, 'snapshots');
SELECT lives_ok($$SELECT vvs_api.vvault_ingest('US'::text, json_build_object('kind', 'youtube#videoListResponse', 'items', json_build_array(
		json_build_object('id', 'c', 'snippet', json_build_object('title', 't'), 'statistics', json_build_object('viewCount', '10', 'likeCount', '3')),
		json_build_object('id', 'no title'))), '2026-01-06 00:00Z'::timestamptz, 1)$$, 'vvault_ingest()');
SELECT lives_ok($$SELECT vvs_api.vvault_ingest_categories(json_build_object('kind', 'youtube#videoCategoryListResponse', 'items',
	json_build_array(json_build_object('id', '10', 'snippet', json_build_object('title', 'Music')))))$$, 'vvault_ingest_categories()');
SELECT lives_ok($$SELECT vvs_api.vvault_set('viral_threshold'::text, '70'::text)$$, 'vvault_set()');
SELECT lives_ok($$SELECT * FROM vvs_api.vvault_derive_baselines('US'::text, 30)$$, 'vvault_derive_baselines()');
SELECT is((SELECT d.observations FROM vvs_api.vvault_derive_baselines('US'::text, 30) d), 180::bigint, 'which has something to derive from');
SELECT lives_ok(format('SELECT * FROM vvs_api.vvault_backtest(%L::text, %L::text, NULL::text, NULL::date, NULL::date)', s, t),
	format('vvault_backtest() of %s for %s', s, t))
FROM (VALUES ('trending', 'survival'), ('peertube_hot', 'growth'), ('mastodon', 'growth'), ('engagement', 'survival'), ('relative_growth', 'survival')) AS x (s, t);
SELECT lives_ok($$SELECT vvs_api.vvault_insights('US'::text), vvs_api.vvault_analytics(14), vvs_api.vvault_health(), vvs_api.vvault_regions()$$, 'readers');
SELECT lives_ok($$SELECT vvs_api.vvault_fetch_schedule()$$, 'vvault_fetch_schedule()');
INSERT INTO vvault.mesh_nodes (node) VALUES ('one'), ('two');
INSERT INTO vvault.mesh_says (region, node, serial, says, to_node) VALUES ('NO', 'one', 2, 'given', 'two'), ('NO', 'two', 2, 'seen', NULL);
SELECT lives_ok($$SELECT * FROM vvs_api.vvault_mesh_status()$$, 'vvault_mesh_status()');
SELECT CASE WHEN current_setting('shared_preload_libraries') LIKE '%vvault%' OR current_setting('server_version_num')::integer >= 170000
	THEN lives_ok($$SELECT vvs_api.vvault_cache_warm()$$, 'vvault_cache_warm()')
	ELSE throws_ok($$SELECT vvs_api.vvault_cache_warm()$$, '55000', NULL, 'vvault_cache_warm()') END;
SELECT is(ARRAY(SELECT p.proname::text FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
	WHERE p.prosecdef AND p.pronamespace = 'vvs_api'::regnamespace AND p.proname::text <> ALL ('{vvault_ingest,vvault_ingest_categories,
		vvault_set,vvault_derive_baselines,vvault_backtest,vvault_rebuild,vvault_check,vvault_block,vvault_prune,vvault_remove_chart,vvault_refresh,vvault_refresh_list,vvault_insights,vvault_fetch_schedule,vvault_cache_warm,vvault_mesh_status}')),
	'{}', 'nothing else runs with the owner''s rights');
SELECT is(ARRAY(SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
		AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
	WHERE p.prosecdef AND p.prosrc ~* '\mexecute\M'), '{}', 'and nothing of that runs SQL put together from its arguments');
SELECT lives_ok($$SELECT vvs_api.vvault_rebuild(), (SELECT count(*) FROM vvs_api.vvault_check()), vvs_api.vvault_block('c'::text, ''::text),
	vvs_api.vvault_prune('2026-01-03 00:00Z'::timestamptz)$$, 'rebuild, check, block and prune');
SELECT is_empty('SELECT * FROM vvs_api.vvault_check()', 'and what they leave is right');

--
-- Long arguments: an error repeats no more than 64 letters of each
--
CREATE FUNCTION pg_temp.long_errors() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	f record;
	message text;
	detail text;
	hint text;
BEGIN
	FOR f IN
		SELECT format('SELECT * FROM vvs_api.%I(%s)', p.proname, (SELECT string_agg(CASE WHEN u.t = 'text'::regtype AND n = place
				THEN $q$repeat('é', 3000)$q$
				WHEN p.proargnames[n] IN ('region', 'sort', 'target', 'name') AND u.t = 'text'::regtype THEN format('%L',
					CASE p.proargnames[n] WHEN 'region' THEN 'US' WHEN 'sort' THEN 'views' WHEN 'target' THEN 'survival' ELSE 'viral_threshold' END)
				ELSE format('NULL::%s', u.t::regtype) END, ', ' ORDER BY u.n)
			FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (t, n))) AS call
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
				AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault'),
			generate_series(1, p.pronargs) place
		WHERE p.pronamespace = 'vvs_api'::regnamespace AND p.prokind = 'f' AND p.proargtypes[place - 1] = 'text'::regtype
	LOOP
		BEGIN
			EXECUTE f.call;
			RAISE EXCEPTION USING ERRCODE = 'P0099';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
			IF octet_length(message || detail || hint) > 400 THEN
				RETURN NEXT format('%s: %s bytes: %s', f.call, octet_length(message || detail || hint), left(message, 80));
			END IF;
		END;
	END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM pg_temp.long_errors()', 'errors do not repeat long arguments');

--
-- Tables of the same names, nearer than ours
--
CREATE SCHEMA vvs_own AUTHORIZATION vvs_mallory;
GRANT USAGE ON SCHEMA vvault TO vvs_mallory;
GRANT SELECT, INSERT, UPDATE, DELETE ON vvault.videos, vvault.snapshots TO vvs_mallory;
SELECT is(pg_temp.outcome('vvs_mallory', $$
	CREATE TEMP TABLE changed_rows AS SELECT 'PL'::text AS region, 'forged'::text AS video_id, 1 AS category_id, 99::float8 AS virality_score, now() AS fetched_at;
	CREATE TEMP TABLE new_rows AS TABLE changed_rows;
	CREATE TEMP TABLE old_rows AS TABLE changed_rows;
	CREATE TEMP TABLE videos AS TABLE changed_rows;
	CREATE TEMP TABLE snapshots AS TABLE changed_rows;
	CREATE TEMP TABLE category_stats AS TABLE changed_rows;
	GRANT ALL ON changed_rows, new_rows, old_rows, videos, snapshots, category_stats TO PUBLIC;
	INSERT INTO vvault.videos (region, video_id) VALUES ('NL', 'x');
	UPDATE vvault.videos SET virality_score = 80 WHERE region = 'NL';
	INSERT INTO vvault.snapshots (region, video_id, fetched_at) VALUES ('NL', 'x', now());
	DELETE FROM vvault.snapshots WHERE region = 'NL'$$), 'ok', 'a writer of the tables with temporary ones of their names');
SELECT is_empty('SELECT * FROM vvs_api.vvault_check()', 'changes no more than it wrote');
SELECT is((SELECT regions FROM vvault.video_regions WHERE video_id = 'forged'), NULL, 'its own rows are not taken for written ones');

--
-- Plans are kept for a backend, rights are not
--
SELECT vvs_api.vvault_trending('US'::text, 3, 'trending'::text, NULL::text) IS NOT NULL AS warm,
	vvs_api.vvault_region_valid('US'::text), vvs_api.vvault_video('a'::text) IS NOT NULL \g /dev/null
GRANT USAGE ON SCHEMA vvs_api, vvault TO vvs_plain;
GRANT EXECUTE ON FUNCTION vvs_api.vvault_trending(text, integer, text, text, integer, integer, timestamptz), vvs_api.vvault_region_valid(text), vvs_api.vvault_video(text) TO vvs_plain;
SELECT matches(pg_temp.outcome('vvs_plain', c), '^42501', 'without the right to read: ' || c)
FROM (VALUES ($$SELECT vvs_api.vvault_trending('US'::text, 3, 'trending'::text, NULL::text)$$),
	($$SELECT vvs_api.vvault_region_valid('US'::text)$$), ($$SELECT vvs_api.vvault_video('a'::text)$$)) AS x (c);

--
-- Row-level security: whoever is under it gets a page of its own
--
CREATE ROLE vvs_reader;
SELECT vvs_api.vvault_grant('vvs_reader'::name, 'reader'::text);
CREATE FUNCTION pg_temp.listed(role name) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	n integer;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', role);
	n := json_array_length(vvs_api.vvault_trending('US'::text, 3, 'views'::text, NULL::text) -> 'videos');
	RESET ROLE;
	RETURN n;
END
$$;
SELECT isnt(pg_temp.listed('vvs_reader'), 0, 'a reader sees the feed');
ALTER TABLE vvault.videos ENABLE ROW LEVEL SECURITY;
CREATE POLICY vvs_polish ON vvault.videos FOR SELECT USING (region = 'PL');
SELECT is(pg_temp.listed('vvs_reader'), 0, 'but not what a policy hides');
SELECT is(pg_temp.outcome('vvs_reader', $$DO $do$ BEGIN
	ASSERT json_array_length(vvs_api.vvault_trending('US'::text, 3, 'views'::text, NULL::text) -> 'videos') = 0, 'rows that the policy hides';
	ASSERT (SELECT count(*) = 0 FROM vvault.videos v WHERE v.region = 'US'), 'all the same by hand';
END $do$ $$), 'ok', 'a plan that was made before heeds it');
SELECT is(pg_temp.outcome('vvs_reader', $$DO $do$ BEGIN
	ASSERT (SELECT d.observations FROM vvs_api.vvault_derive_baselines('US'::text, 30) d) > 0, 'no rows';
END $do$ $$), 'ok', 'what runs with the rights of the owner sees every row');
SELECT is(json_array_length(vvs_api.vvault_trending('US'::text, 3, 'views'::text, NULL::text) -> 'videos') > 0, true,
	'which is not so for the owner');

--
-- Nobody may keep a page of a transaction that has written
--
SELECT set_config('request.method', 'GET', true) \g /dev/null
SELECT vvs_api.vvault_trending('US'::text, 3, 'views'::text, NULL::text) IS NOT NULL \g /dev/null
SELECT doesnt_match(current_setting('response.headers'), 'ETag|public', 'a transaction that has written keeps its pages to itself');

SELECT * FROM finish();
ROLLBACK;
