-- The regions of the site as JSON.

CREATE FUNCTION @extschema@.vvault_regions() RETURNS json
AS 'MODULE_PATHNAME', 'vvault_regions'
LANGUAGE C STABLE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_regions() IS
'The enabled regions: {regions: [{region, region_name, velocity_baseline, engagement_baseline, videos, fetched_at}], total}, ordered by code.
Units and ranges: velocity_baseline in views per hour, engagement_baseline in percent; videos counts all that chart or charted; fetched_at is when the latest chart was observed.
NULL: takes no argument; fetched_at is null before the first chart.
Errors: none.
Source: vvault.regions over vvault.region_defaults, vvault.category_stats and vvault.charts.';
