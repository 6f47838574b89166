-- How the aggregates are declared, and who may call them.

BEGIN;
SELECT plan(31);

CREATE TEMPORARY TABLE aggregates (name, prefix, moving) AS VALUES
	('vvault_engagement', 'engagement', true),
	('vvault_virality', 'virality', false),
	('vvault_viral_stats', 'viral_stats', true),
	('vvault_auc', 'auc', false),
	('vvault_feed', 'feed', false);

CREATE TEMPORARY TABLE support AS
SELECT a.name AS aggregate, f.name AS kind, p.*
FROM aggregates a,
	unnest('{accum, accum_inv, combine, serialize, deserialize, final}'::text[]) f (name),
	pg_proc p
WHERE p.pronamespace = 'vvault'::regnamespace AND p.proname = a.prefix || '_' || f.name;

SELECT ok(p.oid IS NOT NULL AND g.aggcombinefn <> 0 AND g.aggserialfn <> 0 AND g.aggdeserialfn <> 0 AND g.aggfinalfn <> 0
		AND g.aggtranstype = 'internal'::regtype AND p.proparallel = 's',
	a.name || ' combines, serializes and is parallel safe')
FROM aggregates a LEFT JOIN pg_proc p ON p.proname = a.name AND p.prokind = 'a'
	LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid ORDER BY a.name;
SELECT is(g.aggminvtransfn <> 0, a.moving, a.name || CASE WHEN a.moving THEN ' has a moving form' ELSE ' has no moving form' END)
FROM aggregates a LEFT JOIN pg_proc p ON p.proname = a.name AND p.prokind = 'a'
	LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid ORDER BY a.name;
SELECT ok(g.aggfinalmodify = 'r' AND g.aggmfinalmodify = 'r', a.name || ' leaves its state alone')
FROM aggregates a LEFT JOIN pg_proc p ON p.proname = a.name AND p.prokind = 'a'
	LEFT JOIN pg_aggregate g ON g.aggfnoid = p.oid ORDER BY a.name;
SELECT ok(obj_description(p.oid, 'pg_proc') ~ E'^[^\n]+\\.\nUnits and ranges: [^\n]+\nNULL: [^\n]+\nErrors: [^\n]+\nSource: [^\n]+$',
	a.name || ' has a full comment')
FROM aggregates a LEFT JOIN pg_proc p ON p.proname = a.name AND p.prokind = 'a' ORDER BY a.name;

SELECT is((SELECT string_agg(DISTINCT proname, ', ') FROM pg_proc p
		WHERE p.pronamespace = 'vvault'::regnamespace AND p.oid IN (SELECT unnest(ARRAY[g.aggtransfn, g.aggfinalfn, g.aggcombinefn,
			g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn]::oid[])
			FROM pg_aggregate g JOIN pg_proc a ON a.oid = g.aggfnoid JOIN aggregates n ON n.name = a.proname)
		AND NOT EXISTS (SELECT FROM support s WHERE s.oid = p.oid)),
	NULL, 'the support functions are named after their aggregates');
SELECT is((SELECT count(*) FROM support), 27::bigint, 'five for each, and an inverse for two');
SELECT is((SELECT string_agg(proname, ', ') FROM support
		WHERE proparallel <> 's' OR procost <> 1 OR prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')),
	NULL, 'each is C, parallel safe and cheap');
-- the items of a feed are converted by their type's own, stable functions
SELECT is((SELECT string_agg(proname, ', ') FROM support WHERE provolatile <> 'i'), 'feed_accum', 'each is immutable, feed_accum stable');
SELECT is((SELECT string_agg(proname, ', ') FROM support WHERE proisstrict <> (kind IN ('serialize', 'deserialize'))),
	NULL, 'those that read and write a state are strict, and no others');
SELECT is((SELECT string_agg(proname, ', ') FROM support WHERE obj_description(oid, 'pg_proc') IS NULL),
	NULL, 'each has a comment');

-- a role that was granted nothing
CREATE ROLE vvault_test_plain;
DO $$
BEGIN
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO vvault_test_plain',
		(SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vvault'));
END
$$;
CREATE TEMPORARY TABLE numbers AS SELECT i FROM generate_series(1, 10) i;
GRANT SELECT ON numbers TO vvault_test_plain;
SET ROLE vvault_test_plain;
SELECT results_eq($$SELECT vvault_engagement(i, 100), vvault_auc(i, i > 5),
		vvault_virality('2024-05-01', i, i, 0, 1, 100) FROM numbers$$,
	$$VALUES (5.5::float8, 1::float8, (25.0 * 100 / 60)::float8)$$, 'a plain role may call the aggregates of numbers');
SELECT results_eq('SELECT (s).total_videos, (s).viral_count, (s).avg_score, (s).top_category_id
		FROM (SELECT vvault_viral_stats(i, i % 2, 9) AS s FROM numbers) n',
	'VALUES (10::bigint, 2::bigint, 5.5::float8, 0)', 'and read the columns of vvault_viral_stats');
SELECT is((SELECT vvault_feed(n, i, 2) FROM numbers n)::text, E'[{"i":10}, \n {"i":9}]', 'and make a feed of its own rows');
SELECT throws_ok($$SELECT vvault.auc_deserialize('\x', NULL)$$, '42501', 'permission denied for schema vvault',
	'but reads no state back');
RESET ROLE;
SELECT throws_ok($$SELECT vvault.auc_deserialize('\x', NULL)$$, '42883', NULL, 'a state is nothing that SQL can name');

SELECT * FROM finish();
ROLLBACK;
