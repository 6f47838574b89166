--
-- examples.sql
--		What the tests call functions with: a value for each argument of each
--		public function. A new argument needs one here; a test that finds none
--		fails and says which.
--
-- Plain SQL, for psql's \i and for VVaultTest.pm. The values are SQL and hold in
-- any database with some videos of PL. They are found by function and argument,
-- else by the argument alone. FIRST_PAGE is a call of the function itself, with
-- page_size => 1.
--
CREATE TEMP TABLE example (
	argument text PRIMARY KEY,
	value text NOT NULL,
	by_row text,							-- a value for the row g of a series, where that is another one
	others text[] NOT NULL DEFAULT '{}'		-- further values
);
INSERT INTO example (argument, value, by_row, others) VALUES
	-- what readers ask for
	('region', '''PL''', '(ARRAY[''US'', ''PL'', ''SE''])[1 + g % 3]', '{"''US''", "''NO''"}'),
	('video_id', '(SELECT min(video_id) FROM vvault.videos)', NULL,
		'{"(SELECT max(video_id) FROM vvault.videos)", "(SELECT video_id FROM vvault.video_regions ORDER BY cardinality(regions) DESC, video_id LIMIT 1)", "''no such video''"}'),
	('q', '(SELECT min(substring(title FROM ''[A-Za-z]{4,}'')) FROM vvault.videos)', NULL, '{"''the''", "''''"}'),
	('language', '''pl''', NULL, '{}'),
	('days', '3', NULL, '{}'),
	('page_size', '2', '1 + g % 50', '{}'),
	('per_channel', '1', NULL, '{}'),
	('per_category', '2', NULL, '{}'),
	('sort', '''newest''', NULL, '{}'),
	('cursor', '(FIRST_PAGE ->> ''next_cursor'')', NULL, '{}'),
	-- what writers take
	('response', '''{"kind": "youtube#videoListResponse", "items": [{"id": "example", "snippet": {"title": "Example"}}]}''', NULL, '{}'),
	('vvault_ingest_categories.response',
		'''{"kind": "youtube#videoCategoryListResponse", "items": [{"id": "10", "snippet": {"title": "Music"}}]}''', NULL, '{}'),
	('first_rank', '1', NULL, '{}'),
	('complete', 'false', NULL, '{}'),
	('vvault_remove_chart.fetched_at', '(SELECT min(fetched_at) FROM vvault.charts WHERE region = ''PL'')', NULL, '{}'),
	('asked', '''{example}''', NULL, '{}'),
	('older_than', '''1 day''', NULL, '{}'),
	('vvault_block.video_id', '''no such video''', '''no such video '' || g', '{}'),
	('reason', '''as an example''', NULL, '{}'),
	('vvault_set.name', '''viral_threshold''', NULL, '{}'),
	('vvault_set.value', '''70''', '(70 + g % 20)::text', '{}'),
	('role', 'current_user', NULL, '{}'),
	('access', '''reader''', NULL, '{}'),
	('before', '''2026-01-02 00:00Z''', NULL, '{}'),
	('node', '''one''', NULL, '{}'),
	('regions', '''{PL}''', NULL, '{}'),
	('conninfo', '''host=two.example.org dbname=mydb''', NULL, '{}'),
	('target', '''survival''', NULL, '{}'),
	('from_day', '''2026-01-01''', NULL, '{}'),
	('to_day', '''2026-01-31''', NULL, '{}'),
	-- what scores are made of
	('likes', '10', '(g % 1000)', '{}'),
	('dislikes', '1', '(g % 10)', '{}'),
	('views', '1000', '(g % 100000)', '{}'),
	('views_before', '900', '(g % 90000)', '{}'),
	('comments', '5', '(g % 100)', '{}'),
	('elapsed', '''1 hour''', '(1 + g % 100) * interval ''1 hour''', '{}'),
	('velocity', '100', '(g % 100)', '{}'),
	('velocity_baseline', '5000', NULL, '{}'),
	('engagement', '4', '(g % 100)', '{}'),
	('engagement_baseline', '5', NULL, '{}'),
	('baseline', '5000', NULL, '{}'),
	('rank', '7', '1 + g % 50', '{}'),
	('chart_length', '50', NULL, '{}'),
	('score', '10', '(g % 100)', '{}'),
	('share_score', '50', NULL, '{}'),
	('sentiment_score', '50', NULL, '{}'),
	('points', '10', '(g % 100)', '{}'),
	('category_id', '10', '1 + g % 50', '{}'),
	('threshold', '70', NULL, '{}'),
	('label', 'true', 'g % 3 = 0', '{}'),
	('published_at', '''2026-01-01 00:00Z''', '''2026-01-01 00:00Z''::timestamptz + g * interval ''1 minute''', '{}'),
	('fetched_at', '''2026-01-02 00:00Z''', '''2026-01-02 00:00Z''::timestamptz + g * interval ''1 minute''', '{}'),
	('as_of', '''2026-01-03 00:00Z''', '''2026-01-03 00:00Z''::timestamptz + g * interval ''1 minute''', '{}'),
	-- what a page is made of
	('item', '(SELECT v FROM vvault.videos v ORDER BY region, video_id LIMIT 1)',
		'(SELECT v FROM vvault.videos v ORDER BY region, video_id OFFSET g % 100 LIMIT 1)', '{}'),
	('sort_key', '10', '(g % 100)', '{}'),
	('vvault_feed.page_size', '10', NULL, '{}');

-- The example of an argument.
CREATE FUNCTION pg_temp.example(function text, argument text) RETURNS example LANGUAGE plpgsql AS $$
DECLARE
	found example;
BEGIN
	SELECT e.* INTO found FROM example e
	WHERE e.argument IN (example.function || '.' || example.argument, example.argument)
	ORDER BY length(e.argument) DESC LIMIT 1;
	IF found IS NULL THEN
		RAISE EXCEPTION 'no example for the argument % of %', coalesce(example.argument, 'without a name'), example.function
			USING HINT = 'Add one to test/examples.sql.';
	END IF;
	IF found.value ~ 'FIRST_PAGE' THEN
		found.value := replace(found.value, 'FIRST_PAGE', (
			SELECT regexp_replace(pg_temp.example_call(f.oid), '\)$', CASE f.required WHEN 0 THEN '' ELSE ', ' END || 'page_size => 1)')
			FROM example_function f WHERE f.name = example.function));
	END IF;
	RETURN found;
END
$$;

-- The public functions of the extension and their arguments.
CREATE TEMP VIEW example_function AS
	SELECT p.oid, p.pronamespace::regnamespace AS schema, p.proname::text AS name, p.prokind, p.provolatile, p.proretset, p.pronargs, p.pronargs - p.pronargdefaults AS required,
		-- names of what a caller passes, not of what comes back
		(SELECT array_agg(n ORDER BY i) FROM unnest(p.proargnames) WITH ORDINALITY u (n, i)
			WHERE coalesce(p.proargmodes[i] IN ('i', 'b', 'v'), true)) AS arguments
	FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault')
		AND p.pronamespace <> 'vvault'::regnamespace;

-- Its text, and the same as a constant of SQL.
CREATE FUNCTION pg_temp.example_text(function text, argument text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT (%s)::text', (pg_temp.example(example_text.function, example_text.argument)).value) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION pg_temp.example_constant(function text, argument text) RETURNS text LANGUAGE sql AS $$
	SELECT quote_nullable(pg_temp.example_text(function, argument))
$$;

-- A call of a function with the arguments that it must have.
CREATE FUNCTION pg_temp.example_call(function oid) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s.%I(%s)', f.schema, f.name, (SELECT string_agg(pg_temp.example_constant(f.name, a), ', ' ORDER BY i)
		FROM unnest(f.arguments[1:f.required]) WITH ORDINALITY u (a, i)))
	FROM example_function f WHERE f.oid = function
$$;
