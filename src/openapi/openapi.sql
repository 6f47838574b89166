-- The description of the HTTP interface, out of the catalog: a function that
-- the caller may call is in it, with its arguments, their defaults and its
-- comment.

CREATE FUNCTION vvault.openapi_type(type oid) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE t.typcategory
			WHEN 'B' THEN json_build_object('type', 'boolean')
			WHEN 'N' THEN CASE t.oid
				WHEN 'int4'::regtype THEN json_build_object('type', 'integer', 'format', 'int32')
				WHEN 'int8'::regtype THEN json_build_object('type', 'integer', 'format', 'int64')
				WHEN 'float8'::regtype THEN json_build_object('type', 'number', 'format', 'double')
				ELSE json_build_object('type', 'number') END
			WHEN 'D' THEN json_build_object('type', 'string', 'format',
				CASE t.oid WHEN 'date'::regtype THEN 'date' ELSE 'date-time' END)
			ELSE json_build_object('type', 'string') END
	FROM pg_type t WHERE t.oid = openapi_type.type
$$;
COMMENT ON FUNCTION vvault.openapi_type(oid) IS
'The schema of a plain SQL type as JSON.';

CREATE FUNCTION vvault.openapi_functions(caller oid)
RETURNS TABLE (oid oid, name name, comment text, returns text, schema json)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.oid, p.proname, obj_description(p.oid, 'pg_proc'),
		CASE WHEN p.prorettype = 'vvault."*/*"'::regtype THEN 'page'
			WHEN p.prorettype = 'json'::regtype THEN 'json'
			ELSE 'value' END,
		CASE WHEN p.prorettype = 'vvault."*/*"'::regtype THEN json_build_object('type', 'string')
			WHEN p.prorettype = 'json'::regtype THEN
				CASE WHEN vvault.openapi_schemas() -> p.proname::text IS NOT NULL
					THEN json_build_object('$ref', '#/components/schemas/' || p.proname)
					ELSE '{}' END
			WHEN p.proretset THEN json_build_object('type', 'array', 'items', c.row)
			WHEN p.prorettype = 'record'::regtype THEN c.row
			ELSE (vvault.openapi_type(p.prorettype)::jsonb || '{"nullable": true}')::json END
	FROM pg_extension e
		JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
			AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
		JOIN pg_proc p ON p.oid = d.objid AND p.pronamespace = e.extnamespace
		LEFT JOIN LATERAL (
			SELECT json_build_object('type', 'object',
				'required', json_agg(p.proargnames[i] ORDER BY i),
				'properties', json_object_agg(p.proargnames[i],
					vvault.openapi_type(p.proallargtypes[i])::jsonb || '{"nullable": true}' ORDER BY i)) AS row
			FROM generate_subscripts(p.proargmodes, 1) i WHERE p.proargmodes[i] IN ('t', 'o')) c ON true
	WHERE e.extname = 'vvault' AND p.prokind = 'f' AND p.provolatile <> 'v'
		AND has_function_privilege(openapi_functions.caller, p.oid, 'EXECUTE')
$$;
COMMENT ON FUNCTION vvault.openapi_functions(oid) IS
'The functions that a role may call by HTTP, what each gives (json, a page, a value) and the schema of that.';

CREATE FUNCTION vvault.openapi_parameters(function oid)
RETURNS TABLE (n integer, name text, required boolean, description text, schema json)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.n::integer, a.name, a.n <= p.pronargs - p.pronargdefaults, w.known ->> 'description',
		(vvault.openapi_type(a.type)::jsonb || (w.known - '{description,choices_of}'::text[])
			|| coalesce((SELECT jsonb_build_object('enum', d.choices) FROM vvault.setting_defaults d
				WHERE d.name = w.known ->> 'choices_of'), '{}')
			|| CASE WHEN a.given ~ '^-?[0-9.]+$' THEN jsonb_build_object('default', a.given::jsonb) ELSE '{}' END)::json
	FROM pg_proc p
		CROSS JOIN LATERAL (
			SELECT u.n, p.proargnames[u.n] AS name, u.type, pg_get_function_arg_default(p.oid, u.n::integer) AS given
			FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY u (type, n)) a
		CROSS JOIN LATERAL (
			SELECT coalesce(vvault.openapi_arguments() -> a.name, '{}')::jsonb AS known) w
	WHERE p.oid = openapi_parameters.function
