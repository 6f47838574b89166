-- vvault_auc: how good a score is.

CREATE FUNCTION vvault.auc_accum(internal, double precision, boolean)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_auc_accum';
COMMENT ON FUNCTION vvault.auc_accum(internal, double precision, boolean) IS
'Transition function of vvault_auc.';

CREATE FUNCTION vvault.auc_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_auc_combine';
COMMENT ON FUNCTION vvault.auc_combine(internal, internal) IS
'Combine function of vvault_auc.';

CREATE FUNCTION vvault.auc_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_auc_serialize';
COMMENT ON FUNCTION vvault.auc_serialize(internal) IS
'Serialization function of vvault_auc.';

CREATE FUNCTION vvault.auc_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_auc_deserialize';
COMMENT ON FUNCTION vvault.auc_deserialize(bytea, internal) IS
'Deserialization function of vvault_auc.';

CREATE FUNCTION vvault.auc_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_auc_final';
COMMENT ON FUNCTION vvault.auc_final(internal) IS
'Final function of vvault_auc.';

CREATE AGGREGATE @extschema@.vvault_auc(score double precision, label boolean)
(
	SFUNC = vvault.auc_accum,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = vvault.auc_final,
	COMBINEFUNC = vvault.auc_combine,
	SERIALFUNC = vvault.auc_serialize,
	DESERIALFUNC = vvault.auc_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.vvault_auc(double precision, boolean) IS
'Area under the ROC curve: the probability that a random row with the label scores above a random row without it, ties counting half.
Units and ranges: any scores, ordered as ORDER BY has them (NaN above all numbers); the result is from 0 to 1, 0.5 for a score that tells nothing, out of exact counts of pairs. Takes 8 bytes of memory per row and the time to sort the scores.
NULL: a row with a NULL score or label is skipped; without a row of either label the result is NULL.
Errors: none.
Source: the rank-sum statistic of Mann and Whitney (1947) over the number of pairs.';
