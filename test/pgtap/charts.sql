-- Which chart is a region's, who stands where in it, and taking one back:
-- charts dated ahead, short ones, two of one instant; the log decides nothing.
BEGIN;
SELECT plan(69);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO';
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.blocked_videos, vvault.settings, vvault.regions;

CREATE FUNCTION pg_temp.item(id text, views bigint) RETURNS text
LANGUAGE sql RETURN json_build_object('id', id, 'snippet', json_build_object('title', 'about ' || id, 'categoryId', '10'),
	'statistics', json_build_object('viewCount', views, 'likeCount', views / 20, 'commentCount', views / 100))::text;
CREATE FUNCTION pg_temp.chart(views bigint, VARIADIC ids text[]) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse","items":['
	|| (SELECT string_agg(pg_temp.item(i, views), ',' ORDER BY n) FROM unnest(ids) WITH ORDINALITY AS u (i, n)) || ']}')::json;
-- a chart of n videos named like this
CREATE FUNCTION pg_temp.chart_of(n integer, name text, views bigint) RETURNS json
LANGUAGE sql RETURN pg_temp.chart(views, VARIADIC ARRAY(SELECT name || i FROM generate_series(1, n) i));
CREATE FUNCTION pg_temp.charted(region text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT coalesce(string_agg(v.rank || ' ' || v.video_id, ', ' ORDER BY v.rank, v.video_id), 'nothing')
	FROM vvault.videos v WHERE v.region = $1 AND v.charted
$$;
CREATE FUNCTION pg_temp.checked() RETURNS text
LANGUAGE sql AS $$
	SELECT coalesce(string_agg(DISTINCT c.derived_table, ' ' ORDER BY c.derived_table), 'right') FROM vvault_check() c
$$;
-- all there is but the log and the versions, as text
CREATE FUNCTION pg_temp.catalog() RETURNS text
LANGUAGE sql AS $$
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT 'video ' || v::text AS line FROM vvault.videos v
		UNION ALL SELECT 'snapshot ' || s::text FROM vvault.snapshots s
		UNION ALL SELECT 'regions ' || r::text FROM vvault.video_regions r
		UNION ALL SELECT 'chart ' || c::text FROM vvault.charts c
		UNION ALL SELECT 'day ' || d::text FROM vvault.daily_videos d
		UNION ALL SELECT 'days ' || d::text FROM vvault.daily_stats d
		UNION ALL SELECT 'category ' || c::text FROM vvault.category_stats c
		UNION ALL SELECT 'search ' || s::text FROM vvault.video_search s
		UNION ALL SELECT 'word ' || w::text FROM vvault.search_words w
		UNION ALL SELECT 'rejected ' || r.video_id FROM vvault.rejected_items r) x
$$;

--
-- A clock that is wrong
--

SELECT throws_ok(format($$SELECT vvault_ingest('PL', pg_temp.chart(1, 'a'), %L)$$, clock_timestamp() + interval '10 minutes'),
	'22023', NULL, 'a chart that is dated ahead is refused');
SELECT throws_like(format($$SELECT vvault_ingest('PL', pg_temp.chart(1, 'a'), %L)$$, clock_timestamp() + interval '1 day'),
	'fetched_at % is 864% seconds ahead of the server''s clock', '... and it says by how much');
SELECT is_empty('SELECT FROM vvault.snapshots', '... nothing is there of it');
SELECT lives_ok(format($$SELECT vvault_ingest('PL', pg_temp.chart(1, 'a'), %L)$$, clock_timestamp() + interval '4 minutes'),
	'a few minutes are no matter');
SELECT is((SELECT r ->> 'age_seconds' FROM json_array_elements(vvault_health() -> 'regions') r WHERE r ->> 'region' = 'PL'), '0',
	'no chart is less than 0 seconds old');