$$;
COMMENT ON FUNCTION vvault.openapi_parameters(oid) IS
'The arguments of a function as a description of HTTP has them.';

-- Replies that come with the headers of vvault, or without (a page, a value).
-- What may be NULL to SQL is not found by HTTP; a function that PostgREST does not
-- know with such arguments is not found there either.
CREATE FUNCTION vvault.openapi_responses(returns text, schema json, site boolean, page_headers json)
RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN json_strip_nulls(json_build_object(
	'200', CASE WHEN returns OPERATOR(pg_catalog.=) 'page'
		THEN json_build_object('description', 'the page', 'content', json_build_object('text/html', json_build_object('schema', schema)))
		ELSE json_build_object('description', 'the reply',
			'headers', CASE WHEN returns OPERATOR(pg_catalog.=) 'json' THEN page_headers END,
			'content', json_build_object('application/json', json_build_object('schema', schema))) END,
	'304', CASE WHEN returns OPERATOR(pg_catalog.=) 'json' THEN json_build_object('$ref', '#/components/responses/NotModified') END,
	'400', json_build_object('$ref', CASE WHEN site THEN '#/components/responses/SiteBadRequest'
		ELSE '#/components/responses/PostgrestBadRequest' END),
	'401', CASE WHEN NOT site THEN json_build_object('$ref', '#/components/responses/PostgrestForbidden') END,
	'404', CASE WHEN NOT site THEN json_build_object('$ref', '#/components/responses/PostgrestNotFound')
		WHEN vvault.openapi_schemas() OPERATOR(pg_catalog.->) pg_catalog.regexp_replace(
			schema OPERATOR(pg_catalog.->>) '$ref', '^.*/', '') OPERATOR(pg_catalog.->>) 'nullable' OPERATOR(pg_catalog.=) 'true'
			THEN json_build_object('$ref', '#/components/responses/SiteNotFound') END,
	'429', CASE WHEN site THEN json_build_object('$ref', '#/components/responses/SiteTooMany') END,
	'default', json_build_object('$ref', CASE WHEN site THEN '#/components/responses/SiteError'
		ELSE '#/components/responses/PostgrestError' END)));
COMMENT ON FUNCTION vvault.openapi_responses(text, json, boolean, json) IS
'What may be answered, as a description of HTTP has it.';

