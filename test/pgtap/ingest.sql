-- vvault_ingest as a whole: what it costs in statements, which versions it
-- makes, random charts in any order against a naive model; categories.
BEGIN;
SELECT plan(90);
SET LOCAL client_min_messages = warning;
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.blocked_videos, vvault.categories;

CREATE FUNCTION pg_temp.item(id text, views bigint) RETURNS text
LANGUAGE sql RETURN json_build_object('id', id, 'snippet', json_build_object('title', 'about ' || id, 'categoryId', '10'),
	'statistics', json_build_object('viewCount', views, 'likeCount', views / 20, 'commentCount', views / 100))::text;
-- a chart of n videos named like this, with these views
CREATE FUNCTION pg_temp.chart(n integer, name text, views bigint) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse","items":['
	|| (SELECT string_agg(pg_temp.item(name || i, views), ',' ORDER BY i) FROM generate_series(1, n) i) || ']}')::json;

--
-- The functions themselves
--

SELECT function_returns('vvault_ingest', '{text,json,timestamp with time zone,integer,boolean}'::text[], 'json');
SELECT is(pg_get_function_arguments('vvault_ingest'::regproc),
	'region text, response json, fetched_at timestamp with time zone DEFAULT now(), first_rank integer DEFAULT 1, complete boolean DEFAULT false',
	'the arguments of vvault_ingest have their names and defaults');
SELECT function_returns('vvault_ingest_categories', '{json}'::text[], 'integer');
SELECT volatility_is(f, 'volatile', f || ' is volatile') FROM unnest('{vvault_ingest,vvault_ingest_categories}'::name[]) f;
SELECT is_definer(f, f || ' runs with its owner''s rights') FROM unnest('{vvault_ingest,vvault_ingest_categories}'::name[]) f;
SELECT ok(NOT has_function_privilege('public', f, 'EXECUTE'), f || ' is nobody''s by default')
	FROM unnest('{vvault_ingest(text\,json\,timestamptz\,integer\,boolean),vvault_ingest_categories(json)}'::text[]) f;

--
-- A chart costs as many statements with one video as with fifty
--

SELECT current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' AS countable \gset
\if :countable
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
SET LOCAL pg_stat_statements.track = 'all';
-- Also counts what it takes to count, which is the same each time.
CREATE FUNCTION pg_temp.statements(region text, response json, fetched_at timestamptz) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	before bigint;
	after bigint;
BEGIN
	PERFORM pg_stat_statements_reset();
	SELECT sum(s.calls) INTO before FROM pg_stat_statements s
	WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
	PERFORM vvault_ingest(region, response, fetched_at);
	SELECT sum(s.calls) INTO after FROM pg_stat_statements s
	WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
	RETURN after - coalesce(before, 0);
END
$$;
CREATE FUNCTION pg_temp.bad_chart(n integer) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse","items":[' || repeat('{},', n - 1) || '{}]}')::json;

-- Each kind of chart once before it is measured: a first call makes plans.
CREATE TEMP TABLE cost (what text, n integer, statements bigint);
DO $$
DECLARE
	n integer;
	round integer := 0;
	m text;
BEGIN
	FOREACH n IN ARRAY '{1,1,50,200}'::integer[] LOOP
		round := round + 1;
		m := round || '-';
		DELETE FROM cost c WHERE c.n = 1 AND round = 2;
		INSERT INTO cost VALUES
			('new videos', n, pg_temp.statements('SE', pg_temp.chart(n, m, 100), '2026-01-01 06:00Z')),
			('the same again', n, pg_temp.statements('SE', pg_temp.chart(n, m, 100), '2026-01-01 06:00Z')),
			('a newer chart', n, pg_temp.statements('SE', pg_temp.chart(n, m, 200), '2026-01-03 06:00Z')),
			('an older chart', n, pg_temp.statements('SE', pg_temp.chart(n, m, 150), '2026-01-02 06:00Z')),
			('other figures of one instant', n, pg_temp.statements('SE', pg_temp.chart(n, m, 250), '2026-01-03 06:00Z')),
			('videos that another region lists', n, pg_temp.statements('NO', pg_temp.chart(n, m, 250), '2026-01-03 06:00Z')),
			('bad items', n, pg_temp.statements('SE', pg_temp.bad_chart(n), '2026-01-03 06:00Z'));
		PERFORM vvault_ingest('SE', pg_temp.chart(1, 'last', 100), '2026-01-04 06:00Z');
		DELETE FROM vvault.snapshots;
		DELETE FROM vvault.videos;
		DELETE FROM vvault.ingests;
	END LOOP;
