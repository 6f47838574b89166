-- vvault_check, vvault_rebuild, vvault_prune, vvault_block and vvault_set.
BEGIN;
SELECT plan(116);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'Pacific/Auckland';	-- days are UTC days all the same
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.blocked_videos,
	vvault.settings, vvault.regions;
DELETE FROM vvault.daily_stats;

CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || SQLERRM || CASE WHEN hint = '' THEN ' [no hint]' ELSE '' END;
END
$$;
CREATE FUNCTION pg_temp.ingest(region text, fetched_at text, ids text, views bigint) RETURNS json
LANGUAGE sql AS $$
	SELECT vvault_ingest(region, json_build_object('kind', 'youtube#videoListResponse', 'items',
		(SELECT json_agg(json_build_object('id', i.id, 'snippet', json_build_object('title', i.id, 'categoryId', '10'),
			'statistics', json_build_object('viewCount', views, 'likeCount', views / 10)) ORDER BY i.n)
		FROM string_to_table(ids, ' ') WITH ORDINALITY i (id, n))), fetched_at::timestamptz)
$$;
-- whether every feed has a new version since this was last asked
CREATE TEMP TABLE seen AS SELECT f.* FROM vvault.feed_versions f;
CREATE FUNCTION pg_temp.all_changed() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	changed bigint;
	total bigint;
BEGIN
	SELECT count(*) FILTER (WHERE f.version NOT IN (SELECT s.version FROM seen s)), count(*) INTO changed, total
	FROM vvault.feed_versions f;
	DELETE FROM seen;
	INSERT INTO seen SELECT f.* FROM vvault.feed_versions f;
	RETURN CASE changed WHEN total THEN 'all' WHEN 0 THEN 'none' ELSE changed || ' of ' || total END;
END
$$;
CREATE TEMP VIEW wrong AS
	SELECT concat_ws(' | ', w.derived_table, coalesce(w.region, '-'), w.key, coalesce(w.stored, 'nothing'), coalesce(w.expected, 'nothing')) AS line
	FROM vvault_check() w;

-- PL on three days, twice on the second; SE on the first
DO $$
BEGIN
	PERFORM pg_temp.ingest('PL', '2026-01-01 23:59:59.999999Z', 'a b c', 1000);
	PERFORM pg_temp.ingest('SE', '2026-01-01 06:00Z', 'a z', 1000);
	PERFORM pg_temp.ingest('PL', '2026-01-02 00:00Z', 'a b', 10000);
	PERFORM pg_temp.ingest('PL', '2026-01-02 18:00Z', 'b d', 2000);
	PERFORM pg_temp.ingest('PL', '2026-01-03 06:00Z', 'd e', 3000);
END
$$;

--
-- vvault_check and vvault_rebuild
--

SELECT is_empty('SELECT * FROM vvault_check()', 'after ingests all is right');
SELECT isnt(pg_temp.all_changed(), 'none', 'the ingests made versions');
SELECT is(vvault_rebuild(), 0::bigint, '... and there is nothing to repair');
SELECT is(pg_temp.all_changed(), 'all', 'a rebuild makes all feeds anew');

UPDATE vvault.video_regions SET regions = '{PL}' WHERE video_id = 'a';
DELETE FROM vvault.video_regions WHERE video_id = 'b';
INSERT INTO vvault.video_regions VALUES ('nowhere', '{NO,PL}');
SELECT results_eq('SELECT * FROM wrong', $$VALUES ('video_regions | - | a | {PL} | {PL,SE}'),
	('video_regions | - | b | nothing | {PL}'), ('video_regions | - | nowhere | {NO,PL} | nothing')$$, 'wrong sets of regions are found');
SELECT is(vvault_rebuild(), 3::bigint, '... repaired');
SELECT is_empty('SELECT * FROM vvault_check()', '... and right');

