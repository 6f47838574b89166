-- The reply cache, as its owner sees it. What is in it is outside of any
-- snapshot, so these functions are VOLATILE, and a writer's: arguments tell
-- what people search for.

CREATE FUNCTION @extschema@.vvault_cache_stats()
RETURNS TABLE (function text, arguments text, region text, hits bigint, misses bigint, bypasses json,
	bytes bigint, build_ms double precision, published_at timestamptz, age interval, fresh boolean)
AS 'MODULE_PATHNAME', 'vvault_cache_stats'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION @extschema@.vvault_cache_stats() IS
'The replies of this database that the reply cache holds, and how often each was asked for, the most often first.
Units and ranges: arguments as SQL; region whose feed the reply shows; hits, misses and bypasses are calls since the key came in, bypasses by reason: write (the transaction may have written), privilege and row_security (the caller may not read all rows), distributed (a table has rows on another server), private (the reply is not everybody''s to see), setting (vvault.cache is off or gin_fuzzy_search_limit is set), version (no version of the feed can be read), size (the reply is too large), busy (another session took long to make it). bytes of the reply, build_ms the milliseconds it took to make. fresh says whether it is the reply that this call''s snapshot would get.
NULL: region is NULL where all feeds are shown; bytes, build_ms, published_at, age and fresh are NULL while there is no reply yet.
Errors: 55000 where there is no reply cache.
Source: shared memory.';

CREATE FUNCTION @extschema@.vvault_cache_clear(region text DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'vvault_cache_clear'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION @extschema@.vvault_cache_clear(text) IS
'Empties the reply cache of this database, or of what shows a region, and returns how many replies went. It is never needed for right replies; it frees memory and starts counting anew.
Units and ranges: replies; what shows all regions shows each of them.
NULL: a NULL region is every region.
Errors: 22023 for an invalid region, 55000 where there is no reply cache.
Source: shared memory.';

-- The calls in it are nobody's request: headers are not theirs to set.
CREATE FUNCTION @extschema@.vvault_cache_warm() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET request.method = ''
AS $$
DECLARE
	before bigint := vvault.cache_published();
	r record;
BEGIN
	FOR r IN SELECT e.region FROM vvault.enabled_regions e ORDER BY e.region LOOP
		PERFORM @extschema@.vvault_trending(r.region, 25, NULL::text, NULL::text);
	END LOOP;
	PERFORM @extschema@.vvault_regions(), @extschema@.vvault_analytics(14);
	PERFORM vvault.cache_refresh(2147483647);
	RETURN vvault.cache_published() - before;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_cache_warm() IS
'Makes the replies that visitors ask for first, of every enabled region, and those the reply cache holds of an older state; returns how many replies were published meanwhile.
Units and ranges: replies; 0 where all of them were there, and in a transaction that has written.
NULL: takes no argument.
Errors: 55000 where there is no reply cache.
Source: vvault_trending, vvault_regions and vvault_analytics with their defaults, and the calls that vvault_cache_stats() lists.';
