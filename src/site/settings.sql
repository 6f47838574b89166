-- Settings that change a stored or shared reply. What is shipped and what an
-- owner chose are two tables, so that a dump holds the owner's rows alone and
-- restoring them can collide with nothing.

CREATE TABLE vvault.setting_defaults (
	name text COLLATE "C" PRIMARY KEY,
	value text NOT NULL,
	least numeric,
	greatest numeric,
	whole boolean NOT NULL DEFAULT false,
	choices text[],
	pattern text,
	description text NOT NULL
);
COMMENT ON TABLE vvault.setting_defaults IS
'The shipped settings: value, what values are allowed (a number from least to greatest, one of choices, or what matches pattern) and what they do. Not dumped.';

INSERT INTO vvault.setting_defaults (name, value, least, greatest, whole, choices, description) VALUES
	('viral_threshold', '85', 0, 100, false, NULL,
	 'a virality score from here on counts as viral'),
	('default_sort', 'views', NULL, NULL, false, '{views,newest,engagement,trending,virality,momentum,hot}',
	 'the order of vvault_trending when the caller names none'),
	('page_limit', '200', 1, 1000, true, NULL,
	 'the most videos one page of a feed holds'),
	('feed_max_age', '3600', 0, 86400, true, NULL,
	 'seconds for which a feed may be kept; an order that moves with the clock is made for now in steps of it'),
	('velocity_min_span', '1800', 0, 86400, true, NULL,
	 'seconds over which a rate of views is measured at least: its base is the newest observation as old'),
	('analytics_max_age', '600', 0, 86400, true, NULL,
	 'seconds for which the reply of vvault_analytics may be kept'),
	('quota_units', '10000', 1, 100000000, true, NULL,
	 'units of the YouTube Data API that fetching charts may spend in any 24 hours; each page of a chart costs one'),
	('fetch_min_interval', '900', 60, 86400, true, NULL,
	 'seconds that vvault_fetch_schedule leaves at least between two charts of a region'),
	('clock_tolerance', '300', 0, 86400, true, NULL,
	 'seconds that the fetched_at of a chart may be ahead of the server''s clock'),
	('short_chart', '0.5', 0, 1, false, NULL,
	 'a chart with fewer videos than this share of the median of the three before it is history alone; 0 for none'),
	('forget_after', '30', 0, 36500, true, NULL,
	 'days without a chart or a refresh that shows a video, after which vvault_prune drops it; 0 for never');

-- What stands in a page's Content-Security-Policy: no blanks, no quotes, no
-- semicolon and no comma.
INSERT INTO vvault.setting_defaults (name, value, pattern, description) VALUES
	('chartjs_url', 'https://cdn.jsdelivr.net/npm/chart.js@4.6.1/dist/chart.umd.js',
	 '^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?)?(/[A-Za-z0-9_~@%+-][A-Za-z0-9._~@%+-]*)+$',
	 'where the dashboard loads Chart.js from: an https address, or a path on the site''s own server'),
	('chartjs_integrity', 'sha384-lm7tNiW/3uF4tLujoEeoR94zIODe3hCWqRtW0UgxpQE3QslzOhlD22UqQk1tSBhB',
	 '^sha(256-[A-Za-z0-9+/]{43}=|384-[A-Za-z0-9+/]{64}|512-[A-Za-z0-9+/]{86}==)$',
	 'the hash of the file at chartjs_url; a browser runs no other');

CREATE TABLE vvault.settings (
	name text COLLATE "C" PRIMARY KEY,
	value text NOT NULL
);
COMMENT ON TABLE vvault.settings IS
'The owner''s choices over vvault.setting_defaults; write them with vvault_set(). Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault.settings', '');

CREATE VIEW vvault.effective_settings AS
	SELECT d.name, coalesce(s.value, d.value) AS value, d.value AS shipped, d.description
	FROM vvault.setting_defaults d LEFT JOIN vvault.settings s USING (name);
COMMENT ON VIEW vvault.effective_settings IS
'Every setting with the value in force and the one shipped.';

