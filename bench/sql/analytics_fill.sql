-- History for the catalog of fill.sql: 60 days of charts of 200 videos for each
-- of the seven regions, as vvault_ingest would have left it, and the old site's
-- table: the same rows, but nothing kept beside them.
SELECT setseed(0.5);
INSERT INTO vvault.snapshots (region, video_id, fetched_at, rank, category_id, virality_score)
SELECT v.region, v.video_id, date_trunc('day', now()) - d * interval '24 hours', v.n, v.category_id, random() * 100
FROM generate_series(0, 59) d CROSS JOIN LATERAL (
	SELECT * FROM (SELECT v.*, row_number() OVER (PARTITION BY v.region ORDER BY v.video_id) AS n
		FROM vvault.videos v WHERE v.charted) v
	WHERE (v.n + d) % 4 < 3) v;
CREATE SCHEMA plain;
CREATE TABLE plain.videos AS
	SELECT region, video_id, category_id, virality_score, first_seen_at FROM vvault.videos;
ALTER TABLE plain.videos ADD PRIMARY KEY (region, video_id);
CREATE INDEX ON plain.videos (region, virality_score DESC);
VACUUM (ANALYZE, FREEZE);
