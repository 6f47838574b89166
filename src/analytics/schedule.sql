-- When to fetch which region next.

CREATE FUNCTION vvault.chart_pages(videos integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (videos + 49) / 50;
COMMENT ON FUNCTION vvault.chart_pages(integer) IS
'The pages of 50 that a chart of some videos came in: each costs a unit of the quota.';

CREATE FUNCTION vvault.fetch_facts()
RETURNS TABLE (region text, region_name text, fetched_at timestamptz, pages integer,
	watched double precision, starts double precision, weekdays double precision[], hours double precision[])
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
	SELECT e.region, e.name, c.fetched_at,
		coalesce(vvault.chart_pages(c.videos), 4),
		p.watched, p.starts, p.weekdays, p.hours
	FROM vvault.enabled_regions e
		-- a chart that is dated ahead tells nothing of when it was fetched
		LEFT JOIN LATERAL (
			SELECT n.fetched_at, n.videos FROM vvault.charts n
			WHERE n.region = e.region AND n.fetched_at <= now() + vvault.setting('clock_tolerance')::integer * interval '1 second'
			ORDER BY n.fetched_at DESC LIMIT 1) c ON true
		CROSS JOIN LATERAL (
			SELECT sum(v.watched) FILTER (WHERE v.kind = 'weekday') AS watched,
				sum(v.starts) FILTER (WHERE v.kind = 'weekday') AS starts,
				array_agg(v.factor ORDER BY v.number) FILTER (WHERE v.kind = 'weekday') AS weekdays,
				array_agg(v.factor ORDER BY v.number) FILTER (WHERE v.kind = 'hour') AS hours
			FROM vvault.viral_pattern(e.region) v) p
	ORDER BY e.region
$$;
COMMENT ON FUNCTION vvault.fetch_facts() IS
'Part of vvault_fetch_schedule: for each enabled region its newest chart, the pages of that (4 where there is none) and the pattern of its viral starts.';

CREATE FUNCTION @extschema@.vvault_fetch_schedule() RETURNS json
AS 'MODULE_PATHNAME', 'vvault_fetch_schedule'
LANGUAGE C STABLE PARALLEL UNSAFE SECURITY DEFINER COST 10000
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION @extschema@.vvault_fetch_schedule() IS
'When to fetch which region next, so that viral videos are found early and the daily quota of the API suffices: {as_of, quota_units, used_units, regions: [{region, region_name, next_fetch_at, due, last_fetch_at, units, interval_minutes, expected_starts, factor, reason}]}, the most urgent first.
Units and ranges: units are pages of a chart, one unit of the YouTube Data API each; used_units are those of the charts observed in the last 24 hours, quota_units the setting. due tells whether next_fetch_at has come. interval_minutes is from the last chart to the next; expected_starts are the videos that become viral meanwhile, factor how many times the region''s average rate that is at the hour of next_fetch_at. A region is fetched in proportion to the square root of that rate over its units, which keeps the mean delay lowest; at least once a day, never more often than the setting fetch_min_interval allows, and in no 24 hours for more than quota_units.
NULL: takes no argument; last_fetch_at, interval_minutes and expected_starts are null for a region never fetched, which is due at once.
Errors: none.
Source: the clock, the settings quota_units and fetch_min_interval, vvault.charts and, by vvault.daily_videos and probes of vvault.snapshots, the pattern of viral starts in each region''s last 90 days that vvault_insights() shows: the work grows with the charts of 90 days.';
