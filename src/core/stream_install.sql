-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vvault_stream CASCADE" to load this file. \quit

-- As in vvault's script: nothing is looked up but by its full name.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $check$
DECLARE
	beside text := (SELECT pg_catalog.quote_ident(n.nspname)
		FROM pg_catalog.pg_extension e
			JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
		WHERE e.extname OPERATOR(pg_catalog.=) 'vvault');
BEGIN
	IF '@extschema@' OPERATOR(pg_catalog.<>) beside THEN
		RAISE EXCEPTION 'vvault_stream cannot be created in the schema @extschema@: vvault is in %', beside
			USING ERRCODE = 'invalid_schema_name',
				HINT = pg_catalog.format('Their functions are in one schema: CREATE EXTENSION vvault_stream SCHEMA %s.', beside);
	END IF;
END
$check$;

CREATE SCHEMA vvault_stream;
COMMENT ON SCHEMA vvault_stream IS
'Tables and internals of the extension vvault_stream; its functions are in the schema of vvault''s.';