END
$$;
SELECT ok(one.statements > 0 AND one.statements = many.statements,
	format('%s: %s statements for 1, %s for %s', one.what, one.statements, many.statements, many.n))
	FROM cost one JOIN cost many USING (what) WHERE one.n = 1 AND many.n > 1 ORDER BY one.what, many.n;
\else
SELECT skip('pg_stat_statements is not preloaded', 14);
\endif
SELECT is_empty('SELECT * FROM vvault_check()', 'the derived tables are right');

--
-- Versions: new for the feeds that a chart changes, for no other
--

TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items;
DELETE FROM vvault.feed_versions v WHERE v.region <> '*';
CREATE TEMP TABLE seen AS SELECT v.* FROM vvault.feed_versions v;
-- the feeds that have a new version since this was last asked, as region/writer
CREATE FUNCTION pg_temp.changed() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	names text;
BEGIN
	SELECT string_agg(v.region || '/' || v.written_by, ' ' ORDER BY v.region, v.written_by) INTO names
	FROM vvault.feed_versions v
	WHERE v.region <> '*' AND v.version NOT IN (SELECT s.version FROM seen s);
	DELETE FROM seen;
	INSERT INTO seen SELECT v.* FROM vvault.feed_versions v;
	RETURN coalesce(names, 'none');
END
$$;
CREATE FUNCTION pg_temp.ingest(region text, fetched_at text, VARIADIC items text[]) RETURNS text
LANGUAGE sql AS $$
	SELECT concat_ws(' ', r ->> 'accepted', r ->> 'created') FROM vvault_ingest(region,
		('{"kind":"youtube#videoListResponse","items":[' || array_to_string(items, ',') || ']}')::json, fetched_at::timestamptz) r
$$;
SELECT is(pg_temp.ingest('PL', '2026-01-01 06:00Z', pg_temp.item('a', 10), pg_temp.item('b', 20)), '2 2', 'a first chart');
SELECT is(pg_temp.changed(), 'PL/PL', '... changes its region''s feed');
SELECT is(pg_temp.ingest('SE', '2026-01-01 06:00Z', pg_temp.item('c', 10)), '1 1', 'another region''s chart');
SELECT is(pg_temp.changed(), 'SE/SE', '... changes that region''s');
SELECT is(pg_temp.ingest('SE', '2026-01-01 07:00Z', pg_temp.item('a', 11)), '1 1', 'a video of PL comes to SE');
SELECT is(pg_temp.changed(), 'PL/SE SE/SE', '... both feeds show its new set of regions');
SELECT is(pg_temp.ingest('NO', '2026-01-01 07:00Z', pg_temp.item('a', 12), pg_temp.item('c', 12)), '2 2', 'and to NO, with one of SE');
SELECT is(pg_temp.changed(), 'NO/NO PL/NO SE/NO', '... so do three');
SELECT is(pg_temp.ingest('SE', '2026-01-01 08:00Z', pg_temp.item('a', 13)), '1 0', 'a newer chart of known videos');
SELECT is(pg_temp.changed(), 'SE/SE', '... changes no other region''s feed');
SELECT is(pg_temp.ingest('SE', '2026-01-01 08:00Z', pg_temp.item('a', 13)), '1 0', 'the same again');
SELECT is(pg_temp.changed(), 'none', '... changes none');
SELECT is(pg_temp.ingest('SE', '2026-01-01 08:00Z', pg_temp.item('a', 9)), '1 0', 'smaller figures of that instant');
SELECT is(pg_temp.changed(), 'none', '... change none');
SELECT is(pg_temp.ingest('SE', '2026-01-01 09:00Z', '{}'), '0 0', 'a chart of bad items');
SELECT is(pg_temp.changed(), 'none', '... changes none');
SELECT is(pg_temp.ingest('SE', '2026-01-01 07:30Z', pg_temp.item('a', 12)), '1 0', 'an older chart');
SELECT is(pg_temp.changed(), 'SE/SE', '... changes the feed: histories and days belong to it');

--
-- Figures written by somebody else stay until a chart is newer
--

INSERT INTO vvault.videos (region, video_id, title, views, virality_score, category_id, fetched_at)
VALUES ('AT', 'own', 'mine', 500, 77, 24, '2026-01-05 06:00Z');
SELECT is(pg_temp.ingest('AT', '2026-01-04 06:00Z', pg_temp.item('own', 400)), '1 0', 'a chart older than a plain INSERT');
SELECT is((SELECT concat_ws(' ', v.title, v.views, v.virality_score, v.category_id) FROM vvault.videos v WHERE v.video_id = 'own'),
	'mine 500 77 24', '... leaves its figures');
