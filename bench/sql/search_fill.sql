-- :videos rows with titles of 3 to 9 words out of 200,000, common and rare as
-- in a language (the n-th word about 1/n as often as the first), by a plain
-- INSERT with all triggers on.
SET jit = off;
SELECT setseed(0.5);
CREATE TEMP TABLE words AS
SELECT n, string_agg(('{b,bl,br,c,ch,d,dr,f,fl,g,gr,h,j,k,l,m,n,p,pr,qu,r,s,sh,st,t,tr,v,w,z,""}'::text[])[1 + h % 30]
	|| ('{a,e,i,o,u,ai,ea,ou,io}'::text[])[1 + h / 30 % 9] || ('{"",n,r,s,l,t,m}'::text[])[1 + h / 270 % 7], '' ORDER BY i) AS word
FROM generate_series(1, 200000) n, generate_series(0, 1 + n % 2) i,
	LATERAL (SELECT ('x' || substr(md5(n || ' ' || i), 1, 7))::bit(28)::int AS h) h
GROUP BY n;
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
