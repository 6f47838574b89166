-- The same videos in tables as the old site had them: a video once, and a row
-- for each region that lists it. With the indexes its queries like best.
CREATE SCHEMA site;
CREATE TABLE site.videos AS
	SELECT DISTINCT ON (video_id) video_id, title, channel_title, views, likes, thumbnail_url, content_language,
		comments, channel_id, category_id, published_at, virality_score, momentum_score, fetched_at
	FROM vvault.videos ORDER BY video_id, region;
ALTER TABLE site.videos ADD PRIMARY KEY (video_id);
CREATE INDEX ON site.videos (views DESC, video_id);
CREATE TABLE site.video_regions AS SELECT region, video_id FROM vvault.videos;
ALTER TABLE site.video_regions ADD PRIMARY KEY (video_id, region);
CREATE INDEX ON site.video_regions (region, video_id);
VACUUM (ANALYZE, FREEZE);
