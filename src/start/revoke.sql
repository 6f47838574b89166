-- Rights. PUBLIC keeps EXECUTE on the pure scores and aggregates alone: on
-- what is IMMUTABLE and lives outside the extension's own schema. Support functions of
-- aggregates are checked as their owner's, so they need no right of PUBLIC.
--
-- Last in the install script and in every update. What an earlier script has
-- seen to stands in pg_init_privs and is left to the owner, who may have given
-- it to PUBLIC since; a dump holds the difference to what stands there.

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
				(SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname OPERATOR(pg_catalog.=) '@EXTENSION@')
			AND d.deptype OPERATOR(pg_catalog.=) 'e'
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_init_privs i
				WHERE i.classoid OPERATOR(pg_catalog.=) d.classid
					AND i.objoid OPERATOR(pg_catalog.=) d.objid)
			AND (p.pronamespace OPERATOR(pg_catalog.=) '@EXTENSION@'::pg_catalog.regnamespace
				OR p.prokind OPERATOR(pg_catalog.=) ANY ('{f,p}') AND p.provolatile OPERATOR(pg_catalog.<>) 'i')
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', f.signature);
	END LOOP;
END
$revoke$;
