CREATE FUNCTION @extschema@.vvault_trending(region text, page_size integer DEFAULT 25,
	sort text DEFAULT NULL, cursor text DEFAULT NULL, per_channel integer DEFAULT NULL,
	per_category integer DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_trending'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_trending(text, integer, text, text, integer, integer) IS
'The trending feed of a region, one page: {region, region_name, videos: [{video_id, title, channel_title, views, likes, thumbnail_url, regions, content_language, engagement_rate, comments, channel_id, category_id, published_at, rank, virality_score, momentum_score}], total, sort, next_cursor}; by trending each video has its trending_score too and the page the instant as_of that it was made for.
Units and ranges: page_size from 1, cut to the setting page_limit (200); sort is views, newest (all videos of the region) or engagement, trending, virality, momentum, hot (those in its latest chart), highest first, ties by video_id; total is the number of videos in the reply; engagement_rate is likes / views in percent; regions lists all regions of the video; per_channel and per_category, from 1, are the most videos of one channel or category in the whole feed: a video is shown where fewer of its channel stand before it in the feed without limits, and likewise in its category; next_cursor, passed as cursor with the same region, sort and limits, gives the page behind this one and is null on the last.
NULL: a NULL page_size is 25, a NULL sort the setting default_sort (views), a NULL cursor the first page, a NULL per_channel or per_category no limit; a channel_id that is empty is not known and so no channel; likes, comments and engagement_rate are null where the owner hides them; videos is never null.
Errors: 22023 for an invalid region, page_size, sort, cursor or limit, with what is valid as the hint; 42501 without the rights of a reader.
Source: one index range of vvault.videos, two where sort is trending, and as many probes of vvault.video_regions.';
