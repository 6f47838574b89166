-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION vvault CASCADE" to load this file. \quit

-- Nothing is looked up in the extension's own schema, where others may have
-- put operators and functions before us; every name of ours is qualified, and
-- every call of a function of ours gives all arguments in their exact types.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $check$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'vvault needs a database with encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
				DETAIL = pg_catalog.format('This database has encoding %s.',
					pg_catalog.getdatabaseencoding()),
				HINT = 'Create one with CREATE DATABASE ... ENCODING ''UTF8'' TEMPLATE template0.';
	END IF;
	IF '@extschema@' OPERATOR(pg_catalog.=) 'vvault' THEN
		RAISE EXCEPTION 'vvault cannot be created in the schema vvault'
			USING ERRCODE = 'invalid_schema_name',
				HINT = 'The schema vvault is for its tables; choose public or another schema for its functions.';
	END IF;
END
$check$;

CREATE SCHEMA vvault;
COMMENT ON SCHEMA vvault IS
'Tables and internals of the extension vvault; its functions are in the schema the extension was created in.';