-- likes are 10 % of the views everywhere: engagement is full, 25 / 60 = 41.666667 without velocity
UPDATE vvault.category_stats SET videos = 3, viral = 1 WHERE region = 'SE';
INSERT INTO vvault.category_stats VALUES ('SE', 7, 0, 0, 0), ('XX', 1, 1, 1, 1);
SELECT results_eq('SELECT * FROM wrong', $$VALUES
	('category_stats | SE | 10 | videos 3 viral 1 score_sum 83333334 | videos 2 viral 0 score_sum 83333334'),
	('category_stats | SE | 7 | videos 0 viral 0 score_sum 0 | videos  viral  score_sum '),
	('category_stats | XX | 1 | videos 1 viral 1 score_sum 1 | videos  viral  score_sum ')$$, 'wrong counts are found');
SELECT is(vvault_rebuild(), 3::bigint, '... repaired');
SELECT is_empty('SELECT * FROM vvault_check()', '... and right');

UPDATE vvault.daily_videos SET virality_score = 99 WHERE region = 'SE' AND video_id = 'a';
DELETE FROM vvault.daily_videos WHERE region = 'SE' AND video_id = 'z';
UPDATE vvault.daily_stats SET viral = 2 WHERE region = 'SE';
SELECT is((SELECT string_agg(split_part(w.line, ' | ', 1) || ' ' || split_part(w.line, ' | ', 3), ', ' ORDER BY w.line) FROM wrong w),
	'daily_stats 2026-01-01 10, daily_videos 2026-01-01 a, daily_videos 2026-01-01 z', 'wrong days are found');
SELECT is(vvault_rebuild(), 3::bigint, '... repaired');
SELECT is_empty('SELECT * FROM vvault_check()', '... and right');

DELETE FROM vvault.feed_versions WHERE region = 'SE';
SELECT is((SELECT string_agg(line, ', ') FROM wrong), 'feed_versions | SE | SE | nothing | a version', 'a missing version is found');
DO $$ BEGIN PERFORM vvault_rebuild(); END $$;
SELECT is_empty('SELECT * FROM vvault_check()', '... and repaired');

-- what writes past the triggers
SET LOCAL session_replication_role = replica;
INSERT INTO vvault.videos (region, video_id, category_id, views) VALUES ('PL', 'past', 10, 5), ('XY', 'past', 1, 5);
DELETE FROM vvault.snapshots WHERE region = 'SE';
SET LOCAL session_replication_role = origin;
SELECT is((SELECT string_agg(DISTINCT split_part(w.line, ' | ', 1) COLLATE "C", ', ') FROM wrong w),
	(SELECT string_agg(t, ', ' ORDER BY t COLLATE "C") FROM (SELECT unnest('{feed_versions,videos}'::text[]) AS t
		UNION ALL SELECT c.relname::text FROM pg_class c
		WHERE c.relnamespace = 'vvault'::regnamespace AND obj_description(c.oid, 'pg_class') ~ 'Derived from') d),
	'writes past the triggers are found, in every derived table: those above touch what each is made of');
SELECT cmp_ok(vvault_rebuild(), '>', 5::bigint, '... repaired');
SELECT is_empty('SELECT * FROM vvault_check()', '... and right');
SELECT is(vvault_rebuild(), 0::bigint, '... with nothing left to repair');

--
-- vvault_prune; test/pgtap/refresh.sql has which videos it forgets
--

TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items;
SELECT vvault_set('forget_after', '0');
DO $$
BEGIN
	PERFORM pg_temp.ingest('PL', '2026-01-01 23:59:59.999999Z', 'a b c', 1000);
	PERFORM pg_temp.ingest('SE', '2026-01-01 06:00Z', 'a z', 1000);
	PERFORM pg_temp.ingest('PL', '2026-01-02 00:00Z', 'a b', 10000);
	PERFORM pg_temp.ingest('PL', '2026-01-02 18:00Z', 'b d', 2000);
	PERFORM pg_temp.ingest('PL', '2026-01-03 06:00Z', 'd e', 3000);
	PERFORM vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[{"id":"bad"}]}', '2026-01-02 18:00Z');
	PERFORM vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[{"id":"bad"}]}', '2026-01-03 18:00Z');
	PERFORM vvault_ingest('PL', '{"kind":"youtube#videoListResponse","items":[]}', '2026-01-02 07:00Z');
END
$$;
CREATE TEMP VIEW days AS
	SELECT string_agg(concat_ws(' ', d.region, d.day - date '2026-01-01' + 1, d.videos, d.viral, d.score_sum, CASE WHEN d.closed THEN 'closed' END), ', '
		ORDER BY d.region, d.day) AS line FROM vvault.daily_stats d;
