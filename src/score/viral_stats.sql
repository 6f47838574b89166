-- vvault_viral_stats: the figures of a region or a day.

CREATE TYPE vvault.viral_stats AS
(
	total_videos bigint,
	viral_count bigint,
	avg_score double precision,
	top_category_id integer
);
COMMENT ON TYPE vvault.viral_stats IS
'What vvault_viral_stats returns: videos, viral ones among them, their average score and the category most of them are of.';

CREATE FUNCTION vvault.viral_stats_accum(internal, double precision, integer, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_accum';
COMMENT ON FUNCTION vvault.viral_stats_accum(internal, double precision, integer, double precision) IS
'Transition function of vvault_viral_stats.';

CREATE FUNCTION vvault.viral_stats_accum_inv(internal, double precision, integer, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_accum_inv';
COMMENT ON FUNCTION vvault.viral_stats_accum_inv(internal, double precision, integer, double precision) IS
'Inverse transition function of vvault_viral_stats.';

CREATE FUNCTION vvault.viral_stats_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_combine';
COMMENT ON FUNCTION vvault.viral_stats_combine(internal, internal) IS
'Combine function of vvault_viral_stats.';

CREATE FUNCTION vvault.viral_stats_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_serialize';
COMMENT ON FUNCTION vvault.viral_stats_serialize(internal) IS
'Serialization function of vvault_viral_stats.';

CREATE FUNCTION vvault.viral_stats_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_deserialize';
COMMENT ON FUNCTION vvault.viral_stats_deserialize(bytea, internal) IS
'Deserialization function of vvault_viral_stats.';

CREATE FUNCTION vvault.viral_stats_final(internal)
RETURNS vvault.viral_stats
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_viral_stats_final';
COMMENT ON FUNCTION vvault.viral_stats_final(internal) IS
'Final function of vvault_viral_stats.';

CREATE AGGREGATE @extschema@.vvault_viral_stats(
	score double precision,
	category_id integer,
	threshold double precision)
(
	SFUNC = vvault.viral_stats_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = vvault.viral_stats_final,
	COMBINEFUNC = vvault.viral_stats_combine,
	SERIALFUNC = vvault.viral_stats_serialize,
	DESERIALFUNC = vvault.viral_stats_deserialize,
	MSFUNC = vvault.viral_stats_accum,
	MINVFUNC = vvault.viral_stats_accum_inv,
	MSTYPE = internal,
	MSSPACE = 512,
	MFINALFUNC = vvault.viral_stats_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.vvault_viral_stats(double precision, integer, double precision) IS
'Videos, viral videos, average score and top category of a group, as the composite (total_videos, viral_count, avg_score, top_category_id).
Units and ranges: scores from 0 to 100; a video is viral when its score is at least the threshold. Scores are summed exactly, in millionths of a point with halves rounded away from zero. The top category is that of most videos, of equal ones that with the smallest id.
NULL: a NULL score counts in total_videos and its category only, a NULL category is never the top one. Without scores avg_score is NULL, without categories top_category_id; no rows give (0, 0, NULL, NULL).
Errors: 22023 for a score out of range or NaN, and for a threshold that is NULL or NaN.
Source: the region statistics of the site''s analytics page.';
