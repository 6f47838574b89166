-- :videos rows with titles of 3 to 9 words out of 200,000, common and rare as
-- in a language (the n-th word about 1/n as often as the first), by a plain
-- INSERT with all triggers on.
SET jit = off;
SELECT setseed(0.5);
CREATE TEMP TABLE words AS
SELECT n, string_agg(('{ka,ro,mi,len,sta,vo,du,per,sin,ta,gu,lor,be,nix,ha,mon,zy,fel,or,cri}'::text[])
	[1 + ((n::bigint * 7919 + 104729) / 20 ^ i)::bigint % 20], '') AS word
FROM generate_series(1, 200000) n, generate_series(0, 3 + n % 2) i GROUP BY n;
CREATE UNIQUE INDEX ON words (n);
CREATE TEMP TABLE titles AS
SELECT v.n, string_agg(w.word, ' ' ORDER BY v.i) AS title
FROM (SELECT n, i, least(200000, ceil(200000 ^ random()))::int AS pick
	FROM generate_series(1, :videos) n, generate_series(1, 3 + n % 7) i) v
	JOIN words w ON w.n = v.pick
GROUP BY v.n;
CREATE TEMP TABLE channels AS
SELECT c.n, a.word || ' ' || b.word AS title, d.word AS tag
FROM generate_series(1, 50000) c (n) JOIN words a ON a.n = 1000 + c.n JOIN words b ON b.n = 5 + c.n % 50
	JOIN words d ON d.n = 1 + c.n % 3000;
ANALYZE words, titles, channels;
INSERT INTO vvault.videos (region, video_id, charted, title, channel_id, channel_title, category_id,
	content_language, published_at, views, likes, tags, fetched_at)
SELECT ('{US,GB,PL,NL,SE,NO,AT}'::text[])[1 + t.n % 7], 'v' || t.n, false, t.title,
	'UC' || c.n, c.title, t.n % 28, ('{en,en,pl,nl,sv,no,de}'::text[])[1 + t.n % 7],
	timestamptz '2026-01-01 00:00Z' - t.n % 9999 * interval '1 hour',
	(10 ^ (3 + random() * random() * 6))::bigint, 100,
	ARRAY[split_part(t.title, ' ', 1), split_part(t.title, ' ', 2), c.tag], '2026-01-02 00:00Z'
FROM titles t JOIN channels c ON c.n = (50000 ^ (t.n::bigint * 7919 % 1000003 / 1000003::float8))::int;
VACUUM (ANALYZE);
