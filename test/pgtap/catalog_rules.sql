--
-- catalog_rules.sql
--		What the catalog says of every object of the extension: the rules of
--		its SQL interface, so that a new function cannot forget one.
--
-- Each test lists the offenders: the list must be empty. What holds for both
-- extensions is in rules.psql.
--
BEGIN;
SELECT plan(49);
\set extension vvault
\ir rules.psql

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
-- Volatility and parallel safety
--

SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND provolatile = 's' AND prorettype <> 'json'::regtype
		AND proname NOT IN ('vvault_region_valid', 'vvault_region_name', 'vvault_region_stats',
			'vvault_viral_timeline', 'vvault_derive_baselines', 'vvault_dashboard')$$,
	'readers return json, but for those that answer a question of SQL or a page');
SELECT is(pg_temp.list($$SELECT proname FROM function WHERE public AND provolatile = 's'
		AND proname IN ('vvault_trending', 'vvault_video', 'vvault_regions', 'vvault_health', 'vvault_region_valid', 'vvault_region_name')$$),
	E'vvault_health\nvvault_region_name\nvvault_region_valid\nvvault_regions\nvvault_trending\nvvault_video',
	'readers are STABLE');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND prokind = 'f' AND provolatile = 's' AND pronargs - pronargdefaults > 1$$,
	'every argument of a reader but the first has a default');
SELECT is(pg_temp.list($$SELECT proname FROM function WHERE public AND provolatile = 'v'
		AND proname IN ('vvault_ingest', 'vvault_ingest_categories', 'vvault_grant', 'vvault_set', 'vvault_prune',
			'vvault_block', 'vvault_rebuild', 'vvault_check')$$),
	E'vvault_block\nvvault_check\nvvault_grant\nvvault_ingest\nvvault_ingest_categories\nvvault_prune\nvvault_rebuild\nvvault_set',
	'writers are VOLATILE');
SELECT pg_temp.none($$SELECT signature FROM function
	WHERE public AND (proname ~ '_(score|rate|velocity)$' OR prokind = 'a')
		AND (provolatile <> 'i' OR proparallel <> 's')$$,
	'scores and aggregates are IMMUTABLE and PARALLEL SAFE');
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
		('vvault.ingests', ''), ('vvault.rejected_items', ''), ('vvault.earlier_texts', ''), ('vvault.daily_stats', 'WHERE closed')$$,
	'the tables that a dump holds are those that the owner fills');

-- A derived table is one whose comment says "Derived from". It is compared and
-- repaired; test/t/002_random_writes.pl makes the comparison after every kind of
-- write, so that a trigger that is missing shows.
CREATE TEMP VIEW derived AS
	SELECT r.relname AS name, 'expected_' || r.relname AS expected FROM relation r
	WHERE r.relkind = 'r' AND obj_description(r.oid, 'pg_class') ~ 'Derived from';
CREATE TEMP VIEW body AS
	SELECT proname AS name, regexp_replace(prosrc, '--[^\n]*', '', 'g') AS text FROM function WHERE prosrc <> '';
SELECT cmp_ok((SELECT count(*) FROM derived), '>=', 7::bigint, 'there are derived tables');
SELECT pg_temp.none($$SELECT d.name FROM derived d WHERE NOT EXISTS (SELECT FROM relation r WHERE r.relkind = 'v' AND r.relname = d.expected)$$,
	'each has a view vvault.expected_… of what it should hold, in naive SQL (src/videos/derived.sql)');
SELECT pg_temp.none($$SELECT d.name FROM derived d
	WHERE pg_get_viewdef(to_regclass('vvault.wrong_' || d.name)) !~ format('\mvvault\.%s\M.*\mvvault\.%s\M', d.name, d.expected)
		OR to_regclass('vvault.wrong_' || d.name) IS NULL
		OR NOT EXISTS (SELECT FROM body b WHERE b.name = 'vvault_check' AND b.text ~ format('\mvvault\.wrong_%s\M', d.name))$$,
	'and a view vvault.wrong_… that compares the two and that vvault_check() reads (src/videos/maintenance.sql)');
SELECT pg_temp.none($$SELECT d.name FROM derived d
	WHERE NOT EXISTS (SELECT FROM body b, body r WHERE r.name = 'vvault_rebuild' AND r.text ~ format('vvault\.%s\(', b.name)
		AND b.text ~ format('INSERT INTO vvault\.%s\M', d.name))$$,
	'and a function that vvault_rebuild() calls repairs it (src/videos/maintenance.sql)');

-- Who is behind in a crowd follows from keys of orders; see crowds.sql. Each has
-- an index of the chart.
SELECT pg_temp.none($$SELECT i.indexrelid::regclass || ' and ' || v.relname
	FROM pg_index i CROSS JOIN relation v
	WHERE i.indrelid = 'vvault.videos'::regclass AND v.relname ~ '^expected_behind' AND i.indnatts = 5
		AND pg_get_expr(i.indpred, i.indrelid) = 'charted' AND i.indkey[2] = (SELECT a.attnum FROM pg_attribute a
			WHERE a.attrelid = i.indrelid AND a.attname = 'behind_in_category')
		AND strpos(regexp_replace(pg_get_viewdef(v.oid, true), '[()]|\mv\.', '', 'g'),
			regexp_replace(pg_get_indexdef(i.indexrelid, 4, true), '[()]', '', 'g') || ' DESC, video_id') = 0$$,
	'vvault.expected_behind and expected_behind_in_category have a place for the key of each index of the chart (src/videos/crowds.sql)');
SELECT pg_temp.none($$SELECT DISTINCT a.attname
	FROM pg_rewrite w JOIN relation v ON v.oid = w.ev_class AND v.relname ~ '^expected_behind'
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refobjid = 'vvault.videos'::regclass
		JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
	WHERE NOT EXISTS (SELECT FROM body b WHERE b.name = 'crowds_updated'
		AND b.text ~ format('\mo\.%s\M', a.attname) AND b.text ~ format('\mn\.%s\M', a.attname))$$,
	'vvault.crowds_updated() heeds every column that vvault.expected_behind and expected_behind_in_category read');

SELECT * FROM finish();
ROLLBACK;
