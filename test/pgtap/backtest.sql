-- vvault_backtest by hand, and on the real charts where they are at hand;
-- vvault_derive_baselines on regions of different size.
BEGIN;
SELECT plan(33);
TRUNCATE vvault.videos, vvault.snapshots;

-- Four charts of Poland. Day 1 has no past and is not judged, nor has day 3 a
-- chart on the next day; so day 2 is, and only it.
--	        day 2: views	rank	day 3: views
--	v1		100		1		200		twice as many
--	v2		400		2		440
--	v3		300		3		gone
--	v4		200		4		gone
--	v5		500		5		600		new on day 2
INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank, chart_length, views, likes, comments, momentum_score)
VALUES ('PL', 'v1', '2026-01-01 06:00Z', 1, 5, 90, 1, 1, 0), ('PL', 'v2', '2026-01-01 06:00Z', 2, 5, 100, 1, 1, 0),
	('PL', 'v3', '2026-01-01 06:00Z', 3, 5, 290, 1, 1, 0), ('PL', 'v4', '2026-01-01 06:00Z', 4, 5, 100, 1, 1, 0),
	('PL', 'v1', '2026-01-02 06:00Z', 1, 5, 100, 1, 1, 50), ('PL', 'v2', '2026-01-02 06:00Z', 2, 5, 400, 40, 1, 50),
	('PL', 'v3', '2026-01-02 06:00Z', 3, 5, 300, 60, 1, 50), ('PL', 'v4', '2026-01-02 06:00Z', 4, 5, 200, 1, 1, 40),
	('PL', 'v5', '2026-01-02 06:00Z', 5, 5, 500, 1, 1, 30),
	('PL', 'v1', '2026-01-03 06:00Z', 1, 5, 200, 1, 1, 0), ('PL', 'v2', '2026-01-03 06:00Z', 2, 5, 440, 1, 1, 0),
	('PL', 'v5', '2026-01-03 06:00Z', 3, 5, 600, 1, 1, 0),
	('PL', 'v9', '2026-01-05 06:00Z', 1, 5, 200, 1, 1, 0), ('PL', 'v8', '2026-01-05 06:00Z', 2, 5, 440, 1, 1, 0),
	-- half of day 2's last chart: a later fetch counts only if it is whole
	('PL', 'v4', '2026-01-02 05:00Z', 4, 5, 199, 1, 1, 99);

CREATE FUNCTION pg_temp.whole(sort text, target text) RETURNS text
LANGUAGE sql AS $$
	SELECT format('%s judged, %s true, auc %s, precision %s', videos, positives, round(auc::numeric, 4),
		round(precision_at_25::numeric, 4))
	FROM vvault_backtest(sort, target, 'PL') WHERE day IS NULL
$$;
-- positives v1 (100), v2 (400), v5 (500) against v3 (300), v4 (200): v2 and v5
-- beat both, v1 none: 4 of 6; of the first 25 all five are looked at, 3 are true
SELECT is(pg_temp.whole('views', 'survival'), '5 judged, 3 true, auc 0.6667, precision 0.6000', 'survival by views');
-- by rank v1 and v2 beat both, v5 none
SELECT is(pg_temp.whole('rank', 'survival'), '5 judged, 3 true, auc 0.6667, precision 0.6000', 'survival by rank');
-- momentum 50 50 50 40 30: v1 and v2 tie with v3 (half) and beat v4; v5 beats none: 3 of 6
SELECT is(pg_temp.whole('momentum', 'survival'), '5 judged, 3 true, auc 0.5000, precision 0.6000', 'ties count half');
-- the fifth of three survivors is one: v1, which doubled; by views it is the last
SELECT is(pg_temp.whole('views', 'growth'), '3 judged, 1 true, auc 0.0000, precision 0.3333', 'growth by views');
SELECT is(pg_temp.whole('rank', 'growth'), '3 judged, 1 true, auc 1.0000, precision 0.3333', 'growth by rank');
-- gained since day 1: v1 10, v2 300, v5 500
SELECT is(pg_temp.whole('peertube_trending', 'growth'), '3 judged, 1 true, auc 0.0000, precision 0.3333',
	'growth by views gained');