SELECT is((SELECT string_agg(w ->> 'region', ' ') FROM json_array_elements(vvault_health() -> 'warnings') w), 'PL',
	'health warns of a chart that is ahead of the clock');
SELECT lives_ok($$SELECT vvault_set('clock_tolerance', '86400')$$, 'how far ahead is a setting');
SELECT lives_ok(format($$SELECT vvault_ingest('SE', pg_temp.chart(1, 'a'), %L)$$, clock_timestamp() + interval '10 hours'),
	'... which may allow a day');
SELECT ok((SELECT bool_and((r ->> 'due')::boolean) FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r WHERE r ->> 'region' = 'SE') IS FALSE,
	'... what is allowed counts as fetched');
SELECT lives_ok($$SELECT vvault_set('clock_tolerance', NULL)$$, 'and back');
SELECT is((SELECT r ->> 'due' FROM json_array_elements(vvault_fetch_schedule() -> 'regions') r WHERE r ->> 'region' = 'SE'), 'true',
	'a chart that is dated ahead does not keep its region from being due');

-- a region that a chart of another time has frozen: it is taken back
SELECT is(vvault_ingest('SE', pg_temp.chart(2, 'a', 'b'), '2026-01-01 06:00Z') ->> 'charted', 'false', 'a right chart behind it is not shown');
SELECT is(vvault_ingest('SE', pg_temp.chart(2, 'a', 'b'), '2026-01-01 06:00Z') ->> 'reason',
	'It is older than the chart of ' || (SELECT vvault.utc_text(max(c.fetched_at)) FROM vvault.charts c WHERE c.region = 'SE') || '.', '... and the reply says why');
SELECT is(pg_temp.charted('SE'), '1 a', '... the feed is that of the wrong one');
SELECT is(vvault_remove_chart('SE', (SELECT max(c.fetched_at) FROM vvault.charts c WHERE c.region = 'SE')) ->> 'charted_at',
	'2026-01-01T06:00:00+00:00', 'the wrong chart is taken back');
SELECT is(pg_temp.charted('SE'), '1 a, 2 b', '... and the right one is shown');
SELECT is(pg_temp.checked(), 'right', '... all is right');
SELECT is_empty($$SELECT FROM json_array_elements(vvault_health() -> 'warnings') w WHERE w ->> 'region' = 'SE'$$, '... nothing is to be warned of');

-- the same by hand: the next chart shows, and so does a rebuild
SELECT vvault_set('clock_tolerance', '86400');
SELECT lives_ok(format($$SELECT vvault_ingest('SE', pg_temp.chart(3, 'a', 'x', 'y'), %L)$$, clock_timestamp() + interval '10 hours'), 'another wrong one');
DELETE FROM vvault.snapshots s WHERE s.region = 'SE' AND s.fetched_at > now();
SELECT is(pg_temp.checked(), 'videos', 'vvault_check() shows that its snapshots were deleted');
SELECT cmp_ok(vvault_rebuild(), '>', 0::bigint, 'vvault_rebuild() finds what it left');
SELECT is(pg_temp.charted('SE') || '; ' || (SELECT string_agg(v.video_id || ' ' || v.views, ', ' ORDER BY v.video_id) FROM vvault.videos v WHERE v.region = 'SE'),
	'1 a, 2 b; a 2, b 2', '... restores what the snapshots know, and drops what they do not');
SELECT is(pg_temp.checked() || ' ' || vvault_rebuild(), 'right 0', '... all is right');
SELECT lives_ok(format($$SELECT vvault_ingest('SE', pg_temp.chart(3, 'a', 'x'), %L)$$, clock_timestamp() + interval '10 hours'), 'and one more');
DELETE FROM vvault.snapshots s WHERE s.region = 'SE' AND s.fetched_at > now();
SELECT is(vvault_ingest('SE', pg_temp.chart(4, 'a', 'b', 'c'), '2026-01-01 07:00Z') ->> 'charted', 'true', 'the next chart is shown');
SELECT is((SELECT string_agg(v.video_id || ' ' || v.views || ' ' || v.title, ', ' ORDER BY v.video_id) FROM vvault.videos v WHERE v.region = 'SE' AND v.charted),
	'a 4 about a, b 4 about b, c 4 about c', '... with its figures');
