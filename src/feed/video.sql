-- One video with its scores, its regions and its history.

CREATE FUNCTION @extschema@.vvault_video(video_id text) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_video'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_video(text) IS
'One video with every region that lists it and its history: {video_id, title, channel_title, channel_id, category_id, category, content_language, thumbnail_url, published_at, duration, tags, live, scheduled_at, gone_at, regions: [{region, charted, rank, chart_length, views, likes, comments, engagement_rate, virality_score, momentum_score, first_seen_at, fetched_at}], history: [{region, fetched_at, rank, views, likes, comments, virality_score, momentum_score}]}.
Units and ranges: history holds the newest 500 observations of all regions, oldest first; texts are those of the region that observed it last.
NULL: NULL for NULL and for a video that no region lists; views are null where not known, live for a video that is no broadcast, gone_at for one that vvault_refresh did not mark as gone.
Errors: 42501 without the rights of a reader.
Source: vvault.video_regions, vvault.videos and vvault.snapshots, by their keys.';
