--
-- catalog_rules.sql
--		What the catalog says of every object of the extension: the rules of
--		its SQL interface, so that a new function cannot forget one.
--
-- Each test lists the offenders: the list must be empty.
--
BEGIN;
SELECT plan(40);

-- Everything that CREATE EXTENSION made, by catalog.
CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid
	FROM pg_depend d
	WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault');

CREATE TEMP VIEW function AS
	SELECT p.*, p.oid::regprocedure AS signature,
		p.pronamespace <> 'vvault'::regnamespace AS public,
		l.lanname, obj_description(p.oid, 'pg_proc') AS description,
		-- names of what a caller passes, not of what comes back
		(SELECT array_agg(coalesce(n, '') ORDER BY i)
			FROM unnest(p.proargnames) WITH ORDINALITY u (n, i)
			WHERE coalesce(p.proargmodes[i] IN ('i', 'b', 'v'), true)) AS argnames
	FROM pg_proc p
		JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
		JOIN pg_language l ON l.oid = p.prolang;

CREATE TEMP VIEW relation AS
	SELECT c.*
	FROM pg_class c
		JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

-- list('... FROM function WHERE ...'): the first column, one a line.
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

-- A test of rules is worth something only if they apply to something.
SELECT cmp_ok((SELECT count(*) FROM function WHERE public), '>=', 29::bigint, 'there are public functions');
SELECT cmp_ok((SELECT count(*) FROM function WHERE NOT public), '>=', 50::bigint, 'there are internal functions');
SELECT cmp_ok((SELECT count(*) FROM relation WHERE relkind = 'r'), '>=', 15::bigint, 'there are tables');

--
-- Examples for the tests that call every function
--

\ir ../examples.sql
SELECT pg_temp.none($$SELECT format('%s of %s', a, f.name) FROM example_function f, unnest(f.arguments) a
	WHERE NOT EXISTS (SELECT FROM example e WHERE e.argument IN (a, f.name || '.' || a))$$,
	'test/examples.sql has an example for every argument');
SELECT pg_temp.none($$SELECT e.argument FROM example e
	WHERE NOT EXISTS (SELECT FROM example_function f, unnest(f.arguments) a WHERE e.argument IN (a, f.name || '.' || a))$$,
	'and none that no function has');

--
-- Names and comments
--

SELECT pg_temp.none($$SELECT signature FROM function WHERE public AND proname !~ '^vvault_[a-z_]+$'$$,
	'public functions are named vvault_…');
SELECT pg_temp.none($$SELECT proname FROM function WHERE public GROUP BY proname HAVING count(*) > 1$$,
	'there is one public function of a name');
SELECT pg_temp.none($$SELECT signature FROM function WHERE description IS NULL$$,
	'every function and aggregate has a comment');
SELECT pg_temp.none($$SELECT signature FROM function WHERE split_part(description, E'\n', 1) !~ '^\S.*\.$'$$,
	'a comment begins with a sentence');
SELECT pg_temp.none(format($$SELECT signature FROM function WHERE public AND description !~ E'\n%s \\S[^\n]*\\.(\n|$)'$$, line),
	format('comments of public functions say "%s"', line))
FROM (VALUES (1, 'Units and ranges:'), (2, 'NULL:'), (3, 'Errors:'), (4, 'Source:')) AS l (n, line)
ORDER BY n;
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND description !~ E'^[^\n]+\nUnits and ranges: [^\n]+\nNULL: [^\n]+\nErrors: [^\n]+\nSource: [^\n]+$'$$,
	'and that in this order and nothing else');
SELECT pg_temp.none($$SELECT oid::regclass FROM relation WHERE relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL$$,
	'every table and view has a comment');
SELECT pg_temp.none($$SELECT t.oid::regtype FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	WHERE t.typtype IN ('c', 'd', 'e') AND t.typrelid NOT IN (SELECT oid FROM relation WHERE relkind IN ('r', 'v'))
		AND obj_description(t.oid, 'pg_type') IS NULL$$,
	'every type has a comment');
SELECT isnt(obj_description('vvault'::regnamespace, 'pg_namespace'), NULL, 'the schema has a comment');

--
-- Arguments
--

SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND pronargs > 0 AND (argnames IS NULL OR '' = ANY (argnames))$$,
	'every argument of a public function has a name');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND argnames && '{select,columns,on_conflict,order,limit,offset,and,or}'$$,
	'none has a name that PostgREST reserves');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND prokind = 'f' AND provolatile = 's' AND pronargs - pronargdefaults > 1$$,
	'every argument of a reader but the first has a default');
SELECT pg_temp.none($$SELECT signature FROM function WHERE public AND provariadic <> 0$$,
	'none is variadic');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE pg_get_expr(proargdefaults, 0) ~ '[a-z_]\(' AND replace(pg_get_expr(proargdefaults, 0), 'now()', '') ~ '[a-z_]\('$$,
	'no default calls a function but now()');

--
-- Volatility and parallel safety
--

SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 's' AND prorettype = 'json'::regtype AND (proparallel <> 'u' OR proretset)$$,
	'readers are PARALLEL UNSAFE');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 's' AND prorettype <> 'json'::regtype
		AND proname NOT IN ('vvault_region_valid', 'vvault_region_name', 'vvault_region_stats',
			'vvault_viral_timeline', 'vvault_derive_baselines', 'vvault_dashboard')$$,
	'readers return json, but for those that answer a question of SQL or a page');
SELECT is(pg_temp.list($$SELECT proname FROM function WHERE public AND provolatile = 's'
		AND proname IN ('vvault_trending', 'vvault_video', 'vvault_regions', 'vvault_health', 'vvault_region_valid', 'vvault_region_name')$$),
	E'vvault_health\nvvault_region_name\nvvault_region_valid\nvvault_regions\nvvault_trending\nvvault_video',
	'readers are STABLE');
SELECT is(pg_temp.list($$SELECT proname FROM function WHERE public AND provolatile = 'v'
		AND proname IN ('vvault_ingest', 'vvault_ingest_categories', 'vvault_grant', 'vvault_set', 'vvault_prune',
			'vvault_block', 'vvault_rebuild', 'vvault_check')$$),
	E'vvault_block\nvvault_check\nvvault_grant\nvvault_ingest\nvvault_ingest_categories\nvvault_prune\nvvault_rebuild\nvvault_set',
	'writers are VOLATILE');
SELECT pg_temp.none($$SELECT signature FROM function WHERE provolatile = 'v' AND proparallel <> 'u'$$,
	'what is VOLATILE is PARALLEL UNSAFE');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND (proname ~ '_(score|rate|velocity)$' OR prokind = 'a')
		AND (provolatile <> 'i' OR proparallel <> 's')$$,
	'scores and aggregates are IMMUTABLE and PARALLEL SAFE');
SELECT pg_temp.none($$SELECT signature FROM function WHERE public AND provolatile = 'i' AND proparallel <> 's'$$,
	'and so is all that is IMMUTABLE');
SELECT pg_temp.none($$SELECT f.signature FROM function f JOIN pg_aggregate a ON a.aggfnoid = f.oid
	WHERE a.aggcombinefn = 0 OR a.aggtranstype = 'internal'::regtype AND (a.aggserialfn = 0 OR a.aggdeserialfn = 0)$$,
	'aggregates can be combined, and their states travel');

--
-- Nothing takes effect by search_path
--

SELECT pg_temp.none($$SELECT signature FROM function
	WHERE prosecdef AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'SECURITY DEFINER comes with search_path = pg_catalog, pg_temp');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE lanname = 'plpgsql' AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'PL/pgSQL functions set it too');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE lanname = 'sql' AND prosqlbody IS NULL
		AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)$$,
	'functions in SQL were parsed when they were made, or set it');
SELECT pg_temp.none($$SELECT signature FROM function WHERE lanname NOT IN ('c', 'sql', 'plpgsql', 'internal')$$,
	'no other language is needed');
SELECT is((SELECT extrelocatable FROM pg_extension WHERE extname = 'vvault'), false, 'the extension is not relocatable');

--
-- Tables
--

SELECT pg_temp.none($$SELECT i.indexrelid::regclass
	FROM pg_index i JOIN relation r ON r.oid = i.indrelid
		JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = 'region'
	WHERE i.indisprimary AND i.indkey[0] <> a.attnum$$,
	'region leads the primary key of every table that has it');
SELECT pg_temp.none($$SELECT i.indexrelid::regclass
	FROM pg_index i JOIN relation r ON r.oid = i.indrelid
		JOIN pg_attribute a ON a.attrelid = r.oid AND a.attname = 'region'
	WHERE i.indisunique AND a.attnum <> ALL (i.indkey::int2[])$$,
	'and is part of every unique one');
SELECT pg_temp.none($$SELECT oid::regclass FROM relation
	WHERE relkind = 'r' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation.oid AND i.indisprimary)$$,
	'every table has a primary key');
SELECT pg_temp.none($$SELECT k.conrelid::regclass FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid
	WHERE k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_attribute a
		WHERE a.attrelid = k.conrelid AND a.attname = 'region' AND a.attnum = ANY (k.conkey))$$,
	'no foreign key is on video_id alone');

-- What the owner fills is dumped, what is shipped or derived is not.
SELECT set_eq($$SELECT c.oid::regclass::text, u.condition
	FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS u (oid, condition) JOIN pg_class c ON c.oid = u.oid
	WHERE e.extname = 'vvault'$$,
	$$VALUES ('vvault.settings', ''), ('vvault.regions', ''), ('vvault.categories', ''),
		('vvault.videos', ''), ('vvault.snapshots', ''), ('vvault.blocked_videos', ''),
		('vvault.ingests', ''), ('vvault.rejected_items', ''), ('vvault.daily_stats', 'WHERE closed')$$,
	'the tables that a dump holds are those that the owner fills');

SELECT * FROM finish();
ROLLBACK;