SELECT is(pg_temp.ingest('AT', '2026-01-06 06:00Z', pg_temp.item('own', 600)), '1 0', 'a newer one');
-- 200 views in two days are next to nothing: engagement (5 + 2 * 1) % of 5 % is full, 25 / 60
SELECT is((SELECT concat_ws(' ', v.title, v.views, round(v.virality_score::numeric, 1), v.category_id) FROM vvault.videos v WHERE v.video_id = 'own'),
	'about own 600 41.7 10', '... replaces them');
SELECT is_empty('SELECT * FROM vvault_check()', 'the derived tables are right');

--
-- Random charts, several a day, some in two parts of one instant, with figures
-- missing, texts changing and videos twice: any order gives what naive SQL
-- makes of all of them.
--

TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items;
SELECT setseed(0.7);
CREATE TEMP TABLE drawn AS
	SELECT c.n, c.region, c.fetched_at, c.chart_length, i.place, 'v' || floor(random() * 25) AS video_id,
		'title ' || floor(random() * 3) AS title, floor(random() * 3)::int AS category_id,
		CASE WHEN random() < 0.85 THEN floor(random() * 20)::bigint * 1000 END AS views,
		CASE WHEN random() < 0.7 THEN floor(random() * 4)::bigint * 100 END AS likes,
		CASE WHEN random() < 0.7 THEN floor(random() * 3)::bigint * 10 END AS comments
	FROM (SELECT g.n, (ARRAY['GB', 'NL'])[1 + g.n % 2] AS region,
			timestamptz '2026-01-01 00:00Z' + floor(random() * 24) * interval '3 hours' AS fetched_at,
			CASE WHEN random() < 0.8 THEN 5 + floor(random() * 10)::int END AS chart_length
		FROM generate_series(1, 60) g (n)) c
		CROSS JOIN LATERAL generate_series(1, 1 + floor(random() * 12)::int + c.n * 0) AS i (place);
CREATE TEMP TABLE drawn_charts AS
	SELECT d.n, d.region, d.fetched_at, ('{"kind":"youtube#videoListResponse"'
		|| coalesce(',"pageInfo":{"totalResults":' || d.chart_length || '}', '') || ',"items":['
		|| string_agg(json_strip_nulls(json_build_object('id', d.video_id, 'snippet', json_build_object('title', d.title, 'categoryId', d.category_id),
			'statistics', json_build_object('viewCount', d.views, 'likeCount', d.likes, 'commentCount', d.comments)))::text, ',' ORDER BY d.place)
		|| ']}')::json AS response
	FROM drawn d GROUP BY d.n, d.region, d.fetched_at, d.chart_length;

-- the model: of one response the first of a video, of one instant the greatest
CREATE TEMP TABLE model_first AS
	SELECT DISTINCT ON (d.n, d.video_id) d.* FROM drawn d ORDER BY d.n, d.video_id, d.place;
CREATE TEMP TABLE model_snapshots AS
	SELECT f.region, f.video_id, f.fetched_at, min(f.place) AS rank, max(f.chart_length) AS chart_length,
		max(f.category_id) AS category_id, max(f.title) AS title, g.views, g.likes, g.comments
	FROM model_first f
		JOIN (SELECT DISTINCT ON (h.region, h.video_id, h.fetched_at) h.* FROM model_first h
			ORDER BY h.region, h.video_id, h.fetched_at, h.views DESC NULLS LAST, h.likes DESC NULLS LAST,
				h.comments DESC NULLS LAST) g USING (region, video_id, fetched_at)
	GROUP BY f.region, f.video_id, f.fetched_at, g.views, g.likes, g.comments;
CREATE TEMP TABLE model_scores AS
	SELECT m.*, coalesce((m.views - b.views)::float8 / extract(epoch FROM m.fetched_at - b.fetched_at)::float8 * 3600, 0) AS velocity
	FROM model_snapshots m LEFT JOIN LATERAL (
		SELECT p.views, p.fetched_at FROM model_snapshots p
		WHERE p.region = m.region AND p.video_id = m.video_id AND p.fetched_at < m.fetched_at AND p.views IS NOT NULL
		ORDER BY p.fetched_at DESC LIMIT 1) b ON true;
-- the latest chart that is not shorter than half of the median of the three before
CREATE TEMP TABLE model_charted AS
	WITH length AS (SELECT s.region, s.fetched_at, count(*) AS n FROM model_snapshots s GROUP BY s.region, s.fetched_at)
	SELECT l.region, max(l.fetched_at) AS fetched_at FROM length l CROSS JOIN LATERAL (
		SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY p.n) AS usual FROM (SELECT b.n FROM length b
			WHERE b.region = l.region AND b.fetched_at < l.fetched_at ORDER BY b.fetched_at DESC LIMIT 3) p) u
	WHERE u.usual IS NULL OR l.n * 2 >= u.usual GROUP BY l.region;
