-- How the regions stand: counts that the triggers keep, so that reading them
-- costs regions, days and categories, and never videos.

CREATE FUNCTION @extschema@.vvault_region_stats()
RETURNS TABLE (region text, total_videos bigint, viral_count bigint, avg_score numeric,
	top_category text)
AS 'MODULE_PATHNAME', 'vvault_region_stats'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100 ROWS 10;
COMMENT ON FUNCTION @extschema@.vvault_region_stats() IS
'How many videos every enabled region has, how many of them are viral, their average virality score and the category most of them are of; the regions with the most viral videos first, then by code.
Units and ranges: total_videos counts each video that charts or charted in the region once; viral_count those with a virality score of the setting viral_threshold or more; avg_score is from 0 to 100 with one decimal, halves rounded up; top_category is the name of the category with the most videos, of equals that with the lowest id, or its id where vvault.categories has no name for it.
NULL: takes no argument and gives no NULL: a region without videos has zeros and an empty top_category.
Errors: 42501 without the rights of a reader.
Source: vvault.category_stats, a row for each region and category.';

CREATE FUNCTION @extschema@.vvault_viral_timeline(days integer DEFAULT 14)
RETURNS TABLE (date date, region text, viral_count bigint, avg_score numeric)
AS 'MODULE_PATHNAME', 'vvault_viral_timeline'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100 ROWS 100;
COMMENT ON FUNCTION @extschema@.vvault_viral_timeline(integer) IS
'How many videos were viral in every enabled region on each of the last days, and the average virality score; ordered by date, then by region.
Units and ranges: days from 1 to 366, of UTC, the last of them today; a day counts each video once, by its last observation of that day; viral_count those with a virality score of the setting viral_threshold or more there; avg_score is from 0 to 100 with one decimal, halves rounded up.
NULL: NULL days are an error; viral_count and avg_score are NULL on a day without a chart in that region: nobody looked, which is not zero.
Errors: 22023 for invalid days; 42501 without the rights of a reader.
Source: vvault.daily_stats, a row for each region, day and category. A day closed by vvault_prune() keeps the viral_threshold it was counted with.';

CREATE FUNCTION @extschema@.vvault_analytics(days integer DEFAULT 14) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_analytics'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_analytics(integer) IS
'How the regions stand, and how they did on the last days: {regions: [{region, total_videos, viral_count, avg_score, top_category}], timeline: [{date, region, viral_count, avg_score}], updated_at}.
Units and ranges: days from 1 to 366; regions are the rows of vvault_region_stats() and timeline those of vvault_viral_timeline(days), in their order; updated_at is when the last write that any enabled region shows was made.
NULL: NULL days are an error; viral_count and avg_score of the timeline are null on a day without a chart; updated_at is null while there is nothing to count.
Errors: 22023 for invalid days; 42501 without the rights of a reader.
Source: vvault.category_stats, vvault.daily_stats and vvault.feed_versions.';
