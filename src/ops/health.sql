-- What a monitor asks: how old the charts are, what the cache does, what is amiss.

CREATE FUNCTION @extschema@.vvault_health() RETURNS json
AS 'MODULE_PATHNAME', 'vvault_health'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_health() IS
'How the site stands: {status, version, server_version, time, standby, videos, regions: [{region, videos, charted_at, age_seconds}], warnings: [{region, warning}], cache: {size, used, replies, hits, misses, waits, published, evicted, bypasses: {reason: calls}}}.
Units and ranges: status is ok, or empty before the first chart; videos counts rows of a video and a region; charted_at is when the region''s latest chart was observed and age_seconds how long ago that is at time, 0 where it is ahead of it. warnings tell of regions whose newest chart is dated ahead of the server''s clock: vvault_remove_chart takes such a one back. cache is the reply cache of the server, with all its databases, counted since the server started: size and used in bytes; waits are misses that another session''s work served; bypasses are calls that were computed beside it, by the reasons that vvault_cache_stats tells of.
NULL: charted_at and age_seconds are null for a region without a chart, cache where there is no reply cache.
Errors: 42501 without the rights of a reader.
Source: vvault.category_stats, vvault.charts and shared memory; time is that of the transaction.';