-- who wants a place that is taken by a larger one gets the next free
CREATE TEMP TABLE model_places (region text, video_id text, place integer, chart_length integer, UNIQUE (region, place));
DO $$
DECLARE
	v record;
BEGIN
	FOR v IN SELECT s.* FROM model_snapshots s JOIN model_charted c ON (c.region, c.fetched_at) = (s.region, s.fetched_at)
		ORDER BY s.region, s.rank, s.views DESC NULLS LAST, s.likes DESC NULLS LAST, s.comments DESC NULLS LAST, s.video_id COLLATE "C" LOOP
		WHILE EXISTS (SELECT FROM model_places p WHERE p.region = v.region AND p.place = v.rank) LOOP
			v.rank := v.rank + 1;
		END LOOP;
		INSERT INTO model_places VALUES (v.region, v.video_id, v.rank,
			CASE WHEN v.chart_length < v.rank THEN v.rank ELSE v.chart_length END);
	END LOOP;
END
$$;
SELECT ok((SELECT count(*) FROM model_places p JOIN model_charted c USING (region)
		JOIN model_snapshots s ON (s.region, s.video_id, s.fetched_at) = (p.region, p.video_id, c.fetched_at) WHERE p.place > s.rank) > 3,
	'some want one place');
SELECT ok((SELECT count(*) FROM model_first f JOIN model_first g USING (region, video_id, fetched_at) WHERE f.n < g.n) > 20
	AND (SELECT count(*) FROM drawn) > (SELECT count(*) FROM model_first) + 20, 'the charts meet each other and hold videos twice');

CREATE TEMP TABLE catalog (run integer, line text);
DO $$
DECLARE
	c drawn_charts;
BEGIN
	FOR run IN 1 .. 4 LOOP
		TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items;
		FOR c IN SELECT * FROM drawn_charts d ORDER BY CASE run WHEN 1 THEN d.n WHEN 2 THEN -d.n ELSE random() END LOOP
			PERFORM vvault_ingest(c.region, c.response, c.fetched_at);
		END LOOP;
		INSERT INTO catalog
		SELECT run, 'video ' || v::text FROM vvault.videos v
		UNION ALL SELECT run, 'snapshot ' || s::text FROM vvault.snapshots s
		UNION ALL SELECT run, 'regions ' || r::text FROM vvault.video_regions r
		UNION ALL SELECT run, 'day ' || d::text FROM vvault.daily_videos d
		UNION ALL SELECT run, 'days ' || d::text FROM vvault.daily_stats d
		UNION ALL SELECT run, 'category ' || c2::text FROM vvault.category_stats c2
		UNION ALL SELECT run, 'wrong ' || w::text FROM vvault_check() w;
	END LOOP;
END
$$;
SELECT is_empty(format($$(SELECT line FROM catalog WHERE run = 1 EXCEPT ALL SELECT line FROM catalog WHERE run = %1$s)
	UNION ALL (SELECT line FROM catalog WHERE run = %1$s EXCEPT ALL SELECT line FROM catalog WHERE run = 1)$$, run),
	'order ' || run || ' gives the catalog of order 1') FROM generate_series(2, 4) run;
SELECT is_empty($$SELECT line FROM catalog WHERE line LIKE 'wrong %'$$, 'in each the derived tables are right');
SELECT is_empty($$SELECT * FROM (SELECT s.region, s.video_id, s.fetched_at, s.rank, s.chart_length, s.category_id, s.views, s.likes, s.comments FROM vvault.snapshots s) s
	FULL JOIN model_snapshots m ON (m.region, m.video_id, m.fetched_at) = (s.region, s.video_id, s.fetched_at)
	WHERE (s.rank, s.chart_length, s.category_id, s.views, s.likes, s.comments)
		IS DISTINCT FROM (m.rank, m.chart_length, m.category_id, m.views, m.likes, m.comments)$$, 'the snapshots are the model''s');
SELECT is_empty($$SELECT * FROM vvault.snapshots s JOIN model_scores m ON (m.region, m.video_id, m.fetched_at) = (s.region, s.video_id, s.fetched_at)
		JOIN vvault.effective_regions e ON e.region = s.region
	WHERE abs(s.virality_score - coalesce(vvault_virality_score(greatest(m.velocity, 0), vvault.weighted_engagement(m.likes, m.comments, m.views),
		e.velocity_baseline, e.engagement_baseline), 0)) < 1e-9 IS NOT TRUE$$, '... with its scores');
