-- The trending score and the hot score. They order feeds, so they give a
-- finite number for every input instead of an error.

CREATE FUNCTION @extschema@.vvault_trending_score(
	views bigint,
	views_before bigint,
	elapsed interval,
	likes bigint,
	comments bigint,
	published_at timestamptz,
	as_of timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_trending_score';
COMMENT ON FUNCTION @extschema@.vvault_trending_score(bigint, bigint, interval, bigint, bigint, timestamptz, timestamptz) IS
'Trending score of a video as of an instant, 0 to 100: 0.40 velocity + 0.35 engagement + 0.25 recency.
Units and ranges: any counts, those below 0 are taken as 0. Velocity is vvault_view_velocity(views, views_before, elapsed), 10000 views per hour and more count 100; engagement is (likes + 2 * comments) / views, 5 percent and more count 100; recency is 100 * 0.5 ^ (hours from published_at to as_of / 12), 100 for what is published after as_of. Finite for every timestamp.
NULL: strict, any NULL gives NULL. Without an earlier observation pass an elapsed of zero, for a hidden count 0.
Errors: none.
Source: the trending score that the site publishes.';

CREATE FUNCTION @extschema@.vvault_trending_base(
	velocity double precision,
	views bigint,
	likes bigint,
	comments bigint)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_trending_base';
COMMENT ON FUNCTION @extschema@.vvault_trending_base(double precision, bigint, bigint, bigint) IS
'The part of the trending score that does not move with the clock, 0 to 75: 0.40 velocity + 0.35 engagement.
Units and ranges: velocity in views per hour, 10000 and more count 100; engagement is (likes + 2 * comments) / views, 5 percent and more count 100.
NULL: an unknown velocity counts 0, one hidden count 0; without likes and comments, or without views, engagement counts 0.
Errors: 22023 for a negative figure.
Source: the trending score that the site publishes. It is an index key of vvault.videos.';

CREATE FUNCTION @extschema@.vvault_hot_score(likes bigint, published_at timestamptz)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_hot_score';
COMMENT ON FUNCTION @extschema@.vvault_hot_score(bigint, timestamptz) IS
'Hot score of a video: a number to order by that never changes while its likes do not, so that it can be an index key.
Units and ranges: lg max(likes, 1) + t / 45000, t being published_at in seconds since 1970-01-01 00:00 UTC: ten times the likes make up for 12.5 hours. Any count; an infinite timestamp is taken as the end of the calendar, so that the score is finite.
NULL: hidden likes (NULL) count as 1 like; a NULL published_at gives NULL.
Errors: none.
Source: the hot score that the site publishes.';