-- likes a hundred views: v1 1, v2 10, v5 0.2
SELECT is(pg_temp.whole('engagement', 'growth'), '3 judged, 1 true, auc 0.5000, precision 0.3333',
	'growth by engagement');
SELECT is(array_agg(day ORDER BY day), array[date '2026-01-02'], 'only a day with a past and a future is judged')
FROM vvault_backtest('views', 'survival', 'PL') WHERE day IS NOT NULL;
SELECT is(count(*), 0::bigint, 'from_day and to_day bound the days')
FROM vvault_backtest('views', 'survival', 'PL', '2026-01-03', '2026-01-31');
SELECT is((SELECT string_agg(format('%s by %s', target, sort), ', ')
		FROM (SELECT unnest(d.choices) AS sort FROM vvault.setting_defaults d WHERE d.name = 'default_sort'
			UNION ALL SELECT unnest('{rank,relative_growth,reddit,hacker_news,lemmy,mastodon,peertube_hot,peertube_trending,peertube_trending_7_days}'::text[])) s,
			unnest('{survival,growth}'::text[]) target
		WHERE NOT EXISTS (SELECT FROM vvault_backtest(sort, target) WHERE day IS NULL AND auc BETWEEN 0 AND 1)), NULL,
	'every order of the feed and every rival is judged for both targets: src/analytics/backtest.sql says what it scores');
SELECT throws_ok($$SELECT vvault_backtest('best')$$, '22023', 'invalid sort "best"');
SELECT throws_ok($$SELECT vvault_backtest(NULL)$$, '22023', 'sort must not be null');
SELECT throws_ok($$SELECT vvault_backtest('views', 'fame')$$, '22023', 'invalid target "fame"');
SELECT throws_ok($$SELECT vvault_backtest('views', 'growth', 'pl')$$, '22023', 'invalid region "pl"');

-- baselines: the same shape of figures, ten times as large
TRUNCATE vvault.snapshots;
SELECT setseed(0.7);
INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank, views, likes, comments, velocity, virality_score)
SELECT r.region, 'v' || n % 400, timestamptz '2026-02-01 06:00Z' + n / 400 * interval '1 day', 1 + n % 400, r.scale * 10000,
	r.scale * 10000 * random() * 0.1, 0, r.scale * 100 * 10 ^ (random() * 3), 0
FROM (VALUES ('US', 10), ('NO', 1)) r (region, scale), generate_series(0, 4799) n;
SELECT ok(abs(viral_share - 0.15) < 0.01, format('%s: 15 %% would be viral (%s)', r, viral_share))
FROM unnest('{US,NO}'::text[]) r, vvault_derive_baselines(r, 30);
SELECT is(observations, 4400::bigint, r || ': newcomers are left out')
FROM unnest('{US,NO}'::text[]) r, vvault_derive_baselines(r, 30);
SELECT is(viral_share_now, 0::double precision, 'the present share is that of the stored scores')
FROM vvault_derive_baselines('US', 30);
SELECT ok(us.velocity_baseline / no.velocity_baseline BETWEEN 8 AND 12.5
		AND us.engagement_baseline / no.engagement_baseline BETWEEN 0.9 AND 1.1,
	format('ten times the views, ten times the velocity: %s and %s', us.velocity_baseline, no.velocity_baseline))
FROM vvault_derive_baselines('US', 30) us, vvault_derive_baselines('NO', 30) no;
SELECT is(observations, 1600::bigint, 'days bounds the past')
FROM vvault_derive_baselines('US', 4);
-- momentum: newcomers too; with the proposed baseline 15 % score 85 and more
UPDATE vvault.snapshots SET views = (10 ^ (3 + random() * 3))::bigint, rank = 1 + random() * 399, chart_length = 400;
SELECT ok(abs(avg((vvault_momentum_score(s.views, s.views_before, s.elapsed, s.rank, s.chart_length, s.likes,
		b.momentum_baseline) >= 85)::int) - 0.15) < 0.001,
	format('15 %% have momentum 85 with the proposed %s', b.momentum_baseline))
