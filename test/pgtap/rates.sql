-- A rate needs a base of time: how velocity, virality, trending and momentum
-- hold where charts come close together, at another pace, late or in disorder.
BEGIN;
SELECT plan(38);
SET LOCAL client_min_messages = warning;

CREATE FUNCTION pg_temp.forget() RETURNS void
LANGUAGE sql AS $$
	TRUNCATE vvault.videos, vvault.snapshots, vvault.ingests, vvault.rejected_items, vvault.blocked_videos;
	DELETE FROM vvault.daily_stats;
$$;
SELECT pg_temp.forget();

-- A chart of these videos with these views in the order given.
CREATE FUNCTION pg_temp.chart(ids text[], views bigint[]) RETURNS json
LANGUAGE sql RETURN (SELECT json_build_object('kind', 'youtube#videoListResponse',
	'pageInfo', json_build_object('totalResults', cardinality(ids)), 'items',
	json_agg(json_build_object('id', u.id, 'snippet', json_build_object('title', u.id, 'categoryId', (ARRAY[10, 17, 24])[1 + ascii(right(u.id, 1)) % 3]::text),
		'statistics', json_strip_nulls(json_build_object('viewCount', u.views::text, 'likeCount', (u.views / 30)::text,
			'commentCount', (u.views / 300)::text))) ORDER BY u.n))
	FROM unnest(ids, views) WITH ORDINALITY AS u (id, views, n));
CREATE FUNCTION pg_temp.ingest(at timestamptz, id text, views bigint) RETURNS void
LANGUAGE sql AS 'SELECT vvault_ingest(''PL'', pg_temp.chart(ARRAY[id], ARRAY[views]), at)';
CREATE FUNCTION pg_temp.velocity(at timestamptz, video text) RETURNS numeric
LANGUAGE sql AS $$SELECT round(s.velocity::numeric, 3) FROM vvault.snapshots s
	WHERE s.region = 'PL' AND s.video_id = video AND s.fetched_at = at$$;

--
-- By hand
--

SELECT is((SELECT s.shipped FROM vvault.effective_settings s WHERE s.name = 'velocity_min_span'), '1800',
	'a rate is measured over half an hour at least');
SELECT throws_ok($$SELECT vvault_set('velocity_min_span', '86401')$$, '22023', NULL, 'a day is the most');

-- 24,000 views in a day are 1000 an hour; the same figures 20 seconds later
SELECT pg_temp.ingest('2026-01-01 06:00Z', 'repeated', 1000), pg_temp.ingest('2026-01-02 06:00Z', 'repeated', 25000);
SELECT is(pg_temp.velocity('2026-01-02 06:00Z', 'repeated'), 1000.000, 'a day''s rate');
CREATE TEMP TABLE before AS SELECT v.* FROM vvault.videos v;
SELECT pg_temp.ingest('2026-01-02 06:00:20Z', 'repeated', 25000);
SELECT is(pg_temp.velocity('2026-01-02 06:00:20Z', 'repeated'), round(24000 * 3600 / 86420.0, 3),
	'a repeat 20 seconds later is measured against the chart of the day before');
SELECT ok(abs(v.virality_score - b.virality_score) < 0.05 AND abs(v.trending_base - b.trending_base) < 0.05
		AND abs(v.momentum_score - b.momentum_score) < 0.05 AND v.fetched_at > b.fetched_at,
	format('... and leaves the scores alone: virality %s and %s, trending %s and %s, momentum %s and %s',
		b.virality_score, v.virality_score, b.trending_base, v.trending_base, b.momentum_score, v.momentum_score))
FROM vvault.videos v JOIN before b USING (region, video_id);

-- 300 views in 5 seconds are not 216,000 an hour: half an hour is the least
SELECT pg_temp.ingest('2026-01-03 06:00Z', 'young', 1000), pg_temp.ingest('2026-01-03 06:00:05Z', 'young', 1300);
SELECT is(pg_temp.velocity('2026-01-03 06:00:05Z', 'young'), 600.000,
	'with nothing older a near observation counts as half an hour old');
SELECT pg_temp.ingest('2026-01-03 06:20Z', 'young', 1700);
SELECT is(pg_temp.velocity('2026-01-03 06:20Z', 'young'), 1400.000, '... of several the oldest');
-- 06:00 is old enough, 06:00:05 is not
SELECT pg_temp.ingest('2026-01-03 06:30Z', 'young', 2000);
SELECT is(pg_temp.velocity('2026-01-03 06:30Z', 'young'), 2000.000, 'an observation half an hour old is a base');
SELECT pg_temp.ingest('2026-01-03 07:00Z', 'young', 2300);
SELECT is(pg_temp.velocity('2026-01-03 07:00Z', 'young'), 600.000, '... of several the newest');
SELECT pg_temp.ingest('2026-01-03 07:10Z', 'young', NULL), pg_temp.ingest('2026-01-03 07:40Z', 'young', 3300);
-- 1000 views since 07:00, 40 minutes before: 07:10 knows none
SELECT is(pg_temp.velocity('2026-01-03 07:40Z', 'young'), 1500.000, '... that has views');

