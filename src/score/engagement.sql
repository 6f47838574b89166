-- Engagement rates and view velocity.

CREATE FUNCTION @extschema@.vvault_engagement_rate(likes bigint, views bigint)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_rate';
COMMENT ON FUNCTION @extschema@.vvault_engagement_rate(bigint, bigint) IS
'Engagement rate of a video: likes per hundred views.
Units and ranges: counts from 0; the result is likes / views * 100 in percent, from 0, and 0 when views = 0.
NULL: strict, any NULL gives NULL.
Errors: 22023 for a negative count.
Source: the engagement rate that the site publishes.';

CREATE FUNCTION vvault.weighted_engagement(likes bigint, comments bigint, views bigint)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_weighted_engagement';
COMMENT ON FUNCTION vvault.weighted_engagement(bigint, bigint, bigint) IS
'Engagement as the scores count it: likes and twice the comments per hundred views.
Units and ranges: counts from 0; the result is (likes + 2 * comments) / views * 100 in percent, from 0, and 0 when views = 0.
NULL: likes or comments alone counts as 0; both of them, or views, gives NULL.
Errors: 22023 for a negative count.
Source: the engagement that the site publishes as part of its scores.';

CREATE FUNCTION @extschema@.vvault_view_velocity(views bigint, views_before bigint, elapsed interval)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_view_velocity';
COMMENT ON FUNCTION @extschema@.vvault_view_velocity(bigint, bigint, interval) IS
'View velocity of a video: views gained per hour between two observations.
Units and ranges: any counts; elapsed is the time between them, a day being 24 hours and a month 30 days; the result is in views per hour, never negative, and 0 when elapsed is zero, negative or infinite.
NULL: strict, any NULL gives NULL.
Errors: none.
Source: the view velocity that the site publishes.';

--
-- vvault_engagement: the pooled rate of many videos
--

CREATE FUNCTION vvault.engagement_accum(internal, bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_accum';
COMMENT ON FUNCTION vvault.engagement_accum(internal, bigint, bigint) IS
'Transition function of vvault_engagement.';

CREATE FUNCTION vvault.engagement_accum_inv(internal, bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_accum_inv';
COMMENT ON FUNCTION vvault.engagement_accum_inv(internal, bigint, bigint) IS
'Inverse transition function of vvault_engagement.';

CREATE FUNCTION vvault.engagement_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_combine';
COMMENT ON FUNCTION vvault.engagement_combine(internal, internal) IS
'Combine function of vvault_engagement.';

CREATE FUNCTION vvault.engagement_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_serialize';
COMMENT ON FUNCTION vvault.engagement_serialize(internal) IS
'Serialization function of vvault_engagement.';

CREATE FUNCTION vvault.engagement_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_deserialize';
COMMENT ON FUNCTION vvault.engagement_deserialize(bytea, internal) IS
'Deserialization function of vvault_engagement.';

CREATE FUNCTION vvault.engagement_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_engagement_final';
COMMENT ON FUNCTION vvault.engagement_final(internal) IS
'Final function of vvault_engagement.';

CREATE AGGREGATE @extschema@.vvault_engagement(likes bigint, views bigint)
(
	SFUNC = vvault.engagement_accum,
	STYPE = internal,
	SSPACE = 40,
	FINALFUNC = vvault.engagement_final,
	COMBINEFUNC = vvault.engagement_combine,
	SERIALFUNC = vvault.engagement_serialize,
	DESERIALFUNC = vvault.engagement_deserialize,
	MSFUNC = vvault.engagement_accum,
	MINVFUNC = vvault.engagement_accum_inv,
	MSTYPE = internal,
	MSSPACE = 40,
	MFINALFUNC = vvault.engagement_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.vvault_engagement(bigint, bigint) IS
'Pooled engagement rate of many videos: all likes per hundred of all views.
Units and ranges: counts from 0; the result is sum(likes) / sum(views) * 100 in percent, from exact 128-bit sums, and 0 when all views are 0.
NULL: a row with a NULL in either count is skipped; when no row is left the result is NULL.
Errors: 22023 for a negative count.
Source: the engagement rate that the site publishes, taken over the sums instead of the mean of rates, so that a video counts by its views.';
