-- Regions: the shipped ones, the owner's rows over them, and one view of both.

CREATE TABLE vvault.region_defaults (
	region text COLLATE "C" PRIMARY KEY CHECK (region ~ '^[A-Z][A-Z0-9_]{1,7}$'),
	name text NOT NULL,
	velocity_baseline double precision NOT NULL,
	engagement_baseline double precision NOT NULL,
	momentum_baseline double precision NOT NULL DEFAULT 0.37,
	enabled boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE vvault.region_defaults IS
'The shipped regions with their baselines of virality. Not dumped.';

INSERT INTO vvault.region_defaults (region, name, velocity_baseline, engagement_baseline) VALUES
	('AT', 'Austria', 4000, 5.0),
	('GB', 'United Kingdom', 20000, 4.5),
	('NL', 'Netherlands', 8000, 5.5),
	('NO', 'Norway', 4000, 5.0),
	('PL', 'Poland', 10000, 6.0),
	('SE', 'Sweden', 5000, 5.0),
	('US', 'United States', 50000, 5.0);

CREATE TABLE vvault.regions (
	region text COLLATE "C" PRIMARY KEY CHECK (region ~ '^[A-Z][A-Z0-9_]{1,7}$'),
	name text CHECK (name <> ''),
	velocity_baseline double precision
		CHECK (velocity_baseline > 0 AND velocity_baseline < 'Infinity'),
	engagement_baseline double precision
		CHECK (engagement_baseline > 0 AND engagement_baseline < 'Infinity'),
	momentum_baseline double precision
		CHECK (momentum_baseline > '-Infinity' AND momentum_baseline < 'Infinity'),
	enabled boolean
);
COMMENT ON TABLE vvault.regions IS
'The owner''s regions: a new region, or a row over a shipped one whose NULL columns keep what is shipped. Dumped.';
COMMENT ON COLUMN vvault.regions.velocity_baseline IS
'views per hour that give a video the full velocity part of its virality score';
COMMENT ON COLUMN vvault.regions.engagement_baseline IS
'(likes + 2 * comments) / views in percent that give the full engagement part';
COMMENT ON COLUMN vvault.regions.momentum_baseline IS
'the raw momentum that scores 85, in powers of ten of daily growth';
SELECT pg_catalog.pg_extension_config_dump('vvault.regions', '');

-- A new region without figures of its own is measured like the smallest
-- shipped ones until its owner knows better.
CREATE VIEW vvault.effective_regions AS
	SELECT d.region, coalesce(o.name, d.name) AS name,
		coalesce(o.velocity_baseline, d.velocity_baseline) AS velocity_baseline,
		coalesce(o.engagement_baseline, d.engagement_baseline) AS engagement_baseline,
		coalesce(o.momentum_baseline, d.momentum_baseline) AS momentum_baseline,
		coalesce(o.enabled, d.enabled) AS enabled
	FROM vvault.region_defaults d LEFT JOIN vvault.regions o ON o.region = d.region
	UNION ALL
	SELECT o.region, coalesce(o.name, o.region), coalesce(o.velocity_baseline, 4000),
		coalesce(o.engagement_baseline, 5), coalesce(o.momentum_baseline, 0.37),
		coalesce(o.enabled, true)
	FROM vvault.regions o
	WHERE NOT EXISTS (SELECT FROM vvault.region_defaults d WHERE d.region = o.region);
COMMENT ON VIEW vvault.effective_regions IS
'Every region with the values in force: the owner''s where there are any, else the shipped ones.';

-- Whatever shows a region, lists regions or counts them asks here and nowhere
-- else whether it is one.
CREATE VIEW vvault.enabled_regions AS
	SELECT e.region, e.name, e.velocity_baseline, e.engagement_baseline, e.momentum_baseline
	FROM vvault.effective_regions e WHERE e.enabled;
COMMENT ON VIEW vvault.enabled_regions IS
'The regions that the site has, with the values in force: all but those that are off.';

-- A code is part of the key of every chart and video of its region.
CREATE FUNCTION vvault.region_renamed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'cannot change the code of region "%" to "%"', OLD.region, left(NEW.region, 64)
		USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Its charts and videos are known by it. Change its name instead, or insert a region with the new code and set enabled = false in the old one.';
END
$$;
COMMENT ON FUNCTION vvault.region_renamed() IS
'Trigger on vvault.regions and vvault.region_defaults: refuses to change a region''s code.';
CREATE TRIGGER region_renamed BEFORE UPDATE ON vvault.regions
	FOR EACH ROW WHEN (OLD.region <> NEW.region) EXECUTE FUNCTION vvault.region_renamed();
CREATE TRIGGER region_renamed BEFORE UPDATE ON vvault.region_defaults
	FOR EACH ROW WHEN (OLD.region <> NEW.region) EXECUTE FUNCTION vvault.region_renamed();

CREATE FUNCTION @extschema@.vvault_region_valid(region text) RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_region_valid'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.vvault_region_valid(text) IS
'Whether a text is the code of an enabled region.
Units and ranges: the exact upper-case code, such as PL; pl and PL with a space are not valid.
NULL: NULL gives NULL.
Errors: none.
Source: vvault.region_defaults and vvault.regions, as the caller''s snapshot sees them.';

CREATE FUNCTION @extschema@.vvault_region_name(region text) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_region_name'
LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION @extschema@.vvault_region_name(text) IS
'The name of an enabled region, such as Poland for PL.
Units and ranges: the exact upper-case code.
NULL: NULL for NULL and for a code that vvault_region_valid refuses.
Errors: none.
Source: vvault.region_defaults and vvault.regions, as the caller''s snapshot sees them.';

CREATE FUNCTION vvault.require_region(region text) RETURNS void
AS 'MODULE_PATHNAME', 'vvault_require_region'
LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION vvault.require_region(text) IS
'Raises 22023 with the valid codes as the hint unless the region is enabled.';