-- For the settings of both wings.
CREATE FUNCTION vvault.value_problem(value text, lowest numeric, highest numeric, whole boolean, choices text[], pattern text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF choices IS NOT NULL THEN
		RETURN CASE WHEN value = ANY (choices) THEN NULL ELSE 'It is one of ' || array_to_string(choices, ', ') || '.' END;
	ELSIF pattern IS NOT NULL THEN
		RETURN CASE WHEN value ~ pattern THEN NULL ELSE 'It matches ' || pattern || '.' END;
	ELSIF value ~ '^[0-9]{1,18}$' OR NOT whole AND value ~ '^[0-9]{1,9}[.][0-9]{1,9}$' THEN
		IF value::numeric BETWEEN lowest AND highest THEN
			RETURN NULL;
		END IF;
	END IF;
	RETURN format('It is a %snumber from %s to %s.', CASE WHEN whole THEN 'whole ' ELSE '' END, lowest, highest);
END
$$;
COMMENT ON FUNCTION vvault.value_problem(text, numeric, numeric, boolean, text[], text) IS
'What is wrong with a value that has to be one of choices, match a pattern or be a number from lowest to highest, as a hint, or NULL.';

CREATE FUNCTION vvault.setting_problem(name text, value text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shipped vvault.setting_defaults;
BEGIN
	SELECT d.* INTO shipped FROM vvault.setting_defaults d WHERE d.name = setting_problem.name;
	IF NOT FOUND THEN
		RETURN (SELECT 'The settings are ' || string_agg(d.name, ', ' ORDER BY d.name) || '.'
			FROM vvault.setting_defaults d);
	END IF;
	RETURN vvault.value_problem(setting_problem.value, shipped.least, shipped.greatest, shipped.whole,
		shipped.choices, shipped.pattern);
END
$$;
COMMENT ON FUNCTION vvault.setting_problem(text, text) IS
'What is wrong with a setting''s name or value, as a hint, or NULL.';

CREATE FUNCTION vvault.settings_validate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text := vvault.setting_problem(NEW.name, NEW.value);
BEGIN
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'invalid setting "%" = "%"', left(NEW.name, 64), left(NEW.value, 64)
			USING ERRCODE = 'invalid_parameter_value', HINT = problem;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION vvault.settings_validate() IS
'Trigger on vvault.settings: refuses unknown names and values out of range.';

CREATE TRIGGER settings_validate BEFORE INSERT OR UPDATE ON vvault.settings
	FOR EACH ROW EXECUTE FUNCTION vvault.settings_validate();

CREATE FUNCTION vvault.setting(name text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- one probe, by a plan that is kept: an ingest asks several times
	value text := (SELECT e.value FROM vvault.effective_settings e WHERE e.name = setting.name);
BEGIN
	IF value IS NULL THEN
		RAISE EXCEPTION 'setting "%" of vvault is missing', left(setting.name, 64)
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restore the shipped rows of vvault.setting_defaults.';
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION vvault.setting(text) IS
'The value of a setting that is in force; 55000 where there is no such setting.';

CREATE FUNCTION @extschema@.vvault_set(name text, value text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF vvault_set.value IS NOT NULL THEN
		INSERT INTO vvault.settings AS s (name, value)
		VALUES (vvault_set.name, vvault_set.value)
		ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
		WHERE s.value <> EXCLUDED.value;
	ELSIF EXISTS (SELECT FROM vvault.setting_defaults d WHERE d.name = vvault_set.name) THEN
		DELETE FROM vvault.settings s WHERE s.name = vvault_set.name;
	ELSE
		RAISE EXCEPTION '%', coalesce('invalid setting "' || left(vvault_set.name, 64) || '"', 'name must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = coalesce(vvault.setting_problem(coalesce(vvault_set.name, ''), ''), '');
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_set(text, text) IS
'Changes a setting of vvault; a NULL value goes back to the shipped one.
Units and ranges: see vvault.effective_settings for every setting, its value and what it does.
NULL: a NULL value removes the owner''s choice; a NULL name is an error.
Errors: 22023 for an unknown name or a value out of range, with what is allowed as the hint.
Source: vvault.settings; a new viral_threshold recounts the statistics in the same transaction.';