SELECT vvault_rebuild();
SELECT is(pg_temp.checked(), 'right', '... all is right');

--
-- The log decides nothing
--

CREATE TEMP TABLE before AS
	SELECT pg_temp.catalog() AS catalog, vvault_regions()::text AS regions, vvault_health() ->> 'regions' AS health,
		vvault_insights('SE')::text AS insights, vvault_fetch_schedule()::text AS schedule, vvault_dashboard()::text AS dashboard;
CREATE TEMP TABLE versions AS SELECT * FROM vvault.feed_versions;
DELETE FROM vvault.ingests;
TRUNCATE vvault.ingests;
SELECT ok(pg_temp.catalog() = b.catalog AND vvault_regions()::text = b.regions AND vvault_health() ->> 'regions' = b.health
	AND vvault_insights('SE')::text = b.insights AND vvault_fetch_schedule()::text = b.schedule
	AND vvault_dashboard()::text = b.dashboard, 'rows of the log may go: replies stay as they are') FROM before b;
SELECT results_eq('TABLE vvault.feed_versions ORDER BY region, written_by', 'TABLE versions ORDER BY region, written_by', '... and so do versions');
SELECT is(vvault_ingest('SE', pg_temp.chart(1, 'a'), '2026-01-01 05:00Z') ->> 'charted', 'false', 'an older chart is still an older one');
SELECT is(pg_temp.charted('SE'), '1 a, 2 b, 3 c', '... and changes nobody''s place');
SELECT throws_ok($$SELECT vvault_ingest('GB', pg_temp.chart(1, 'a'), first_rank => 51)$$, '22023', NULL, 'a second page without its first is still refused');

--
-- A short chart is history alone
--

TRUNCATE vvault.videos, vvault.snapshots;
SELECT is(vvault_ingest('NL', pg_temp.chart_of(10, 'v', 1), '2026-01-01 06:00Z') ->> 'charted', 'true', 'a first chart is shown, however long');
SELECT is(vvault_ingest('NL', pg_temp.chart_of(5, 'v', 2), '2026-01-01 07:00Z') ->> 'charted', 'true', 'half as long is long enough');
SELECT is(vvault_remove_chart('NL', '2026-01-01 07:00Z') ->> 'forgotten', '0', 'taken back');
SELECT is(vvault_ingest('NL', pg_temp.chart_of(4, 'v', 2), '2026-01-01 07:00Z') ->> 'charted', 'false', 'less is not');
SELECT is(vvault_ingest('NL', pg_temp.chart_of(4, 'v', 2), '2026-01-01 07:00Z') ->> 'reason',
	'It has 4 videos, far fewer than the charts before it: it is taken as history. If it is complete, say complete => true.', '... the reply says so');
SELECT is((SELECT count(*)::int FROM vvault.videos v WHERE v.charted), 10, '... all videos are charted as before');
SELECT is((SELECT string_agg(DISTINCT v.views::text, ' ' ORDER BY v.views::text) FROM vvault.videos v), '1 2', '... the figures are the newest');
SELECT is((SELECT r ->> 'fetched_at' FROM json_array_elements(vvault_regions() -> 'regions') r WHERE r ->> 'region' = 'NL'), '2026-01-01T06:00:00+00:00', '... the region''s chart is the one before');
SELECT is(pg_temp.checked(), 'right', '... all is right');
SELECT is(vvault_ingest('NL', pg_temp.chart_of(4, 'v', 2), '2026-01-01 07:00Z', complete => true) ->> 'charted', 'true', 'one that is said to be complete is shown');
SELECT is((SELECT count(*)::int FROM vvault.videos v WHERE v.charted), 4, '... and nobody else');
SELECT is(vvault_ingest('NL', pg_temp.chart_of(4, 'v', 2), '2026-01-01 07:00Z') ->> 'charted', 'true', '... once said it holds');
SELECT is(vvault_remove_chart('NL', '2026-01-01 07:00Z') ->> 'charted_at', '2026-01-01T06:00:00+00:00', 'taken back');
-- a chart in pages: they count together
SELECT is((vvault_ingest('NL', pg_temp.chart_of(4, 'v', 3), '2026-01-01 08:00Z') ->> 'charted') || ' '
	|| (vvault_ingest('NL', pg_temp.chart_of(2, 'w', 3), '2026-01-01 08:00Z', 5) ->> 'charted'), 'false true', 'a first page is short, with the second it is not');
