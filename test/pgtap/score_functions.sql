-- How the score functions and the support functions of the aggregates are
-- declared, and who may call them.

BEGIN;
SELECT plan(31);

-- "vvault.x" is a function of the schema vvault, "x" one of the extension's
CREATE TEMPORARY TABLE scores (name, strict) AS VALUES
	('vvault_engagement_rate', true),
	('vvault_view_velocity', true),
	('vvault_virality_score', false),
	('vvault_trending_score', true),
	('vvault_trending_base', false),
	('vvault_hot_score', false),
	('vvault_reddit_hot', true),
	('vvault_hacker_news', true),
	('vvault_lemmy_hot', true),
	('vvault_peertube_hot', true),
	('vvault.weighted_engagement', false);

CREATE TEMPORARY TABLE declared AS
SELECT CASE WHEN n.nspname = 'vvault' THEN 'vvault.' ELSE '' END || p.proname AS name, p.*, l.lanname
FROM pg_proc p
	JOIN pg_namespace n ON n.oid = p.pronamespace
	JOIN pg_language l ON l.oid = p.prolang
	JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'vvault';

SELECT is((SELECT count(*) FROM declared JOIN scores USING (name)), 11::bigint, 'each score is there, under one signature');
SELECT ok(d.lanname = 'c' AND d.provolatile = 'i' AND d.proparallel = 's' AND d.procost = 1 AND d.proisstrict = s.strict
		AND d.prorettype = 'float8'::regtype AND NOT d.prosecdef AND NOT d.proretset,
	s.name || ' is C, immutable, parallel safe, cheap and ' || CASE WHEN s.strict THEN 'strict' ELSE 'called on NULL' END)
FROM scores s LEFT JOIN declared d USING (name) ORDER BY s.name;
SELECT ok(obj_description(d.oid, 'pg_proc') ~ E'^[^\n]+\\.\nUnits and ranges: [^\n]+\nNULL: [^\n]+\nErrors: [^\n]+\nSource: [^\n]+$',
	s.name || ' has a full comment')
FROM scores s LEFT JOIN declared d USING (name) ORDER BY s.name;
SELECT is((SELECT string_agg(d.name, ', ') FROM declared d JOIN scores USING (name), unnest(d.proargnames) a (name)
		WHERE a.name IN ('', 'select', 'columns', 'on_conflict', 'order', 'limit', 'offset', 'and', 'or') OR d.proargnames IS NULL),
	NULL, 'every argument is named, none as a web client''s own words');

-- a role that was granted nothing
CREATE ROLE vvault_test_plain;
SELECT is(has_schema_privilege('vvault_test_plain', 'vvault', 'USAGE'), false, 'the schema vvault is closed to a plain role');
DO $$
BEGIN
	EXECUTE format('GRANT USAGE ON SCHEMA %I TO vvault_test_plain',
		(SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'vvault'));
END
$$;
GRANT SELECT ON scores TO vvault_test_plain;
SET ROLE vvault_test_plain;
SELECT results_eq($$SELECT vvault_engagement_rate(5, 100), vvault_view_velocity(10, 0, '1 hour'), vvault_virality_score(1, 1, 1, 1),
		vvault_trending_score(0, 0, '0', 0, 0, '2024-05-01', '2024-05-01'), vvault_hot_score(1, '1970-01-01 12:30+00')$$,
	$$VALUES (5::float8, 10::float8, 100::float8, 25::float8, 1::float8)$$, 'a plain role may call the scores');
SELECT lives_ok($$SELECT vvault_reddit_hot(1, now()), vvault_hacker_news(1, now(), now()), vvault_lemmy_hot(1, now(), now()),
		vvault_peertube_hot(1, 1, 1, 1, now())$$, 'and the rivals');
SELECT throws_ok('SELECT vvault.weighted_engagement(1, 1, 1)', '42501', 'permission denied for schema vvault',
	'but no function of the schema vvault');
RESET ROLE;

-- errors carry a code, and a hint
SELECT throws_ok('SELECT vvault_engagement_rate(-1, 1)', '22023', 'likes must not be negative', 'a negative count is 22023');
SELECT throws_ok('SELECT vvault_virality_score(1, 1, 0, 1)', '22023', 'velocity_baseline must be a finite number above 0',
	'a baseline of zero is 22023');
SELECT is((SELECT count(*) FROM declared d JOIN scores USING (name) WHERE d.proisstrict = false), 4::bigint,
	'four scores take NULL for an answer');

SELECT * FROM finish();
ROLLBACK;