CREATE TEMP VIEW held AS
	SELECT string_agg(concat_ws(' ', s.region, to_char(s.fetched_at AT TIME ZONE 'UTC', 'DD HH24'), s.video_id), ', '
		ORDER BY s.region, s.fetched_at, s.video_id) AS line FROM vvault.snapshots s;
CREATE TEMP TABLE videos_before AS SELECT v.* FROM vvault.videos v;
CREATE TEMP TABLE days_before AS SELECT d.region, d.day, d.category_id, d.videos, d.viral, d.score_sum FROM vvault.daily_stats d;
SELECT is(count(*)::int, 4, 'four days of two regions') FROM days_before;
SELECT is((SELECT line FROM held), 'PL 01 23 a, PL 01 23 b, PL 01 23 c, PL 02 00 a, PL 02 00 b, PL 02 18 b, PL 02 18 d, PL 03 06 d, PL 03 06 e, SE 01 06 a, SE 01 06 z',
	'... with their snapshots');

SELECT is(vvault_prune('0001-01-01 00:00Z'), 0::bigint, 'there is nothing before a time long gone');
SELECT is(vvault_prune('2026-01-01 23:59:59.999999Z'), 0::bigint, 'a day that has not ended is not pruned');
SELECT is((SELECT count(*)::int FROM vvault.daily_stats d WHERE d.closed), 0, '... nor closed');
SELECT isnt(pg_temp.all_changed(), 'none', 'a prune makes new versions');
SELECT is(vvault_prune('2026-01-02 12:00Z'), 3::bigint, 'the days before an instant');
SELECT is((SELECT line FROM held), 'PL 02 00 a, PL 02 00 b, PL 02 18 b, PL 02 18 d, PL 03 06 d, PL 03 06 e, SE 01 06 a, SE 01 06 z',
	'... lose their snapshots, a region''s latest chart none');
SELECT is((SELECT string_agg(concat(d.region, d.day - date '2026-01-01' + 1), ',') FROM vvault.daily_stats d WHERE d.closed), 'PL1', '... they are closed');
SELECT results_eq('SELECT d.region, d.day, d.category_id, d.videos, d.viral, d.score_sum FROM vvault.daily_stats d ORDER BY 1, 2, 3',
	'SELECT * FROM days_before ORDER BY 1, 2, 3', '... with their statistics as they were');
SELECT is_empty($$SELECT FROM vvault.daily_videos d WHERE (d.region, d.day) = ('PL', '2026-01-01')$$, '... and no rows of single videos');
SELECT set_eq('SELECT to_jsonb(v) FROM vvault.videos v', 'SELECT to_jsonb(v) FROM videos_before v', '... the videos stay as they were');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the open days are right');
SELECT is(vvault_prune('2026-01-02 12:00Z'), 0::bigint, 'the same again drops nothing');
SELECT is((SELECT count(*)::int FROM vvault.rejected_items r), 2, 'younger refused items stay');
SELECT is((SELECT string_agg(concat_ws(' ', i.region, to_char(i.fetched_at AT TIME ZONE 'UTC', 'DD HH24'), i.accepted), ', ' ORDER BY i.region, i.fetched_at) FROM vvault.ingests i),
	'PL 02 18 2, PL 02 18 0, PL 03 06 2, PL 03 18 0', 'the log keeps what is younger');

SELECT is(vvault_prune('2100-01-01 00:00Z'), 4::bigint, 'an instant in the future');
SELECT is((SELECT line FROM held), 'PL 03 06 d, PL 03 06 e, SE 01 06 a, SE 01 06 z', '... leaves each region''s latest chart');
SELECT is((SELECT count(*)::int FROM vvault.rejected_items r), 0, '... no refused item');
SELECT is((SELECT string_agg(r ->> 'fetched_at', ' ' ORDER BY r ->> 'region') FROM json_array_elements(vvault_regions() -> 'regions') r WHERE r ->> 'region' IN ('PL', 'SE')),
	'2026-01-03T06:00:00+00:00 2026-01-01T06:00:00+00:00', '... and it is known which that is');