SELECT is(pg_temp.charted('NL'), '1 v1, 2 v2, 3 v3, 4 v4, 5 w1, 6 w2', '... and both are charted');
-- a chart that got short for good
SELECT is((SELECT string_agg(vvault_ingest('NL', pg_temp.chart_of(2, 'z', i), '2026-01-01 09:00Z'::timestamptz + i * interval '1 hour') ->> 'charted', ' ' ORDER BY i)
	FROM generate_series(1, 3) i), 'false false true', 'of three short ones in a row the third is believed');
SELECT is(pg_temp.charted('NL') || ' ' || pg_temp.checked(), '1 z1, 2 z2 right', '... and shown');
SELECT vvault_remove_chart('NL', '2026-01-01 12:00Z');
SELECT is((SELECT count(*)::int FROM vvault.videos v WHERE v.charted) || ' ' || pg_temp.checked(), '6 right', 'without it the one before is shown again');
SELECT vvault_set('short_chart', '0');
SELECT is(pg_temp.charted('NL') || ' ' || pg_temp.checked(), '1 z1, 2 z2 right', 'how short is a setting, which takes effect at once');
SELECT vvault_set('short_chart', NULL);
SELECT is((SELECT count(*)::int FROM vvault.videos v WHERE v.charted) || ' ' || pg_temp.checked(), '6 right', '... and back');

--
-- Two charts of one instant
--

TRUNCATE vvault.videos, vvault.snapshots;
SELECT vvault_ingest('NO', pg_temp.chart(10, 'a', 'b', 'c'), '2026-01-01 06:00Z');
SELECT vvault_ingest('NO', pg_temp.chart(20, 'x', 'b', 'y'), '2026-01-01 06:00Z');
-- places 1 a x, 2 b, 3 c y; the larger come first
SELECT is(pg_temp.charted('NO'), '1 x, 2 a, 3 b, 4 y, 5 c', 'no place is given twice');
SELECT is(pg_temp.checked(), 'right', '... all is right');
SELECT is((SELECT string_agg(v ->> 'rank', ' ' ORDER BY v ->> 'rank') FROM json_array_elements(vvault_trending('NO') -> 'videos') v), '1 2 3 4 5', '... nor in the feed');
CREATE TEMP TABLE one_order AS SELECT pg_temp.catalog() AS catalog;
TRUNCATE vvault.videos, vvault.snapshots;
SELECT vvault_ingest('NO', pg_temp.chart(20, 'x', 'b', 'y'), '2026-01-01 06:00Z');
SELECT vvault_ingest('NO', pg_temp.chart(10, 'a', 'b', 'c'), '2026-01-01 06:00Z');
SELECT is(pg_temp.catalog(), o.catalog, 'the order of the two does not matter') FROM one_order o;

--
-- Taking a chart back: whichever it is, all is as it was before
--

