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

-- json may hold what no text and no numeric can. Whoever reads it finds that, and
-- would say so without a hint.
CREATE FUNCTION vvault_stream.readable(value json, argument text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN readable.value::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	PERFORM vvault_stream.refuse('invalid ' || readable.argument,
		'It is JSON without \u0000, halves of surrogate pairs, and numbers that numeric cannot hold.');
END
$$;
COMMENT ON FUNCTION vvault_stream.readable(json, text) IS
'An argument as jsonb; 22023 for one that holds what no text or number of the server can be.';

CREATE FUNCTION vvault_stream.utc_text(t timestamptz) RETURNS text
AS 'MODULE_PATHNAME', 'vvault_utc_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.utc_text(timestamptz) IS
'An instant as every reply shows it: ISO 8601 in UTC, whatever the session''s settings.';