SELECT results_eq('SELECT d.region, d.day, d.category_id, d.videos, d.viral, d.score_sum FROM vvault.daily_stats d ORDER BY 1, 2, 3',
	'SELECT * FROM days_before ORDER BY 1, 2, 3', '... and all statistics');
SELECT is_empty('SELECT * FROM vvault_check()', '... of which the open ones are right');
SELECT is(vvault_rebuild(), 0::bigint, 'a rebuild leaves closed days alone');
SELECT results_eq('SELECT d.region, d.day, d.category_id, d.videos, d.viral, d.score_sum FROM vvault.daily_stats d ORDER BY 1, 2, 3',
	'SELECT * FROM days_before ORDER BY 1, 2, 3', '... they are as they were');

-- 3000 views on the 3rd, 6 hours later 63000: 10000/h are full for PL, and so is the engagement
SELECT is((SELECT pg_temp.ingest('PL', '2026-01-03 12:00Z', 'd', 63000) ->> 'created'), '0', 'the next chart');
SELECT is((SELECT v.virality_score FROM vvault.videos v WHERE (v.region, v.video_id) = ('PL', 'd')), 100::float8, '... is measured against the latest before');
SELECT is(pg_temp.error_of($$INSERT INTO vvault.snapshots (region, video_id, fetched_at) VALUES ('PL', 'x', '2026-01-02 05:00Z')$$),
	'22023 day 2026-01-02 of region "PL" is closed', 'a closed day takes no snapshot, however it is written');
SELECT is(pg_temp.error_of($$UPDATE vvault.snapshots SET fetched_at = '2026-01-02 05:00Z' WHERE video_id = 'e'$$),
	'22023 day 2026-01-02 of region "PL" is closed', '... nor by an UPDATE');
SELECT lives_ok($$INSERT INTO vvault.snapshots (region, video_id, fetched_at) VALUES ('SE', 'x', '2026-01-02 05:00Z')$$, '... of its region alone');

-- A new threshold counts open days anew, closed ones keep theirs: all videos
-- have at least 41.67 now, and on the 2nd one had more than 85: a, with 9000
-- views since its last chart, for which half an hour counts.
SELECT lives_ok($$SELECT vvault_set('viral_threshold', '40')$$, 'a lower threshold');
SELECT is((SELECT string_agg(concat_ws(' ', d.region, d.day - date '2026-01-01' + 1, d.viral), ', ' ORDER BY d.region, d.day) FROM vvault.daily_stats d
	WHERE d.category_id = 10), 'PL 1 0, PL 2 1, PL 3 2, SE 1 2', '... counts the open days anew, not the closed');
SELECT is_empty('SELECT * FROM vvault_check()', '... and all is right');
SELECT is(pg_temp.error_of(format('SELECT vvault_prune(%L)', t)), '22023 ' || coalesce('invalid before: ' || t, 'before must not be null'),
	'a prune before ' || coalesce(t, 'NULL')) FROM unnest(ARRAY['infinity', '-infinity', NULL]) t;

--
-- vvault_block
--

TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.settings;
DELETE FROM vvault.daily_stats;
DO $$
BEGIN
	PERFORM pg_temp.ingest('PL', '2026-01-01 06:00Z', 'a b', 1000);
	PERFORM pg_temp.ingest('PL', '2026-01-02 06:00Z', 'b a c', 2000);
	PERFORM pg_temp.ingest('SE', '2026-01-02 06:00Z', 'a', 1000);
	PERFORM vvault_ingest('NO', '{"kind":"youtube#videoListResponse","items":[{"id":"a","x":"secret"},{"id":"b"}]}', '2026-01-02 06:00Z');
	PERFORM pg_temp.all_changed();
