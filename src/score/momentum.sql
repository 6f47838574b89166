-- The momentum score.

CREATE FUNCTION @extschema@.vvault_momentum_score(views bigint, views_before bigint DEFAULT NULL,
	elapsed interval DEFAULT NULL, rank integer DEFAULT NULL, chart_length integer DEFAULT NULL,
	likes bigint DEFAULT NULL, baseline double precision DEFAULT NULL, category_id integer DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_momentum';
COMMENT ON FUNCTION @extschema@.vvault_momentum_score(bigint, bigint, interval, integer, integer, bigint, double precision, integer) IS
'Momentum of a video in a region''s chart: how likely it is to stay there and to grow faster than the others.
Units and ranges: views and likes now, views_before a day ago in the same region, elapsed the time between the two (a day being 24 hours; less than an hour counts as one hour, zero or less as no growth), rank from 1 in a chart of chart_length videos (a rank beyond it is the last); baseline is the raw value of the region''s best 15 %, in powers of ten of daily growth; category_id is YouTube''s, of which 10 (music), 17 (sports) and 25 (news) count; the result is 0 to 100, and 85 or more means the top 15 % of a region''s last 30 days on average.
NULL: views gives NULL; views_before: the video is a newcomer, in the region for less than a day; elapsed: one day; rank or chart_length, also below 1: the middle of the chart; likes drop out; baseline: the shipped 0.37; category_id: no category.
Errors: 22023 for a negative count or a baseline that is not finite.
Source: our own formula; docs/scores.md has its constants, how they were fitted and how it fares.';
