-- What is gone, not known, or not yet: refreshing known videos, forgetting old
-- ones, views that nobody told, premieres and streams that are to come.
BEGIN;
SELECT plan(57);
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'UTC';
TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.settings, vvault.regions, vvault.blocked_videos;
DELETE FROM vvault.daily_stats;
SELECT date_trunc('hour', now()) - interval '2 hours' AS t \gset

-- an item: id, views (NULL for no statistics), what liveBroadcastContent says, when it is scheduled
CREATE FUNCTION pg_temp.item(id text, views bigint, live text DEFAULT 'none', scheduled text DEFAULT NULL, title text DEFAULT NULL) RETURNS text
LANGUAGE sql RETURN json_strip_nulls(json_build_object('id', id, 'snippet', json_build_object('title', coalesce(title, 'about ' || id), 'categoryId', '10',
		'publishedAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'liveBroadcastContent', live),
	'liveStreamingDetails', CASE WHEN scheduled IS NOT NULL THEN json_build_object('scheduledStartTime', scheduled) END,
	'statistics', CASE WHEN views IS NOT NULL THEN json_build_object('viewCount', views, 'likeCount', views / 10) END))::text;
CREATE FUNCTION pg_temp.response(VARIADIC items text[]) RETURNS json
LANGUAGE sql RETURN ('{"kind":"youtube#videoListResponse","items":[' || array_to_string(items, ',') || ']}')::json;
CREATE FUNCTION pg_temp.feed(sort text) RETURNS text
LANGUAGE sql AS $$ SELECT coalesce(string_agg(v ->> 'video_id', ' '), '-') FROM json_array_elements(vvault_trending('PL', 50, sort) -> 'videos') v $$;

--
-- Views that are not known
--

SELECT vvault_ingest('PL', pg_temp.response(pg_temp.item('none', NULL), pg_temp.item('few', 10), pg_temp.item('zero', 0), pg_temp.item('many', 1000)), :'t'::timestamptz - interval '1 day');
SELECT is(pg_temp.feed('views'), 'many few zero none', 'unknown views come last');
SELECT is((SELECT v ->> 'views' FROM json_array_elements(vvault_trending('PL') -> 'videos') v WHERE v ->> 'video_id' = 'none'), NULL, '... and are null in a feed');
SELECT is(vvault_video('none') -> 'regions' -> 0 ->> 'views', NULL, '... in a video');
SELECT is(vvault_video('none') -> 'history' -> 0 ->> 'views', NULL, '... and in its history');
SELECT is((SELECT string_agg(v ->> 'video_id', ' ') FROM (SELECT vvault_trending('PL', 3, 'views') AS page) p,
	LATERAL (SELECT v FROM json_array_elements(vvault_trending('PL', 3, 'views', page ->> 'next_cursor') -> 'videos') v) x), 'none', 'a cursor goes on to them');
SELECT is(vvault_search('none') -> 'videos' -> 0 ->> 'views', NULL, 'a search finds them');
INSERT INTO vvault.videos (region, video_id, title) VALUES ('PL', 'own', 'mine');
SELECT is((SELECT v.views FROM vvault.videos v WHERE v.video_id = 'own'), NULL, 'what a plain INSERT does not tell is not known');
SELECT lives_ok('SELECT vvault_dashboard()', 'the dashboard is made');
SELECT is_empty('SELECT * FROM vvault_check()', 'all is right');

--
-- Premieres and streams
--

SELECT vvault_ingest('PL', pg_temp.response(pg_temp.item('many', 5000), pg_temp.item('coming', 90000, 'upcoming', '2026-01-01T20:00:00Z'), pg_temp.item('now', 100, 'live', '2026-01-01T18:00:00.5Z'), pg_temp.item('few', 20)), :'t');
SELECT is((SELECT string_agg(concat_ws(' ', v ->> 'video_id', v ->> 'live', v ->> 'scheduled_at'), ', ' ORDER BY v ->> 'video_id') FROM json_array_elements(vvault_trending('PL', 50, 'views') -> 'videos') v
	WHERE v ->> 'live' IS NOT NULL), 'coming upcoming 2026-01-01T20:00:00+00:00, now live 2026-01-01T18:00:00.5+00:00', 'feeds say what is live and what is to come');
SELECT is(vvault_video('coming') ->> 'live', 'upcoming', '... and so does a video');
SELECT is(s || ': ' || (' ' || pg_temp.feed(s) || ' ' LIKE '% coming %'), s || ': false', 'what is to come is not among the ' || s) FROM unnest('{newest,trending,momentum,hot}'::text[]) s;
SELECT is(s || ': ' || (' ' || pg_temp.feed(s) || ' ' LIKE '% coming %'), s || ': true', 'it is by ' || s) FROM unnest('{views,virality,engagement}'::text[]) s;
SELECT ok(' ' || pg_temp.feed(s) || ' ' LIKE '% now %', 'what is live is among the ' || s) FROM unnest('{newest,trending,momentum,hot}'::text[]) s;
SELECT unalike(convert_from(vvault_dashboard()::bytea, 'UTF8'), '%v=coming"%', 'the dashboard does not show it either');
SELECT is((SELECT p ->> 'points' FROM json_array_elements(vvault_trending_explain('coming', 'PL') -> 'parts') p WHERE p ->> 'part' = 'recency'), '0', 'it is not recent yet');
SELECT vvault_ingest('PL', pg_temp.response(pg_temp.item('many', 5000), pg_temp.item('coming', 95000, 'live'), pg_temp.item('now', 100), pg_temp.item('few', 20)), :'t'::timestamptz + interval '10 minutes');
SELECT ok(' ' || pg_temp.feed('newest') || ' ' LIKE '% coming %', 'once it began it is new');
SELECT is((SELECT string_agg(v.video_id || ' ' || coalesce(v.live, '-'), ', ' ORDER BY v.video_id) FROM vvault.videos v WHERE v.video_id IN ('coming', 'now')), 'coming live, now -', '... and what is over is no broadcast');
SELECT is(vvault_ingest('PL', pg_temp.response(pg_temp.item('odd', 1, 'completed', 'tomorrow')), :'t'::timestamptz - interval '2 days') ->> 'accepted', '1', 'states and times that nobody knows refuse no item');
SELECT is_empty($$SELECT FROM vvault.videos v WHERE v.video_id = 'odd' AND (v.live IS NOT NULL OR v.scheduled_at IS NOT NULL)$$, '... and are not kept');

--
-- Refreshing
--

CREATE TEMP TABLE snapshots_before AS SELECT * FROM vvault.snapshots;
CREATE TEMP TABLE days_before AS SELECT * FROM vvault.daily_stats;
SELECT vvault_ingest('SE', pg_temp.response(pg_temp.item('many', 4000), pg_temp.item('swede', 10)), :'t'::timestamptz - interval '3 days');
TRUNCATE snapshots_before, days_before;
INSERT INTO snapshots_before SELECT * FROM vvault.snapshots;
INSERT INTO days_before SELECT * FROM vvault.daily_stats;
SELECT is((SELECT string_agg(l, ' ') FROM vvault_refresh_list(3) l), 'swede odd none', 'what was not seen for longest is asked for first');
SELECT is((SELECT string_agg(l, ' ') FROM vvault_refresh_list(older_than => '0 seconds') l), 'swede odd none zero coming few many now', 'each video once, what its owner wrote never');
SELECT is((vvault_refresh(pg_temp.response(pg_temp.item('swede', 70, title => 'new title'), pg_temp.item('many', 9000), pg_temp.item('unheard', 1), '{"id": "odd"}'),
	'{swede,many,odd,none,never}', :'t'::timestamptz + interval '1 hour'))::jsonb - 'fetched_at',
	'{"refreshed": 2, "gone": ["none"], "rejected": [{"index": 3, "video_id": "odd", "reason": "it has no title"}]}', 'a refresh tells what it found and what not');
SELECT is((SELECT string_agg(concat_ws(' ', v.region, v.views, v.title), ', ' ORDER BY v.region) FROM vvault.videos v WHERE v.video_id = 'many'), 'PL 9000 about many, SE 9000 about many', 'figures are new in every region');
SELECT is((SELECT v.title FROM vvault.videos v WHERE v.video_id = 'swede'), 'new title', '... and texts');
SELECT is_empty($$SELECT FROM vvault.videos v WHERE v.video_id = 'unheard'$$, 'what is not known is not taken in');
SELECT results_eq('SELECT * FROM vvault.snapshots ORDER BY 1, 2, 3', 'SELECT * FROM snapshots_before ORDER BY 1, 2, 3', 'it is no chart: history stays');
SELECT results_eq('SELECT * FROM vvault.daily_stats ORDER BY 1, 2, 3', 'SELECT * FROM days_before ORDER BY 1, 2, 3', '... and so do statistics');
SELECT unalike(' ' || pg_temp.feed('views') || ' ', '% none %', 'what is gone leaves the feeds');
SELECT is(vvault_search('none') ->> 'total', '0', '... and searches');
SELECT isnt(vvault_video('none') ->> 'gone_at', NULL, 'its own page says so');
SELECT is_empty('SELECT * FROM vvault_check()', 'all is right');
SELECT is(vvault_rebuild(), 0::bigint, '... and nothing is taken back by a rebuild');
SELECT is(vvault_refresh(pg_temp.response(pg_temp.item('many', 1)), '{many,few}', :'t'::timestamptz - interval '5 hours') ->> 'refreshed', '0', 'an older one changes nothing');
SELECT is((SELECT v.gone_at FROM vvault.videos v WHERE v.video_id = 'few'), NULL, '... nor is what came since marked');
SELECT is(vvault_refresh(pg_temp.response(VARIADIC '{}'::text[]), NULL, :'t'::timestamptz + interval '90 minutes') ->> 'gone', '[]', 'nothing is marked that was not asked for');
SELECT is(vvault_refresh(pg_temp.response(pg_temp.item('none', 5)), '{none}', :'t'::timestamptz + interval '2 hours') ->> 'refreshed', '1', 'what comes back is back');
SELECT alike(' ' || pg_temp.feed('views') || ' ', '% none %', '... in the feeds');
SELECT vvault_refresh(pg_temp.response(VARIADIC '{}'::text[]), '{many}', :'t'::timestamptz + interval '2 hours');
SELECT vvault_ingest('PL', pg_temp.response(pg_temp.item('many', 9900), pg_temp.item('few', 30)), now() + interval '1 second');
SELECT is((SELECT string_agg(v.region || ' ' || coalesce(v.gone_at::text, 'there'), ', ' ORDER BY v.region) FROM vvault.videos v WHERE v.video_id = 'many' AND v.region = 'PL'), 'PL there', 'a later chart brings it back, too');
SELECT throws_ok($$SELECT vvault_refresh(NULL)$$, '22023', 'no response to ingest', 'no response');
SELECT throws_ok($$SELECT vvault_refresh('{}')$$, '22023', NULL, 'none at all');
SELECT throws_ok(format($$SELECT vvault_refresh(pg_temp.response(VARIADIC '{}'::text[]), NULL, %L)$$, now() + interval '1 day'), '22023', NULL, 'one that is ahead of the clock');
SELECT throws_ok($$SELECT vvault_refresh(pg_temp.response(VARIADIC '{}'::text[]), '{a,NULL}')$$, '22023', NULL, 'an id that is NULL');
SELECT throws_ok(format('SELECT * FROM vvault_refresh_list(%s)', a), '22023', NULL, 'refresh_list of ' || a) FROM unnest(ARRAY['0', 'NULL']) a;

--
-- Forgetting
--

SELECT lives_ok($$SELECT vvault_set('forget_after', '0'); SELECT vvault_prune('0001-01-01 00:00Z')$$, 'nothing is forgotten where it is never to be');
UPDATE vvault.videos SET fetched_at = now() - interval '31 days', snapshot_at = now() - interval '31 days' WHERE video_id IN ('odd', 'few') AND snapshot_at IS NOT NULL;
UPDATE vvault.videos SET fetched_at = now() - interval '31 days' WHERE video_id = 'own';
UPDATE vvault.videos SET fetched_at = now() - interval '29 days', snapshot_at = now() - interval '29 days' WHERE video_id = 'zero';
SELECT vvault_set('forget_after', NULL);
SELECT vvault_prune('0001-01-01 00:00Z');
SELECT is((SELECT string_agg(v.video_id, ' ' ORDER BY v.video_id) FROM vvault.videos v WHERE v.video_id IN ('odd', 'few', 'own', 'zero')), 'few own zero',
	'a prune drops what nothing has shown for 30 days, but nothing that is charted or its owner''s');

SELECT function_privs_are(f, a::text[], 'public', '{}'::text[], f || ' is nobody''s by default') FROM (VALUES ('vvault_refresh'::name, '{json,text[],timestamptz}'), ('vvault_refresh_list', '{integer,interval}')) x (f, a);

SELECT * FROM finish();
ROLLBACK;
