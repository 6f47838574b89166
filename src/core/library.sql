-- In the install script and in every update: the library in this session must
-- be of the version that the script is of, or the functions would be tied to
-- others of the same names. An older library may lack the one that tells.
DO $library$
DECLARE
	loaded text := 'older';
BEGIN
	BEGIN
		CREATE OR REPLACE FUNCTION vvault.library_version() RETURNS text
		AS 'MODULE_PATHNAME', 'vvault_library_version'
		LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1;
		loaded := vvault.library_version();
	EXCEPTION WHEN undefined_function THEN
		NULL;
	END;
	IF loaded OPERATOR(pg_catalog.<>) '@VERSION@' THEN
		RAISE EXCEPTION 'library of vvault in this session is %, but this script is version @VERSION@', loaded
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Install library and scripts from one build, then connect anew: a session keeps the library it has loaded.';
	END IF;
END
$library$;
COMMENT ON FUNCTION vvault.library_version() IS
'The version of the library that this session has loaded.';