SELECT vvault_set('velocity_min_span', '0');
SELECT pg_temp.ingest('2026-01-03 07:40:05Z', 'young', 3600);
SELECT is(pg_temp.velocity('2026-01-03 07:40:05Z', 'young'), 216000.000,
	'the setting: without a least span the last observation is the base');
SELECT vvault_set('velocity_min_span', '7200');
SELECT pg_temp.ingest('2026-01-03 08:00Z', 'young', 4000);
SELECT is(pg_temp.velocity('2026-01-03 08:00Z', 'young'), 1500.000, '... with two hours one two hours old');
SELECT vvault_set('velocity_min_span', NULL);

--
-- Momentum looks at a day, however often one looks: a video is a newcomer for
-- a day, then its growth is that of a day
--

SELECT pg_temp.forget();
SELECT pg_temp.ingest(timestamptz '2026-01-04 06:00Z' + h * interval '1 hour', 'hourly', 10000 + 1000 * h)
FROM generate_series(0, 30) h;
SELECT is_empty($$SELECT s.fetched_at, s.momentum_score FROM vvault.snapshots s
	WHERE s.momentum_score IS DISTINCT FROM vvault_momentum_score(s.views,
		CASE WHEN s.fetched_at >= '2026-01-05 06:00Z' THEN s.views - 24000 END, interval '24 hours',
		1, 1, s.likes, category_id => s.category_id)$$, 'momentum of a video that is looked at every hour');

--
-- In any order, with near, far, repeated and unknown observations: the scores
-- are those of the naive rule, and what came late rewrites nothing else
--

-- The base of each observation: the newest old enough, else the oldest.
CREATE FUNCTION pg_temp.bases(span interval) RETURNS TABLE (video_id text, fetched_at timestamptz, base timestamptz)
LANGUAGE sql AS $$
	SELECT s.video_id, s.fetched_at, coalesce(max(p.fetched_at) FILTER (WHERE p.fetched_at <= s.fetched_at - span),
		min(p.fetched_at))
	FROM vvault.snapshots s LEFT JOIN vvault.snapshots p
		ON p.video_id = s.video_id AND p.fetched_at < s.fetched_at AND p.views IS NOT NULL
	GROUP BY s.video_id, s.fetched_at
$$;
-- What differs from it.
CREATE FUNCTION pg_temp.wrong() RETURNS TABLE (video_id text, fetched_at timestamptz, velocity double precision,
	expected_velocity double precision, momentum double precision, expected_momentum double precision)
LANGUAGE sql AS $$
	SELECT * FROM (
		SELECT s.video_id, s.fetched_at, s.velocity,
			coalesce(vvault_view_velocity(s.views, v.views, greatest(s.fetched_at - v.fetched_at, interval '30 minutes')), 0) AS expected_velocity,
			s.momentum_score,
			coalesce(vvault_momentum_score(s.views, CASE WHEN f.first <= s.fetched_at - interval '23.5 hours' THEN d.views END,
				s.fetched_at - d.fetched_at, s.rank, s.chart_length, s.likes, category_id => s.category_id), 0) AS expected_momentum
		FROM vvault.snapshots s
			JOIN (SELECT n.video_id, min(n.fetched_at) AS first FROM vvault.snapshots n GROUP BY n.video_id) f
				ON f.video_id = s.video_id
			JOIN pg_temp.bases('30 minutes') vb ON vb.video_id = s.video_id AND vb.fetched_at = s.fetched_at
			LEFT JOIN vvault.snapshots v ON v.video_id = s.video_id AND v.fetched_at = vb.base
			JOIN pg_temp.bases('23.5 hours') db ON db.video_id = s.video_id AND db.fetched_at = s.fetched_at
			LEFT JOIN vvault.snapshots d ON d.video_id = s.video_id AND d.fetched_at = db.base) c
	WHERE c.velocity <> c.expected_velocity OR c.momentum_score <> c.expected_momentum
