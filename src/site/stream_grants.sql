-- What a role needs of vvault_stream, granted by one call. Each room says in
-- vvault_stream.role_functions which of its functions are whose.

CREATE TABLE vvault_stream.role_functions (
	access text COLLATE "C" NOT NULL CHECK (access IN ('viewer', 'publisher', 'worker', 'edge')),
	function_name name NOT NULL,
	PRIMARY KEY (access, function_name)
);
COMMENT ON TABLE vvault_stream.role_functions IS
'Which functions vvault_stream_grant() gives to viewers, publishers, workers and edges; an operator gets all. Shipped. Not dumped.';

CREATE FUNCTION @extschema@.vvault_stream_grant(role name, access text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	f record;
BEGIN
	IF vvault_stream_grant.access IS NULL
			OR vvault_stream_grant.access NOT IN ('viewer', 'publisher', 'worker', 'edge', 'operator') THEN
		RAISE EXCEPTION '%', coalesce('invalid access "' || left(vvault_stream_grant.access, 64) || '"', 'access must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A role is granted viewer, publisher, worker, edge or operator.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = vvault_stream_grant.role) THEN
		RAISE EXCEPTION '%', coalesce('role "' || vvault_stream_grant.role || '" does not exist', 'role must not be null')
			USING ERRCODE = 'undefined_object', HINT = 'Create it with CREATE ROLE.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'vvault_stream'
			AND pg_has_role(e.extowner, 'USAGE')) THEN
		RAISE EXCEPTION 'permission denied to grant access to vvault_stream'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'The owner of the extension can grant it.';
	END IF;

	EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', '@extschema@', vvault_stream_grant.role);
	-- PostgREST casts a manifest to its type, which is in there
	IF vvault_stream_grant.access IN ('viewer', 'operator') AND NOT has_schema_privilege(vvault_stream_grant.role, 'vvault', 'USAGE') THEN
		EXECUTE format('GRANT USAGE ON SCHEMA vvault TO %I', vvault_stream_grant.role);
	END IF;
	FOR f IN
		SELECT p.oid::regprocedure AS signature, p.prokind
		FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'vvault_stream')
			AND d.deptype = 'e'
			AND p.pronamespace <> 'vvault_stream'::regnamespace
			AND p.proname <> 'vvault_stream_grant'
			AND (vvault_stream_grant.access = 'operator' OR EXISTS (
				SELECT FROM vvault_stream.role_functions r
				WHERE r.access = vvault_stream_grant.access AND r.function_name = p.proname))
	LOOP
		EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', f.signature, vvault_stream_grant.role);
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_stream_grant(name, text) IS
'Gives a role what it needs of vvault_stream and no more: the right to call functions. No role has a right on a table: the functions run with their owner''s.
Units and ranges: access is viewer, publisher, worker, edge or operator; an operator may call all of them, the others what vvault_stream.role_functions lists.
NULL: NULL is an error.
Errors: 22023 for another access, 42704 for a role that does not exist, 42501 unless the caller owns the extension. After an update of vvault_stream it is called again.
Source: GRANT USAGE on the schema of the functions, for viewers and operators also on the schema vvault, whose type manifests have, and EXECUTE on functions and procedures of the extension.';
