-- Why a video trends as it does in a region, part by part.

CREATE FUNCTION @extschema@.vvault_trending_explain(video_id text, region text DEFAULT NULL) RETURNS json
AS 'MODULE_PATHNAME', 'vvault_trending_explain'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_trending_explain(text, text) IS
'Why a video trends as it does in a region: {video_id, region, as_of, score, parts: [{part, value, unit, baseline, weight, points}], momentum: {score, baseline, terms: [{term, value, unit, points}]}}; the points of the parts sum to the score.
Units and ranges: the parts are velocity (views per hour, measured over the setting velocity_min_span at least, in full at 10000), engagement ((likes + 2 * comments) / views in percent, in full at 5) and recency (hours since it was published, halved every 12); weight is the share of the 100 points, points what the part got; score is what vvault_trending by trending shows at as_of. momentum is that of the last observation: its terms are growth (in a day, of the views a day ago) or newcomer (views; seen here for less than a day), category and place (0 at the top of the chart, 1 at its end), in powers of ten; their sum is the raw value of which the baseline scores 85. A premiere or a coming stream, which that does not show, is not recent before it began.
NULL: a NULL region is the one where the video stands highest in the chart; a NULL video_id, or one that is not listed, gives NULL.
Errors: 22023 for an invalid region.
Source: vvault.videos and vvault.snapshots; docs/scores.md has the formulas.';