$$;
SELECT pg_temp.forget();
SELECT setseed(0.31);
CREATE TEMP TABLE history AS
SELECT c.at, array_agg(v ORDER BY c.at, v) AS ids,
	array_agg(CASE WHEN random() > 0.15 THEN (1000 * c.hours ^ 1.5)::bigint END ORDER BY c.at, v) AS views,
	random() AS place
FROM (SELECT '2026-02-01 06:00Z'::timestamptz + h * interval '1 hour' AS at, h AS hours
		FROM (SELECT random() * 75 AS h FROM generate_series(1, 60)) a
		UNION ALL SELECT '2026-02-01 06:00Z'::timestamptz + d * interval '24 hours' + s * interval '20 seconds', d * 24
		FROM generate_series(0, 3) d, generate_series(0, 1) s) c,
	unnest('{a,b,c,d}'::text[]) v
WHERE random() < 0.7 GROUP BY c.at;
-- Takes it in in an order; says how many rows a chart rewrote needlessly.
CREATE FUNCTION pg_temp.take(by_place boolean) RETURNS TABLE (charts integer, scored_anew integer, needless integer)
LANGUAGE plpgsql AS $$
DECLARE
	h history;
	n integer;
BEGIN
	charts := 0; scored_anew := 0; needless := 0;
	FOR h IN SELECT t.* FROM history t ORDER BY CASE WHEN by_place THEN t.place END, t.at LOOP
		DROP TABLE IF EXISTS earlier;
		CREATE TEMP TABLE earlier AS SELECT s.*, s.ctid AS row FROM vvault.snapshots s;
		PERFORM vvault_ingest('PL', pg_temp.chart(h.ids, h.views), h.at);
		charts := charts + 1;
		SELECT count(*), count(*) FILTER (WHERE (s.velocity, s.virality_score, s.momentum_score)
			= (e.velocity, e.virality_score, e.momentum_score))
		INTO n, needless
		FROM vvault.snapshots s JOIN earlier e USING (region, video_id, fetched_at) WHERE s.ctid <> e.row;
		scored_anew := scored_anew + n;
		EXIT WHEN needless > 0;
	END LOOP;
	RETURN NEXT;
END
$$;
SELECT results_eq('SELECT charts, scored_anew, needless FROM pg_temp.take(false)',
	'SELECT count(*)::int, 0, 0 FROM history', 'in order nothing is scored anew');
SELECT is_empty('SELECT * FROM pg_temp.wrong()', '... and every score has the base it should');
CREATE TEMP TABLE in_order AS SELECT s.* FROM vvault.snapshots s;
CREATE TEMP TABLE in_order_videos AS SELECT v.* FROM vvault.videos v;
SELECT pg_temp.forget();
SELECT ok(t.charts = (SELECT count(*) FROM history) AND t.scored_anew > t.charts AND t.needless = 0,
	format('shuffled: %s charts scored %s others anew, none needlessly', t.charts, t.scored_anew)) FROM pg_temp.take(true) t;
SELECT is_empty('SELECT * FROM pg_temp.wrong()', '... and every score has the base it should');
SELECT set_eq('SELECT * FROM vvault.snapshots', 'SELECT * FROM in_order', '... so the history is the same');
SELECT set_eq('SELECT v.video_id, v.fetched_at, v.velocity, v.virality_score, v.momentum_score, v.trending_base FROM vvault.videos v',
	'SELECT v.video_id, v.fetched_at, v.velocity, v.virality_score, v.momentum_score, v.trending_base FROM in_order_videos v',
	'... and so are the videos');
SELECT is_empty('SELECT * FROM vvault_check()', '... and all that is derived');

-- The aggregate gives what is stored, whatever the order of its rows.
SELECT is_empty($$SELECT s.video_id, s.fetched_at, s.virality_score, a.score
	FROM generate_series(1, 3) k, vvault.snapshots s JOIN vvault.effective_regions r USING (region), LATERAL (
		SELECT vvault_virality(o.fetched_at, o.views, o.likes, o.comments, r.velocity_baseline, r.engagement_baseline
			ORDER BY hashtext(o.fetched_at::text || k)) AS score
		FROM vvault.snapshots o WHERE o.video_id = s.video_id AND o.fetched_at <= s.fetched_at) a
	WHERE s.views IS NOT NULL AND s.virality_score <> a.score$$, 'vvault_virality measures like ingest');

--
-- One history at five paces: 30 videos of a lively chart, half of whose places
-- go to others each day
--