END
$$;
SELECT is(vvault_block('a', 'court order'), true, 'a video of two regions is taken down');
SELECT is(pg_temp.all_changed(), 'all', '... for every feed');
SELECT is((SELECT string_agg(v.region || v.video_id, ' ' ORDER BY v.region, v.video_id) FROM vvault.videos v), 'PLb PLc', '... it is in no region');
SELECT is_empty($$SELECT FROM vvault.snapshots s WHERE s.video_id = 'a'$$, '... has no history');
SELECT is_empty($$SELECT FROM vvault.video_regions r WHERE r.video_id = 'a'$$, '... is listed nowhere');
SELECT is_empty($$SELECT FROM vvault.daily_videos d WHERE d.video_id = 'a'$$, '... is counted in no open day');
SELECT is((SELECT string_agg(r.video_id, ',') FROM vvault.rejected_items r), 'b', '... and its refused items are gone');
SELECT is((SELECT b.reason FROM vvault.blocked_videos b WHERE b.video_id = 'a'), 'court order', '... for this reason');
SELECT is_empty('SELECT * FROM vvault_check()', '... with all counts right');
SELECT is(vvault_video('a')::text, NULL, '... nobody can see it');
SELECT is(vvault_block('a', 'another reason'), false, 'once more there is nothing to take down');
SELECT is((SELECT b.reason FROM vvault.blocked_videos b WHERE b.video_id = 'a'), 'another reason', '... but a new reason');
SELECT is(vvault_block('a', NULL), false, 'a reason may be NULL');
SELECT is((SELECT b.reason FROM vvault.blocked_videos b WHERE b.video_id = 'a'), '', '... which is an empty one');
SELECT is(vvault_block('never seen'), false, 'a video that no region has');
SELECT is((SELECT pg_temp.ingest('SE', '2026-01-03 06:00Z', 'a never-seen', 1) ->> 'blocked'), '1', 'a chart with a blocked video');
SELECT is((SELECT string_agg(v.video_id, ',') FROM vvault.videos v WHERE v.region = 'SE'), 'never-seen', '... does not bring it back');
SELECT is((SELECT (b.video_id, b.reason)::text FROM vvault.blocked_videos b WHERE b.video_id LIKE 'never%'), '("never seen","")', 'ids are exact');
DELETE FROM vvault.blocked_videos WHERE video_id = 'a';
SELECT is((SELECT pg_temp.ingest('SE', '2026-01-04 06:00Z', 'a', 5) ->> 'created'), '1', 'it comes in again once its row is deleted');
SELECT is(pg_temp.error_of(format('SELECT vvault_block(%L)', v)), '22023 no video to block', 'no video: ' || quote_nullable(v))
	FROM unnest(ARRAY[NULL, '']) v;
DO $$ BEGIN PERFORM vvault_prune('2026-01-04 00:00Z'); END $$;
SELECT is((SELECT sum(d.videos)::int FROM vvault.daily_stats d WHERE d.closed), 2, 'closed days: b in PL, never-seen in SE');
SELECT is(vvault_block('b'), true, 'a video of closed days');
SELECT is((SELECT sum(d.videos)::int FROM vvault.daily_stats d WHERE d.closed), 2, '... goes on being counted in them');
SELECT is_empty('SELECT * FROM vvault_check()', '... and the rest is right');

--
-- vvault_set
--

SELECT is((SELECT string_agg(s.name || ' ' || s.value, ', ' ORDER BY s.name) FROM vvault.effective_settings s
	WHERE s.name IN ('viral_threshold', 'default_sort', 'page_limit')), 'default_sort views, page_limit 200, viral_threshold 85', 'the shipped settings');
SELECT lives_ok(format('SELECT vvault_set(%L, %L)', n, v), n || ' = ' || v)
	FROM (VALUES ('viral_threshold', '0'), ('viral_threshold', '100'), ('viral_threshold', '99.999999999'), ('default_sort', 'newest'),
		('page_limit', '1'), ('page_limit', '1000')) AS s (n, v);
SELECT is((SELECT string_agg(s.name || ' ' || s.value, ', ' ORDER BY s.name) FROM vvault.settings s),
	'default_sort newest, page_limit 1000, viral_threshold 99.999999999', '... are in force');