FROM vvault_derive_baselines('NO', 30) b,
	(SELECT s.*, lag(s.views) OVER w AS views_before, s.fetched_at - lag(s.fetched_at) OVER w AS elapsed
	FROM vvault.snapshots s WHERE s.region = 'NO' WINDOW w AS (PARTITION BY s.video_id ORDER BY s.fetched_at)) s
GROUP BY b.momentum_baseline;
INSERT INTO vvault.regions (region, momentum_baseline) VALUES ('SE', -1);
SELECT lives_ok($$SELECT vvault_ingest(r, '{"kind": "youtube#videoListResponse", "items":
	[{"id": "new", "snippet": {"title": "t"}, "statistics": {"viewCount": "100000"}}]}', '2026-03-01 06:00Z')
	FROM unnest('{SE,AT}'::text[]) r$$);
SELECT is(momentum_score, vvault_momentum_score(100000, rank := 1, chart_length := NULL,
		baseline := CASE region WHEN 'SE' THEN -1 END),
	region || ': ingest scores by the region''s own baseline of momentum')
FROM vvault.videos WHERE video_id = 'new' ORDER BY region;
SELECT is(velocity_baseline, NULL, 'too little to go by gives no proposal')
FROM vvault_derive_baselines('SE', 30);
SELECT throws_ok($$SELECT vvault_derive_baselines('XX')$$, '22023', 'invalid region "XX"');
SELECT throws_ok($$SELECT vvault_derive_baselines('PL', 0)$$, '22023', 'invalid days 0');
SELECT throws_ok($$SELECT vvault_derive_baselines('PL', NULL)$$, '22023', 'days must not be null');

-- The real charts, plain-written with the scores that ingest would store. The
-- study in bench/scores computes the same in Python: docs/scores.md.
\getenv shared VVAULT_SHARED_DATA
\if :{?shared}
\else
	\set shared ../shared/data
\endif
\set charts :shared '/US_2017-09_2017-10.csv'
\set present `test -r :'charts' && echo true || echo false`
\if :present
TRUNCATE vvault.snapshots;
CREATE TEMP TABLE rows (n serial, video_id text, title text, channel text, category int, tags text, views bigint,
	likes bigint, dislikes bigint, comments bigint, thumbnail text, date text);
-- the file ends most of its lines with a carriage return
\set copy '\\copy rows (video_id, title, channel, category, tags, views, likes, dislikes, comments, thumbnail, date) FROM PROGRAM ''tr -d "\\r" <"' :charts '"'' WITH (FORMAT csv, HEADER)'
:copy
INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank, chart_length, views, likes, comments, momentum_score)
SELECT 'US', f.video_id, f.at, f.rank, f.length, f.views, f.likes, f.comments,
	vvault_momentum_score(f.views, lag(f.views) OVER w, f.at - lag(f.at) OVER w, f.rank, f.length, f.likes,
		category_id => f.category)
FROM (SELECT d.*, row_number() OVER (PARTITION BY d.at ORDER BY d.n)::int AS rank,
		count(*) OVER (PARTITION BY d.at)::int AS length
	FROM (SELECT DISTINCT ON (r.video_id, r.date) r.*,
			(to_date(r.date || '.2017', 'DD.MM.YYYY') + time '06:00') AT TIME ZONE 'UTC' AS at
		FROM rows r ORDER BY r.video_id, r.date, r.n) d) f
WINDOW w AS (PARTITION BY f.video_id ORDER BY f.at);
SELECT ok(abs(auc - a) < 0.001, format('the study''s figure for %s by %s: %s', target, sort, auc))
FROM (VALUES ('momentum', 'survival', 0.869), ('momentum', 'growth', 0.911), ('views', 'growth', 0.370),
	('relative_growth', 'growth', 0.849)) t (sort, target, a), vvault_backtest(sort, target) WHERE day IS NULL;
\else
SELECT skip('the real charts are not here', 4);
\endif

SELECT * FROM finish();
ROLLBACK;
