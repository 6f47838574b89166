-- :videos rows of vvault.videos over seven regions, 200 charted in each, by a
-- plain INSERT with all triggers on.
SELECT setseed(0.5);
INSERT INTO vvault.videos (region, video_id, charted, rank, chart_length, title, channel_id,
	channel_title, category_id, content_language, thumbnail_url, published_at, duration, views,
	likes, comments, velocity, virality_score, momentum_score, first_seen_at, fetched_at)
SELECT r.region, 'v' || lpad((n / 10 * 17 % 100000000)::text, 8, '0') || n % 10, n <= 200 * 7,
	CASE WHEN n <= 200 * 7 THEN 1 + n / 7 END, CASE WHEN n <= 200 * 7 THEN 200 END,
	'Een „bijzondere” titel with a quote " & żółć 🎬 number ' || n, 'UC' || lpad((n % 50000)::text, 22, '0'),
	'Channel ' || n % 50000, n % 28, (ARRAY['en', 'pl', 'nl', 'sv', 'no', 'de'])[1 + n % 6],
	'https://i.ytimg.com/vi/' || n || '/hqdefault.jpg',
	now() - random() * random() * interval '400 days', 'PT' || n % 60 || 'M' || n % 59 || 'S',
	(10 ^ (random() * 6 + 1))::bigint, (10 ^ (random() * 4))::bigint, (10 ^ (random() * 3))::bigint,
	random() * 20000, random() * 100, random() * 100, now() - random() * interval '30 days', now()
FROM generate_series(1, :videos) n
	CROSS JOIN LATERAL (SELECT (ARRAY['US', 'GB', 'PL', 'NL', 'SE', 'NO', 'AT'])[1 + n % 7]) r (region);
VACUUM (ANALYZE, FREEZE);