TRUNCATE vvault.videos, vvault.snapshots;
SELECT throws_ok($$SELECT vvault_remove_chart('PL', '2026-01-01 06:00Z')$$, '22023', 'region "PL" has no chart of 2026-01-01T06:00:00+00:00', 'a chart that is not there cannot be taken back');
SELECT throws_ok($$SELECT vvault_remove_chart(NULL, NULL)$$, '22023', NULL, '... nor none');
CREATE TEMP TABLE charts (n integer, region text, fetched_at timestamptz, response json);
INSERT INTO charts VALUES
	(1, 'PL', '2026-01-01 06:00Z', pg_temp.chart(1000, 'a', 'b', 'c')), (2, 'PL', '2026-01-01 12:00Z', pg_temp.chart(5000, 'b', 'a', 'd')),
	(3, 'PL', '2026-01-02 06:00Z', pg_temp.chart(90000, 'd', 'a', 'e')), (4, 'PL', '2026-01-03 06:00Z', pg_temp.chart(200000, 'a', 'e', 'f')),
	(5, 'SE', '2026-01-02 06:00Z', pg_temp.chart(7000, 'a', 'f', 'g'));
CREATE TEMP TABLE made (without integer, way text, catalog text);
DO $$
DECLARE
	c charts;
BEGIN
	FOR i IN 1 .. 5 LOOP
		TRUNCATE vvault.videos, vvault.snapshots, vvault.rejected_items;
		FOR c IN SELECT * FROM charts ORDER BY n LOOP
			PERFORM vvault_ingest(c.region, c.response, c.fetched_at) WHERE c.n <> i;
		END LOOP;
		INSERT INTO made VALUES (i, 'never there', pg_temp.catalog());
		SELECT * INTO c FROM charts WHERE n = i;
		PERFORM vvault_ingest(c.region, ('{"items": [{"id": "bad' || i || '"},' || substr(c.response -> 'items' #>> '{}', 2)
			|| ', "kind": "youtube#videoListResponse"}')::json, c.fetched_at);
		PERFORM vvault_remove_chart(c.region, c.fetched_at);
		INSERT INTO made VALUES (i, 'taken back', pg_temp.catalog());
		INSERT INTO made SELECT i, 'wrong', w::text FROM vvault_check() w;
	END LOOP;
END
$$;
SELECT is(b.catalog, n.catalog, format('chart %s taken back is as if it had never come', n.without))
	FROM made n JOIN made b USING (without) WHERE n.way = 'never there' AND b.way = 'taken back' ORDER BY n.without;
SELECT is_empty($$SELECT * FROM made WHERE way = 'wrong'$$, '... all is right each time');
SELECT isnt((SELECT version FROM versions WHERE region = 'PL' AND written_by = 'PL'),
	(SELECT f.version FROM vvault.feed_versions f WHERE f.region = 'PL' AND f.written_by = 'PL'), '... and the feed has another version');
-- what was there before all charts that are left stays
TRUNCATE vvault.videos, vvault.snapshots;
INSERT INTO vvault.videos (region, video_id, title, views, fetched_at, first_seen_at) VALUES ('PL', 'own', 'mine', 7, '2026-01-01 00:00Z', '2026-01-01 00:00Z');
SELECT vvault_ingest('PL', pg_temp.chart(10, 'own', 'a'), '2026-01-02 06:00Z');
SELECT is((SELECT j ->> 'removed' || ' ' || (j ->> 'forgotten') || ' ' || coalesce(j ->> 'charted_at', 'none') FROM vvault_remove_chart('PL', '2026-01-02 06:00Z') j), '2 1 none', 'a video that its owner wrote stays');
SELECT is((SELECT string_agg(concat_ws(' ', v.video_id, v.charted, v.fetched_at), ', ') FROM vvault.videos v), 'own f 2026-01-01 00:00:00+00', '... charted no more');
SELECT is(pg_temp.checked(), 'right', '... all is right');

SELECT function_privs_are('vvault_remove_chart', '{text,timestamptz}'::text[], 'public', '{}'::text[], 'nobody may take a chart back by default');

SELECT * FROM finish();
ROLLBACK;
