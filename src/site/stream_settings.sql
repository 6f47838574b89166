-- Settings of vvault_stream. As with those of vvault, what is shipped and what
-- an owner chose are two tables. Each room adds its own to what is shipped.

CREATE TABLE vvault_stream.setting_defaults (
	name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_]*$'),
	value text NOT NULL,
	least numeric,
	greatest numeric,
	whole boolean NOT NULL DEFAULT false,
	choices text[],
	pattern text,
	description text NOT NULL
);
COMMENT ON TABLE vvault_stream.setting_defaults IS
'The shipped settings of vvault_stream: value, what values are allowed (a number from least to greatest, one of choices, or what matches pattern) and what they do. Not dumped.';

CREATE TABLE vvault_stream.settings (
	name text COLLATE "C" PRIMARY KEY,
	value text NOT NULL
);
COMMENT ON TABLE vvault_stream.settings IS
'The owner''s choices over vvault_stream.setting_defaults; write them with vvault_stream_set(). Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.settings', '');

CREATE VIEW vvault_stream.effective_settings AS
	SELECT d.name, coalesce(s.value, d.value) AS value, d.value AS shipped, d.description
	FROM vvault_stream.setting_defaults d LEFT JOIN vvault_stream.settings s USING (name);
COMMENT ON VIEW vvault_stream.effective_settings IS
'Every setting of vvault_stream with the value in force and the one shipped.';

CREATE FUNCTION vvault_stream.setting_problem(name text, value text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	shipped vvault_stream.setting_defaults;
BEGIN
	SELECT d.* INTO shipped FROM vvault_stream.setting_defaults d WHERE d.name = setting_problem.name;
	IF NOT FOUND THEN
		RETURN (SELECT 'The settings are ' || string_agg(d.name, ', ' ORDER BY d.name) || '.'
			FROM vvault_stream.setting_defaults d);
	END IF;
	RETURN vvault.value_problem(setting_problem.value, shipped.least, shipped.greatest, shipped.whole,
		shipped.choices, shipped.pattern);
END
$$;
COMMENT ON FUNCTION vvault_stream.setting_problem(text, text) IS
'What is wrong with a setting''s name or value, as a hint, or NULL.';

CREATE FUNCTION vvault_stream.settings_validate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	problem text := vvault_stream.setting_problem(NEW.name, NEW.value);
BEGIN
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'invalid setting "%" = "%"', left(NEW.name, 64), left(NEW.value, 64)
			USING ERRCODE = 'invalid_parameter_value', HINT = problem;
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION vvault_stream.settings_validate() IS
'Trigger on vvault_stream.settings: refuses unknown names and values out of range.';

CREATE TRIGGER settings_validate BEFORE INSERT OR UPDATE ON vvault_stream.settings
	FOR EACH ROW EXECUTE FUNCTION vvault_stream.settings_validate();

CREATE FUNCTION vvault_stream.no_setting(name text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'setting "%" of vvault_stream is missing', left(no_setting.name, 64)
		USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Restore the shipped rows of vvault_stream.setting_defaults.';
END
$$;
COMMENT ON FUNCTION vvault_stream.no_setting(text) IS
'Raises 55000: whoever asks for a setting knows which are shipped.';

CREATE FUNCTION vvault_stream.setting(name text) RETURNS text
LANGUAGE sql STABLE
RETURN coalesce((SELECT e.value FROM vvault_stream.effective_settings e WHERE e.name = setting.name),
	vvault_stream.no_setting(name));
COMMENT ON FUNCTION vvault_stream.setting(text) IS
'The value of a setting that is in force; 55000 where there is no such setting.';

CREATE FUNCTION @extschema@.vvault_stream_set(name text, value text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF vvault_stream_set.value IS NOT NULL THEN
		INSERT INTO vvault_stream.settings AS s (name, value)
		VALUES (vvault_stream_set.name, vvault_stream_set.value)
		ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value
		WHERE s.value <> EXCLUDED.value;
	ELSIF EXISTS (SELECT FROM vvault_stream.setting_defaults d WHERE d.name = vvault_stream_set.name) THEN
		DELETE FROM vvault_stream.settings s WHERE s.name = vvault_stream_set.name;
	ELSE
		RAISE EXCEPTION '%', coalesce('invalid setting "' || left(vvault_stream_set.name, 64) || '"', 'name must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = coalesce(vvault_stream.setting_problem(coalesce(vvault_stream_set.name, ''), ''), '');
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_stream_set(text, text) IS
'Changes a setting of vvault_stream; a NULL value goes back to the shipped one.
Units and ranges: see vvault_stream.effective_settings for every setting, its value and what it does.
NULL: a NULL value removes the owner''s choice; a NULL name is an error.
Errors: 22023 for an unknown name or a value out of range, with what is allowed as the hint.
Source: vvault_stream.settings.';
