-- What a role needs, granted by one call.

CREATE FUNCTION @extschema@.vvault_grant(role name, access text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	f record;
BEGIN
	IF vvault_grant.access IS NULL OR vvault_grant.access NOT IN ('reader', 'writer') THEN
		RAISE EXCEPTION '%', coalesce('invalid access "' || left(vvault_grant.access, 64) || '"', 'access must not be null')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A role is granted reader or writer.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = vvault_grant.role) THEN
		RAISE EXCEPTION '%', coalesce('role "' || vvault_grant.role || '" does not exist', 'role must not be null')
			USING ERRCODE = 'undefined_object', HINT = 'Create it with CREATE ROLE.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'vvault'
			AND pg_has_role(e.extowner, 'USAGE')) THEN
		RAISE EXCEPTION 'permission denied to grant access to vvault'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'The owner of the extension can grant it.';
	END IF;

	EXECUTE format('GRANT USAGE ON SCHEMA %s, vvault TO %I', '@extschema@', vvault_grant.role);
	-- what replies are made of
	FOR f IN SELECT o.kind, o.object FROM vvault.source_objects('vvault') o LOOP
		EXECUTE format('GRANT %s %s TO %I',
			CASE f.kind WHEN 'relation' THEN 'SELECT ON' ELSE 'EXECUTE ON FUNCTION' END,
			f.object, vvault_grant.role);
	END LOOP;
	FOR f IN
		SELECT p.oid::regprocedure AS signature
		FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'vvault')
			AND d.deptype = 'e' AND p.prokind = 'f'
			AND p.pronamespace <> 'vvault'::regnamespace
			AND p.proname NOT IN ('vvault_grant', 'vvault_mesh_join', 'vvault_mesh_leave')
			AND (p.provolatile <> 'v' OR vvault_grant.access = 'writer')
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, vvault_grant.role);
	END LOOP;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_grant(name, text) IS
'Gives a role what it needs and no more: reader calls the functions that read, writer also those that write.
Units and ranges: access is reader or writer.
NULL: NULL is an error.
Errors: 22023 for another access, 42704 for a role that does not exist, 42501 unless the caller owns the extension. After an update of vvault it is called again.
Source: GRANT USAGE on both schemas, SELECT on the tables that replies are made of, EXECUTE on its functions: the STABLE and IMMUTABLE ones, for a writer the VOLATILE ones too, but for this one and those that change a mesh. A writer writes through them alone.';
