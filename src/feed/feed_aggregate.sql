-- vvault_feed: the first page of any rows, as JSON.

CREATE FUNCTION vvault.feed_accum(internal, anyelement, double precision, integer)
RETURNS internal
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_feed_accum';
COMMENT ON FUNCTION vvault.feed_accum(internal, anyelement, double precision, integer) IS
'Transition function of vvault_feed.';

CREATE FUNCTION vvault.feed_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_feed_combine';
COMMENT ON FUNCTION vvault.feed_combine(internal, internal) IS
'Combine function of vvault_feed.';

CREATE FUNCTION vvault.feed_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_feed_serialize';
COMMENT ON FUNCTION vvault.feed_serialize(internal) IS
'Serialization function of vvault_feed.';

CREATE FUNCTION vvault.feed_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_feed_deserialize';
COMMENT ON FUNCTION vvault.feed_deserialize(bytea, internal) IS
'Deserialization function of vvault_feed.';

CREATE FUNCTION vvault.feed_final(internal)
RETURNS json
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
AS 'MODULE_PATHNAME', 'vvault_feed_final';
COMMENT ON FUNCTION vvault.feed_final(internal) IS
'Final function of vvault_feed.';

CREATE AGGREGATE @extschema@.vvault_feed(item anyelement, sort_key double precision, page_size integer)
(
	SFUNC = vvault.feed_accum,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = vvault.feed_final,
	COMBINEFUNC = vvault.feed_combine,
	SERIALFUNC = vvault.feed_serialize,
	DESERIALFUNC = vvault.feed_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.vvault_feed(anyelement, double precision, integer) IS
'The page_size items with the highest sort keys, as a JSON array: what json_agg gives over a sorted and limited subselect, without sorting the input.
Units and ranges: items of any type, rows of any table included; page_size from 1, the same in all rows of a group. The highest sort_key comes first, NaN above all numbers, NULL last; items with equal keys come in the byte order of their JSON text, NULL items last. Memory grows with the items kept, not with the rows read.
NULL: a NULL item becomes null; no rows give NULL.
Errors: 22023 for a page_size that is NULL, below 1, or not the same in all rows.
Source: the order of the site''s feeds.';
