-- In the install script and in every update: vvault, the library in this
-- session and this script must be of one version. A vvault that is older may
-- lack the function that tells of the library.
DO $library$
DECLARE
	beside text := (SELECT e.extversion FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'vvault');
	loaded text;
BEGIN
	IF beside OPERATOR(pg_catalog.<>) '@VERSION@' THEN
		RAISE EXCEPTION 'extension vvault is version %, but this script of vvault_stream is version @VERSION@', beside
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Run ALTER EXTENSION vvault UPDATE first.';
	END IF;
	loaded := vvault.library_version();
	IF loaded OPERATOR(pg_catalog.<>) '@VERSION@' THEN
		RAISE EXCEPTION 'library of vvault in this session is %, but this script is version @VERSION@', loaded
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'Install library and scripts from one build, then connect anew: a session keeps the library it has loaded.';
	END IF;
END
$library$;