-- One operation: site is the path below the site, NULL for PostgREST's own.
CREATE FUNCTION vvault.openapi_operation(oid oid, name name, comment text, returns text, schema json,
	method text, site text) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_strip_nulls(json_build_object(
		'operationId', concat_ws('_', CASE WHEN site IS NOT NULL THEN 'site' END, openapi_operation.name, method),
		'tags', json_build_array(CASE WHEN site IS NOT NULL THEN 'site' ELSE 'PostgREST' END),
		'summary', regexp_replace(split_part(openapi_operation.comment, E'\n', 1), ': \{.*$', '.'),
		'description', openapi_operation.comment,
		'security', '[]'::json,
		'parameters', CASE WHEN method = 'get' THEN (
			SELECT json_agg(json_build_object('name', a.name,
					'in', CASE WHEN b.inside THEN 'path' ELSE 'query' END, 'required', b.inside OR a.required,
					'description', a.description, 'schema', a.schema) ORDER BY a.n)
			FROM vvault.openapi_parameters(openapi_operation.oid) a
				CROSS JOIN LATERAL (SELECT coalesce(site LIKE '%{' || a.name || '}%', false) AS inside) b) END,
		'requestBody', CASE WHEN method = 'post' THEN (
			SELECT json_build_object('required', true, 'content', json_build_object('application/json',
				json_build_object('schema', json_build_object('type', 'object', 'additionalProperties', false,
					'required', json_agg(a.name ORDER BY a.n) FILTER (WHERE a.required),
					'properties', json_object_agg(a.name,
						a.schema::jsonb || jsonb_strip_nulls(jsonb_build_object('description', a.description)) ORDER BY a.n)))))
			FROM vvault.openapi_parameters(openapi_operation.oid) a) END,
		'responses', vvault.openapi_responses(openapi_operation.returns, openapi_operation.schema, site IS NOT NULL,
			'{"Cache-Control": {"$ref": "#/components/headers/Cache-Control"}, "ETag": {"$ref": "#/components/headers/ETag"},
			"X-Cache": {"$ref": "#/components/headers/X-Cache"}}')))
$$;
COMMENT ON FUNCTION vvault.openapi_operation(oid, name, text, text, json, text, text) IS
'One path and method of the description of HTTP.';

CREATE FUNCTION vvault.openapi_document(caller oid) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH function AS MATERIALIZED (
		SELECT f.* FROM vvault.openapi_functions(openapi_document.caller) f
	), path AS (
		SELECT '/rpc/' || f.name AS path, 1 AS kind, json_strip_nulls(json_build_object(
			'get', vvault.openapi_operation(f.oid, f.name, f.comment, f.returns, f.schema, 'get', NULL),
			'post', CASE WHEN EXISTS (SELECT FROM vvault.openapi_parameters(f.oid))
				THEN vvault.openapi_operation(f.oid, f.name, f.comment, f.returns, f.schema, 'post', NULL) END)) AS item
		FROM function f
		UNION ALL
		SELECT s.path, 0, json_strip_nulls(json_build_object(
			'get', vvault.openapi_operation(f.oid, f.name, f.comment, f.returns, f.schema, 'get', s.path),
			'post', CASE s.function WHEN 'vvault_search' THEN vvault.openapi_operation(f.oid, f.name, f.comment, f.returns, f.schema, 'post', s.path) END))
		FROM json_to_recordset(vvault.openapi_site()) AS s (path text, function text)
			JOIN function f ON f.name = s.function
	)
	SELECT json_build_object(
		'openapi', '3.0.3',
		'info', json_build_object('title', 'vvault',
			'version', (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'vvault'),
			'description', (SELECT obj_description(e.oid, 'pg_extension') FROM pg_extension e WHERE e.extname = 'vvault'),
			'license', '{"name": "PostgreSQL License", "url": "https://opensource.org/license/postgresql"}'::json),
		'servers', '[{"url": "/", "description": "where this description was asked for"}]'::json,
		'tags', '[{"name": "site", "description": "The URLs of the site, served by nginx as deploy/nginx.conf says."},
			{"name": "PostgREST", "description": "The functions as PostgREST serves them, for programs behind nginx."}]'::json,
		'paths', (SELECT json_object_agg(p.path, p.item ORDER BY p.kind, p.path COLLATE "C") FROM path p),
		'components', json_build_object(
			'headers', vvault.openapi_parts() -> 'headers', 'responses', vvault.openapi_parts() -> 'responses',
			'schemas', (
				SELECT json_object_agg(s.key, s.value ORDER BY s.key COLLATE "C") FROM (
					SELECT j.key, j.value FROM json_each(vvault.openapi_schemas()) j
					WHERE j.key NOT LIKE 'vvault%' OR j.key IN (SELECT f.name FROM function f)
					UNION ALL
					SELECT j.key, j.value FROM json_each(vvault.openapi_parts() -> 'schemas') j) s)))
$$;
COMMENT ON FUNCTION vvault.openapi_document(oid) IS
'The description of the HTTP interface that vvault_openapi() gives to a role.';

CREATE FUNCTION @extschema@.vvault_openapi() RETURNS json
AS 'MODULE_PATHNAME', 'vvault_openapi'
LANGUAGE C STABLE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.vvault_openapi() IS
'The HTTP interface as an OpenAPI description: {openapi, info, servers, tags, paths, components}.
Units and ranges: OpenAPI 3.0.3; every function that reads and that the caller may call, below /rpc as PostgREST serves it, and the URLs of deploy/nginx.conf; arguments with types, defaults and descriptions, replies with schemas.
NULL: takes no argument and is never NULL.
Errors: 42501 without the rights of a reader.
Source: pg_catalog, where comments become summaries and descriptions. PostgREST serves it at / where its db-root-spec names this function.';
