--
-- rights.sql
--		vvault_stream_grant(): each role calls what it was given and nothing
--		else, and has no right on any table. What PUBLIC may.
--
BEGIN;
SELECT plan(19);

CREATE ROLE vvs_viewer;
CREATE ROLE vvs_publisher;
CREATE ROLE vvs_worker;
CREATE ROLE vvs_operator;
CREATE ROLE vvs_stranger;

-- functions as rooms add them
CREATE FUNCTION vvault_watched(video_id text) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION vvault_watched(video_id text, again boolean) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1';
CREATE PROCEDURE vvault_worked() LANGUAGE sql AS '';
CREATE FUNCTION vvault_stream.inside() RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text';
ALTER EXTENSION vvault_stream ADD FUNCTION vvault_watched(text);
ALTER EXTENSION vvault_stream ADD FUNCTION vvault_watched(text, boolean);
ALTER EXTENSION vvault_stream ADD PROCEDURE vvault_worked();
ALTER EXTENSION vvault_stream ADD FUNCTION vvault_stream.inside();
REVOKE ALL ON ROUTINE vvault_watched(text), vvault_watched(text, boolean), vvault_worked(), vvault_stream.inside() FROM PUBLIC;
INSERT INTO vvault_stream.role_functions VALUES ('viewer', 'vvault_watched'), ('publisher', 'vvault_watched'), ('worker', 'vvault_worked');

SELECT vvault_stream_grant(r, substr(r, 5)) FROM unnest('{vvs_viewer,vvs_publisher,vvs_worker,vvs_operator}'::name[]) AS r;

-- which of the extension's functions a role may call
CREATE FUNCTION pg_temp.callable(role text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(p.oid::regprocedure::text, ' ' ORDER BY p.oid::regprocedure::text)
	FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
	WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault_stream')
		AND (p.pronamespace = 'vvault_stream'::regnamespace OR p.proname ~ '^vvault_(asset|watched|worked|stream_grant)$')
		AND has_function_privilege(role, p.oid, 'EXECUTE')
$$;
SELECT is(pg_temp.callable('vvs_viewer'), 'vvault_watched(text) vvault_watched(text,boolean)', 'a viewer calls what viewers may');
SELECT is(pg_temp.callable('vvs_publisher'), 'vvault_asset(text) vvault_watched(text) vvault_watched(text,boolean)', 'a publisher calls his');
SELECT is(pg_temp.callable('vvs_worker'), 'vvault_worked()', 'a worker calls his, procedures too');
SELECT is(pg_temp.callable('vvs_operator'), 'vvault_asset(text) vvault_watched(text) vvault_watched(text,boolean) vvault_worked()',
	'an operator calls all but what grants and what is inside');
SELECT is(pg_temp.callable('vvs_stranger'), NULL, 'a stranger nothing');

SELECT is((SELECT string_agg(format('%s %s', r, c.oid::regclass), ', ')
		FROM unnest('{vvs_viewer,vvs_publisher,vvs_worker,vvs_operator,vvs_stranger}'::text[]) AS r, pg_class c
		WHERE c.relnamespace IN ('vvault_stream'::regnamespace, 'vvault'::regnamespace) AND c.relkind IN ('r', 'v')
			AND has_table_privilege(r, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')),
	NULL, 'nobody of them has a right on a table');

SET LOCAL ROLE vvs_operator;
SELECT ok(vvault_asset('none') IS NULL, 'the functions run with their owner''s rights');
SELECT throws_ok($$SELECT vvault_stream_grant('vvs_stranger', 'viewer')$$, '42501', NULL, 'an operator grants nothing');
RESET ROLE;

-- who may grant, and what
SELECT throws_ok($$SELECT vvault_stream_grant('vvs_stranger', 'reader')$$, '22023', 'invalid access "reader"', 'an access of vvault is none here');
SELECT throws_ok($$SELECT vvault_stream_grant('vvs_stranger', NULL)$$, '22023', 'access must not be null', 'nor is NULL');
SELECT throws_ok($$SELECT vvault_stream_grant('vvs_nobody', 'viewer')$$, '42704', 'role "vvs_nobody" does not exist', 'the role is there');
SELECT throws_ok($$SELECT vvault_stream_grant(NULL, 'viewer')$$, '42704', NULL, 'and is named');
GRANT EXECUTE ON FUNCTION vvault_stream_grant TO vvs_stranger;
SET LOCAL ROLE vvs_stranger;
SELECT throws_ok($$SELECT vvault_stream_grant('vvs_stranger', 'operator')$$, '42501', 'permission denied to grant access to vvault_stream',
	'only the owner of the extension grants');
RESET ROLE;

-- what rooms list is there
SELECT is((SELECT string_agg(r.function_name, ', ') FROM vvault_stream.role_functions r
		WHERE NOT EXISTS (SELECT FROM pg_proc p JOIN pg_extension e ON e.extnamespace = p.pronamespace AND e.extname = 'vvault_stream'
			WHERE p.proname = r.function_name)),
	NULL, 'every function that is somebody''s is there');

-- what the script leaves to PUBLIC, as the script left it
CREATE TEMP VIEW left_to_public AS
	SELECT p.oid::regprocedure AS signature
	FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
		LEFT JOIN pg_init_privs i ON i.classoid = d.classid AND i.objoid = d.objid
	WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'vvault_stream')
		AND p.proname !~ '^(vvault_watched|vvault_worked|inside)$'
		AND (i.initprivs IS NULL OR EXISTS (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0));
SELECT is((SELECT count(*) FROM left_to_public), 0::bigint, 'PUBLIC keeps the right to nothing');
SELECT is((SELECT count(*) FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'vvault_stream'
		WHERE c.relkind IN ('r', 'v') AND has_table_privilege('vvs_stranger', c.oid, 'SELECT')), 0::bigint, 'nor to a table');
SELECT is(has_schema_privilege('vvs_operator', 'vvault_stream', 'USAGE'), false, 'nobody looks into the schema of the tables');

-- what PostgREST is told of an asset
INSERT INTO vvault_stream.assets (video_id, owner_id, access) VALUES ('mine', 'me', 'public');
SELECT set_config('request.method', 'GET', true), set_config('request.headers', '{}', true), set_config('response.headers', '', true);
SET LOCAL ROLE vvs_operator;
SELECT is(vvault_asset('mine') ->> 'owner_id', 'me', 'asked by PostgREST');
RESET ROLE;
SELECT alike(current_setting('response.headers'), '%private, no-store%', 'it is told that the reply is for the caller alone');

SELECT * FROM finish();
ROLLBACK;
