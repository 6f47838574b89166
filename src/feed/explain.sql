CREATE FUNCTION @extschema@.vvault_trending_explain(video_id text, region text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_trending_explain'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_trending_explain(text, text) IS
'Why a video trends as it does in a region: {video_id, region, as_of, score, parts: [{part, value, unit, baseline, weight, points}]}, whose points sum to the score.
Units and ranges: the parts are velocity (views per hour, measured over the setting velocity_min_span at least, in full at 10000), engagement ((likes + 2 * comments) / views in percent, in full at 5) and recency (hours since it was published, halved every 12); weight is the share of the 100 points, points what the part got; score is what vvault_trending by trending shows at as_of. A premiere or a coming stream, which that does not show, is not recent before it began.
NULL: a NULL region is the one where the video stands highest in the chart; a NULL video_id, or one that is not listed, gives NULL.
Errors: 22023 for an invalid region.
Source: vvault.videos.';
