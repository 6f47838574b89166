-- What functions of all rooms say in one way.

CREATE FUNCTION vvault_stream.refuse(message text, hint text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%', refuse.message USING ERRCODE = 'invalid_parameter_value', HINT = refuse.hint;
END
$$;
COMMENT ON FUNCTION vvault_stream.refuse(text, text) IS
'Raises 22023.';

CREATE FUNCTION vvault_stream.utc_text(t timestamptz) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_utc_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.utc_text(timestamptz) IS
'An instant as every reply shows it: ISO 8601 in UTC, whatever the session''s settings.';
