-- Rights. PUBLIC keeps EXECUTE on the pure scores and aggregates alone: on
-- what is IMMUTABLE and lives outside the schema vvault. Support functions of
-- aggregates are checked as their owner's, so they need no right of PUBLIC.

DO $revoke$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT p.oid::pg_catalog.regprocedure AS signature
		FROM pg_catalog.pg_depend d
			JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) d.objid
		WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
			AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid OPERATOR(pg_catalog.=)
				(SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) 'vvault')
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
			AND (p.pronamespace OPERATOR(pg_catalog.=) 'vvault'::pg_catalog.regnamespace
				OR p.prokind OPERATOR(pg_catalog.=) 'f' AND p.provolatile OPERATOR(pg_catalog.<>) 'i')
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f.signature);
	END LOOP;
END
$revoke$;

CREATE FUNCTION @extschema@.vvault_grant(role name, access text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	f record;
BEGIN
	IF vvault_grant.access IS NULL OR vvault_grant.access NOT IN ('reader', 'writer') THEN
		RAISE EXCEPTION 'invalid access "%"', coalesce(left(vvault_grant.access, 64), 'NULL')
			USING ERRCODE = 'invalid_parameter_value',
				HINT = 'A role is granted reader or writer.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = vvault_grant.role) THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(vvault_grant.role, 'NULL')
			USING ERRCODE = 'undefined_object', HINT = 'Create it with CREATE ROLE.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'vvault'
			AND pg_has_role(e.extowner, 'USAGE')) THEN
		RAISE EXCEPTION 'permission denied to grant access to vvault'
			USING ERRCODE = 'insufficient_privilege',
				HINT = 'The owner of the extension can grant it.';
	END IF;

	EXECUTE format('GRANT USAGE ON SCHEMA %s, vvault TO %I', '@extschema@', vvault_grant.role);
	EXECUTE format('GRANT SELECT ON vvault.region_defaults, vvault.regions,
		vvault.effective_regions, vvault.setting_defaults, vvault.settings,
		vvault.effective_settings, vvault.categories, vvault.videos, vvault.video_regions,
		vvault.snapshots, vvault.category_stats, vvault.daily_stats, vvault.feed_versions,
		vvault.ingests, vvault.video_search, vvault.search_words TO %I', vvault_grant.role);
	EXECUTE format('GRANT EXECUTE ON FUNCTION vvault.fold(text),
		vvault.similar_words(text, text[]) TO %I', vvault_grant.role);
	FOR f IN
		SELECT p.oid::regprocedure AS signature
		FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass
			AND d.refobjid = (SELECT e.oid FROM pg_extension e WHERE e.extname = 'vvault')
			AND d.deptype = 'e' AND p.prokind = 'f'
			AND p.pronamespace <> 'vvault'::regnamespace
			AND p.proname <> 'vvault_grant'
			AND (p.provolatile <> 'v' OR vvault_grant.access = 'writer')
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, vvault_grant.role);
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION @extschema@.vvault_grant(name, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.vvault_grant(name, text) IS
'Gives a role what it needs and no more: reader calls the functions that read, writer also those that write.
Units and ranges: access is reader or writer.
NULL: NULL is an error.
Errors: 22023 for another access, 42704 for a role that does not exist, 42501 unless the caller owns the extension. After an update of vvault it is called again.
Source: GRANT USAGE on both schemas, SELECT on the tables that replies are made of, EXECUTE on its functions: the STABLE and IMMUTABLE ones, for a writer the VOLATILE ones too. A writer writes through them alone.';