CREATE FUNCTION pg_temp.chart_at(hours double precision) RETURNS json
LANGUAGE sql AS $$
	SELECT pg_temp.chart(array_agg('v' || c.n ORDER BY c.place), array_agg(c.views ORDER BY c.place))
	FROM (SELECT n, row_number() OVER (ORDER BY a.age / (20 + n * 7 % 31)) AS place,
			-- the rate halves in three days
			(1000 + n * 37 % 1000 * 500 * (1 - 0.5 ^ (a.age / 72)))::bigint AS views
		FROM generate_series(1, 240) n, LATERAL (SELECT hours + 96.3 - n * 1.27 AS age) a
		WHERE a.age > 0 ORDER BY place LIMIT 30) c
$$;
CREATE TEMP TABLE paced (pace text, LIKE vvault.snapshots);
CREATE TEMP TABLE paced_videos (pace text, hour integer, video_id text, trending_base double precision);
CREATE FUNCTION pg_temp.at_pace(pace text, step interval, repeats integer DEFAULT 0) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	start constant timestamptz := '2026-03-01 06:00Z';
	at timestamptz;
BEGIN
	PERFORM pg_temp.forget();
	FOR at IN SELECT a + r * interval '20 seconds'
		FROM generate_series(start, start + interval '48 hours', step) a, generate_series(0, repeats) r ORDER BY 1
	LOOP
		PERFORM vvault_ingest('SE', pg_temp.chart_at(extract(epoch FROM at - start)::double precision / 3600), at);
		INSERT INTO paced_videos SELECT at_pace.pace, extract(epoch FROM at - start)::integer / 3600, v.video_id, v.trending_base
		FROM vvault.videos v WHERE v.charted AND at IN (start + interval '24 hours', start + interval '48 hours');
	END LOOP;
	INSERT INTO paced SELECT at_pace.pace, s.* FROM vvault.snapshots s
	WHERE s.fetched_at IN (start + interval '24 hours', start + interval '48 hours');
END
$$;
SELECT pg_temp.at_pace('daily', '24 hours'), pg_temp.at_pace('six hours', '6 hours'), pg_temp.at_pace('hourly', '1 hour'),
	pg_temp.at_pace('repeats', '1 hour', 1), pg_temp.at_pace('ten minutes', '10 minutes');
SELECT is(count(*), 300::bigint, 'five times two charts of 30') FROM paced;
-- Views that gain at a rate which halves in three days: the average of the last
-- day is 1.125 times the rate of now.
SELECT ok(max(abs(p.velocity / d.velocity - 1)) < 0.13, format('velocity, %s beside daily: at most %s %% apart', p.pace,
	round(100 * max(abs(p.velocity / d.velocity - 1))::numeric, 1)))
FROM paced p JOIN paced d USING (video_id, fetched_at) WHERE d.pace = 'daily' AND p.pace <> 'daily' AND d.velocity > 0
GROUP BY p.pace ORDER BY p.pace;
SELECT ok(max(abs(p.virality_score - d.virality_score)) < 8 AND max(abs(pv.trending_base - dv.trending_base)) < 5,
	format('%s beside daily: virality at most %s, trending %s points apart', p.pace,
		round(max(abs(p.virality_score - d.virality_score))::numeric, 1),
		round(max(abs(pv.trending_base - dv.trending_base))::numeric, 1)))
FROM paced p JOIN paced d USING (video_id, fetched_at)
	JOIN paced_videos pv ON pv.pace = p.pace AND pv.video_id = p.video_id
		AND pv.hour = extract(epoch FROM p.fetched_at - '2026-03-01 06:00Z') / 3600
	JOIN paced_videos dv ON dv.pace = d.pace AND dv.video_id = p.video_id AND dv.hour = pv.hour
WHERE d.pace = 'daily' AND p.pace <> 'daily' AND d.velocity > 0 GROUP BY p.pace ORDER BY p.pace;
-- Spearman's: the ranking by momentum means the same at every pace. Who comes
-- right after a daily chart is a day old at the second next one.
SELECT ok(corr(o.here, o.daily) > 0.95, format('momentum, %s beside daily, %s: rank correlation %s', o.pace,
	o.fetched_at AT TIME ZONE 'UTC', round(corr(o.here, o.daily)::numeric, 3)))
FROM (SELECT p.pace, p.fetched_at, rank() OVER (PARTITION BY p.pace, p.fetched_at ORDER BY p.momentum_score) AS here,
		rank() OVER (PARTITION BY p.pace, p.fetched_at ORDER BY d.momentum_score) AS daily
	FROM paced p JOIN paced d USING (video_id, fetched_at) WHERE d.pace = 'daily' AND p.pace <> 'daily') o
GROUP BY o.pace, o.fetched_at ORDER BY o.pace, o.fetched_at;

SELECT * FROM finish();
ROLLBACK;
