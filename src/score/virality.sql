-- The virality score.

CREATE FUNCTION @extschema@.vvault_virality_score(
	velocity double precision,
	engagement double precision,
	velocity_baseline double precision,
	engagement_baseline double precision,
	share_score double precision DEFAULT NULL,
	sentiment_score double precision DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_score';
COMMENT ON FUNCTION @extschema@.vvault_virality_score(double precision, double precision, double precision, double precision, double precision, double precision) IS
'Virality score of a video, 0 to 100: velocity and engagement against the baselines of its region, with shares and sentiment where they are known.
Units and ranges: velocity in views per hour and engagement ((likes + 2 * comments) / views) in percent, both from 0, with baselines in the same units, finite and above 0; share_score and sentiment_score from 0 to 100. A figure at its baseline or above, infinity included, counts 100. Weights: 0.35 velocity, 0.25 engagement, 0.25 shares, 0.15 sentiment.
NULL: a NULL part drops out and the other weights scale up to 1; all four parts NULL give NULL. A baseline may be NULL when its part is.
Errors: 22023 for a part out of its range or NaN, and for a known part whose baseline is NULL, not finite or not above 0.
Source: the virality score that the site publishes; 85 and above is viral.';

--
-- vvault_virality: the score out of the snapshots of one video
--

CREATE FUNCTION vvault.virality_accum(internal, timestamptz, bigint, bigint, bigint, double precision, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_accum';
COMMENT ON FUNCTION vvault.virality_accum(internal, timestamptz, bigint, bigint, bigint, double precision, double precision) IS
'Transition function of vvault_virality.';

CREATE FUNCTION vvault.virality_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_combine';
COMMENT ON FUNCTION vvault.virality_combine(internal, internal) IS
'Combine function of vvault_virality.';

CREATE FUNCTION vvault.virality_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_serialize';
COMMENT ON FUNCTION vvault.virality_serialize(internal) IS
'Serialization function of vvault_virality.';

CREATE FUNCTION vvault.virality_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_deserialize';
COMMENT ON FUNCTION vvault.virality_deserialize(bytea, internal) IS
'Deserialization function of vvault_virality.';

CREATE FUNCTION vvault.virality_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_virality_final';
COMMENT ON FUNCTION vvault.virality_final(internal) IS
'Final function of vvault_virality.';

CREATE AGGREGATE @extschema@.vvault_virality(
	fetched_at timestamptz,
	views bigint,
	likes bigint,
	comments bigint,
	velocity_baseline double precision,
	engagement_baseline double precision)
(
	SFUNC = vvault.virality_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = vvault.virality_final,
	COMBINEFUNC = vvault.virality_combine,
	SERIALFUNC = vvault.virality_serialize,
	DESERIALFUNC = vvault.virality_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.vvault_virality(timestamptz, bigint, bigint, bigint, double precision, double precision) IS
'Virality score of the latest snapshot of a video, 0 to 100, out of all its snapshots in any order.
Units and ranges: counts from 0; baselines in views per hour and in percent, the same in all rows of a group. Velocity is taken between the latest fetched_at and the newest that is at least 30 minutes before it; with none as old, the oldest counts as 30 minutes old. It is 0 with one snapshot, or when one of the two is infinite. Engagement is that of the latest. Of snapshots with equal fetched_at the larger (views, likes, comments) counts.
NULL: a row without fetched_at or views is skipped; when no row is left the result is NULL. Of likes and comments one NULL counts as 0; with both NULL engagement drops out of the score.
Errors: 22023 for a negative count, for baselines that differ between rows, and for a baseline that is needed and not finite and above 0.
Source: the virality score that the site publishes, measured as vvault_ingest does while the setting velocity_min_span is the shipped one.';