DO $$ BEGIN PERFORM pg_temp.all_changed(); PERFORM vvault_set('page_limit', '7'); END $$;
SELECT is(pg_temp.all_changed(), 'all', 'a setting makes new versions');
SELECT is(pg_temp.error_of(format('SELECT vvault_set(%L, %L)', n, v)), format('22023 invalid setting "%s" = "%s"', coalesce(n, '<NULL>'), v),
	format('%s = %s is refused', coalesce(n, 'NULL'), quote_literal(v)))
	FROM (VALUES ('viral_threshold', '-1'), ('viral_threshold', '100.1'), ('viral_threshold', 'NaN'), ('viral_threshold', ''), ('viral_threshold', ' 85'),
		('viral_threshold', '1e1'), ('default_sort', 'rank'), ('default_sort', 'Views'), ('page_limit', '0'), ('page_limit', '1001'), ('page_limit', '1.5'),
		('page_limit', '99999999999999999999'), ('Viral_threshold', '1'), ('', '1'), (NULL, '1')) AS s (n, v);
SELECT is(pg_temp.error_of(format('SELECT vvault_set(%L, NULL)', n)), '22023 ' || coalesce('invalid setting "' || n || '"', 'name must not be null'), 'no setting: ' || coalesce(n, 'NULL'))
	FROM unnest(ARRAY['no_such', NULL]) n;
SELECT is((SELECT string_agg(s.name || ' ' || s.value, ', ' ORDER BY s.name) FROM vvault.settings s),
	'default_sort newest, page_limit 7, viral_threshold 99.999999999', 'none of these changed anything');
DO $$ BEGIN PERFORM vvault_set(s.name, NULL) FROM vvault.settings s; END $$;
SELECT is_empty('SELECT * FROM vvault.settings', 'NULL goes back to what is shipped');
SELECT is_empty('SELECT * FROM vvault_check()', '... and all counts are right');

-- a bad item of a blocked video leaves no text behind either
SELECT is(vvault_block('gone-for-good', 'asked to'), false, 'a video can be blocked before it comes');
SELECT is(vvault_ingest('PL', '{"kind": "youtube#videoListResponse", "items": [
	{"id": "gone-for-good", "snippet": {"title": "t"}, "statistics": {"viewCount": "-1"}}]}',
	now())::jsonb -> 'rejected', '[]', 'a bad item of a blocked video is passed over');
SELECT is(count(*), 0::bigint, 'and not kept') FROM vvault.rejected_items WHERE video_id = 'gone-for-good';

-- a dump's COPY has the rows of all regions in one statement
DO $$ BEGIN
	PERFORM pg_temp.ingest('AT', '2026-01-01 06:00Z', 'c1', 100), pg_temp.ingest('AT', '2026-01-03 06:00Z', 'c1', 100),
		pg_temp.ingest('NO', '2026-01-01 06:00Z', 'c1', 100);
	PERFORM vvault_prune('2026-01-03 00:00Z');
END $$;
SELECT is((SELECT string_agg(concat(d.region, d.day - date '2026-01-01' + 1), ',' ORDER BY d.region) FROM vvault.daily_stats d
	WHERE d.closed AND d.region IN ('AT', 'NO')), 'AT1', 'a day may be closed in one region and open in another');
SELECT is(pg_temp.error_of($$INSERT INTO vvault.snapshots (region, video_id, fetched_at)
	VALUES ('AT', 'c2', '2026-01-03 07:00Z'), ('NO', 'c2', '2026-01-01 07:00Z')$$), 'no error', '... and one statement may write both');
SELECT is(pg_temp.error_of($$INSERT INTO vvault.snapshots (region, video_id, fetched_at)
	VALUES ('NO', 'c3', '2026-01-03 07:00Z'), ('AT', 'c3', '2026-01-01 07:00Z')$$), '22023 day 2026-01-01 of region "AT" is closed', '... but not the closed one');

-- a shipped setting that is gone stands for nothing
SELECT is(pg_temp.error_of($$DO $do$ BEGIN DELETE FROM vvault.setting_defaults WHERE name = 'velocity_min_span';
	PERFORM pg_temp.ingest('AT', '2026-01-04 06:00Z', 'c1', 100); END $do$ $$), '55000 setting "velocity_min_span" of vvault is missing',
	'without a shipped setting a function says which one is missing');
SELECT is(pg_temp.error_of($$DO $do$ BEGIN DELETE FROM vvault.setting_defaults WHERE name = 'analytics_max_age';
	PERFORM vvault_analytics(); END $do$ $$), '55000 setting "analytics_max_age" of vvault is missing', '... be it C');

SELECT * FROM finish();
ROLLBACK;