SELECT is_empty($$SELECT * FROM vvault.videos v FULL JOIN (
		SELECT DISTINCT ON (m.region, m.video_id) m.region, m.video_id, m.fetched_at, m.title, m.category_id,
			p.place IS NOT NULL AS charted, p.place AS rank, p.chart_length,
			min(m.fetched_at) OVER (PARTITION BY m.region, m.video_id) AS first_seen_at
		FROM model_snapshots m LEFT JOIN model_places p ON (p.region, p.video_id) = (m.region, m.video_id)
		ORDER BY m.region, m.video_id, m.fetched_at DESC) m ON (m.region, m.video_id) = (v.region, v.video_id)
	LEFT JOIN LATERAL (SELECT f.views, f.likes, f.comments FROM model_snapshots f
		WHERE f.region = m.region AND f.video_id = m.video_id AND f.views IS NOT NULL ORDER BY f.fetched_at DESC LIMIT 1) f ON true
	WHERE (v.fetched_at, v.title, v.category_id, v.charted, v.rank, v.chart_length, v.first_seen_at, v.views, v.likes, v.comments)
		IS DISTINCT FROM (m.fetched_at, m.title, m.category_id, m.charted, m.rank, m.chart_length, m.first_seen_at, coalesce(f.views, 0), f.likes, f.comments)$$,
	'the videos are the model''s');

--
-- Categories
--

CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END
$$;
CREATE FUNCTION pg_temp.categories(items text) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoCategoryListResponse","etag":"x","items":[' || items || ']}')::json;
CREATE FUNCTION pg_temp.names() RETURNS text
LANGUAGE sql AS $$ SELECT string_agg(c.id || ' ' || c.name, ', ' ORDER BY c.id) FROM vvault.categories c $$;

SELECT is(vvault_ingest_categories(pg_temp.categories('{"kind":"youtube#videoCategory","id":"10","snippet":{"title":"Music","assignable":true}},
	{"id":"1","snippet":{"title":"Film & Animation"}}')), 2, 'two categories');
SELECT is(pg_temp.names(), '1 Film & Animation, 10 Music', '... have their names');
SELECT ok(pg_temp.changed() LIKE '%PL/PL%', '... and every feed a new version');
SELECT is(vvault_ingest_categories(pg_temp.categories('{"id":"010","snippet":{"title":"no"}},{"id":10,"snippet":{"title":"Musik \ud83d\ude00"}},{"id":"999999999","snippet":{"title":"x"}}')),
	2, 'the last of equal ids counts');
SELECT is(pg_temp.names(), '1 Film & Animation, 10 Musik 😀, 999999999 x', '... and what is not named stays');
SELECT is(vvault_ingest_categories(pg_temp.categories('')), 0, 'no categories');
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest_categories(%L)', r)), '22023 response is not a videoCategoryListResponse',
	'no response: ' || coalesce(r, 'NULL'))
	FROM unnest(ARRAY[NULL, 'null', '5', '[]', '{}', '"text"', '{"items":[]}', '{"kind":"youtube#videoCategoryListResponse"}',
		'{"kind":"youtube#videoCategoryListResponse","items":{}}', '{"kind":"youtube#videoListResponse","items":[]}']) r;
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest_categories(%L)', pg_temp.categories('{"id":"2","snippet":{"title":"new"}},' || i))),
	'22023 item 2 of the response is not a video category', 'no category: ' || i)
	FROM unnest(ARRAY['null', '5', '"x"', '[]', '{}', '{"id":"x","snippet":{"title":"t"}}', '{"id":"-1","snippet":{"title":"t"}}',
		'{"id":"1000000000","snippet":{"title":"t"}}', '{"id":"3"}', '{"id":"3","snippet":{}}', '{"id":"3","snippet":{"title":""}}',
		'{"id":"3","snippet":{"title":null}}', '{"id":"3","snippet":"t"}', '{"snippet":{"title":"t"}}']) i;
SELECT is(pg_temp.error_of(format('SELECT vvault_ingest_categories(%L)', pg_temp.categories('{"id":"2","snippet":{"title":"' || i || '"}}'))),
	'22023 response contains text that cannot be stored', 'no text: ' || i) FROM unnest(ARRAY['\u0000', '\ud83d', '\ude00x']) i;
SELECT is(pg_temp.names(), '1 Film & Animation, 10 Musik 😀, 999999999 x', 'none of these changed anything');

SELECT * FROM finish();
ROLLBACK;
