-- How often one may ask, and what PostgREST asks before each request.

INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('read_rate', '50', 0, 1000000, false, 'requests a second that a subject may make of functions that only read; 0 is no limit. It holds where PostgREST calls vvault_pre_request(), as the other rates'),
	('read_burst', '200', 1, 1000000, true, 'such requests that may come at once'),
	('write_rate', '10', 0, 1000000, false, 'requests a second of a subject of functions that write; 0 is no limit'),
	('write_burst', '100', 1, 1000000, true, 'such requests that may come at once'),
	('token_rate', '1', 0, 1000000, false, 'requests a second of a subject of the functions vvault_token_*; 0 is no limit'),
	('token_burst', '30', 1, 1000000, true, 'such requests that may come at once');
INSERT INTO vvault_stream.setting_defaults (name, value, choices, description) VALUES
	('rate_without_memory', 'open', '{open,closed}',
	 'what becomes of requests that have a limit where the server has no shared memory to count them in: open lets them through, closed answers 503');

CREATE TABLE vvault_stream.rate_limits (
	subject text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(subject) <= 255),
	role_name text COLLATE "C" NOT NULL DEFAULT '' CHECK (octet_length(role_name) <= 63),
	class text COLLATE "C" NOT NULL CHECK (class IN ('read', 'write', 'token')),
	per_second double precision CHECK (per_second BETWEEN 0.0001 AND 1000000),
	burst integer CHECK (burst BETWEEN 1 AND 1000000),
	PRIMARY KEY (subject, role_name, class),
	CHECK ((subject = '') <> (role_name = '')),
	CHECK ((per_second IS NULL) = (burst IS NULL))
);
COMMENT ON TABLE vvault_stream.rate_limits IS
'Who may ask more or less often than the settings say: a subject, or each subject of a role and all who come as that role without a subject, together. Dumped.';
COMMENT ON COLUMN vvault_stream.rate_limits.per_second IS 'NULL is no limit';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.rate_limits', '');

CREATE FUNCTION @extschema@.vvault_pre_request() RETURNS void
AS 'MODULE_PATHNAME', 'vvault_pre_request'
LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.vvault_pre_request() IS
'What PostgREST calls before each request (db-pre-request): refuses tokens that were revoked, with status 401, and who asks too often, with 429 and Retry-After. A subject has a limit for reading, for writing and for functions of tokens, by settings or vvault_set_rate_limit(). Who comes without a token is limited where his role is; limits by address are those of the server in front.
Units and ranges: a limit is a rate and how many requests may come at once; each server counts by itself, a standby too.
NULL: no argument.
Errors: PGRST with PostgREST''s status and headers: 401 for a revoked token, 429 for too many requests, 503 where they cannot be counted and the setting rate_without_memory is closed. Refusals are counted (vvault.counters()), not logged.
Source: request.jwt.claims in a session of the authenticator, vvault_stream.revocations, rate_limits and settings. Elsewhere than in a request of PostgREST it does nothing.';

CREATE FUNCTION vvault_stream.counts_requests() RETURNS boolean
AS 'MODULE_PATHNAME', 'vvault_counts_requests'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION vvault_stream.counts_requests() IS
'Whether the server has shared memory to count requests in.';

CREATE FUNCTION vvault_stream.check_rate_limit(class text, subject text, role_name text, per_second double precision, burst integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wrong text := CASE WHEN NOT coalesce(class IN ('read', 'write', 'token'), false) THEN 'class'
		WHEN (subject IS NULL) = (role_name IS NULL) OR octet_length(subject) NOT BETWEEN 1 AND 255 THEN 'subject'
		WHEN octet_length(role_name) NOT BETWEEN 1 AND 63 THEN 'role_name'
		WHEN NOT coalesce(per_second BETWEEN 0.0001 AND 1000000, burst IS NULL) THEN 'per_second'
		WHEN NOT coalesce(burst BETWEEN 1 AND 1000000, per_second IS NULL) THEN 'burst' END;
BEGIN
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || wrong, 'A class is read, write or token; a limit is of a subject, 1 to 255 bytes, or of a role; '
			'per_second is from 0.0001, burst from 1, both to 1000000, or both NULL.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_rate_limit(text, text, text, double precision, integer) IS
'Raises 22023 for what is no limit.';

CREATE FUNCTION @extschema@.vvault_set_rate_limit(class text, subject text DEFAULT NULL, role_name text DEFAULT NULL,
	per_second double precision DEFAULT NULL, burst integer DEFAULT NULL, remove boolean DEFAULT false) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	whose text := coalesce(vvault_set_rate_limit.subject, '');
	whose_role text := coalesce(vvault_set_rate_limit.role_name, '');
BEGIN
	PERFORM vvault_stream.check_rate_limit(vvault_set_rate_limit.class, vvault_set_rate_limit.subject, vvault_set_rate_limit.role_name,
		vvault_set_rate_limit.per_second, vvault_set_rate_limit.burst);
	IF vvault_set_rate_limit.remove THEN
		DELETE FROM vvault_stream.rate_limits l
		WHERE l.subject = whose AND l.role_name = whose_role AND l.class = vvault_set_rate_limit.class;
		RETURN json_build_object('class', vvault_set_rate_limit.class, 'removed', FOUND);
	END IF;
	INSERT INTO vvault_stream.rate_limits (subject, role_name, class, per_second, burst)
	VALUES (whose, whose_role, vvault_set_rate_limit.class, vvault_set_rate_limit.per_second, vvault_set_rate_limit.burst)
	ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE SET per_second = EXCLUDED.per_second, burst = EXCLUDED.burst;
	RETURN json_build_object('class', vvault_set_rate_limit.class, 'subject', vvault_set_rate_limit.subject,
		'role_name', vvault_set_rate_limit.role_name, 'per_second', vvault_set_rate_limit.per_second, 'burst', vvault_set_rate_limit.burst);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_set_rate_limit(text, text, text, double precision, integer, boolean) IS
'Says how often a subject may ask, or each subject of a role: {"class", "subject", "role_name", "per_second", "burst"}. The limit of a subject goes before that of his role, and that before the settings. One of a role also holds for all together who come as that role without a subject. remove takes what was said back: {"class", "removed"}.
Units and ranges: class is read (functions that only read), write, or token (vvault_token_*); per_second from 0.0001 and burst from 1, both to 1000000.
NULL: one of subject and role_name is NULL; per_second and burst NULL are no limit.
Errors: 22023 for what is out of range.
Source: vvault_stream.rate_limits. It holds from the next request on.';

CREATE FUNCTION @extschema@.vvault_rate_limits() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('counts', vvault_stream.counts_requests(), 'without_memory', vvault_stream.setting('rate_without_memory'),
		'usual', (SELECT json_object_agg(c, json_build_object('per_second', nullif(vvault_stream.setting(c || '_rate')::double precision, 0),
			'burst', vvault_stream.setting(c || '_burst')::integer)) FROM unnest('{read,write,token}'::text[]) c),
		'limits', (SELECT coalesce(json_agg(json_build_object('class', l.class, 'subject', nullif(l.subject, ''), 'role_name', nullif(l.role_name, ''),
			'per_second', l.per_second, 'burst', l.burst) ORDER BY l.role_name, l.subject, l.class), '[]') FROM vvault_stream.rate_limits l),
		'since_start', (SELECT json_object_agg(c.name, c.value ORDER BY c.name) FROM vvault.counters() c
			WHERE c.name IN ('requests_too_many', 'requests_of_revoked_tokens', 'requests_not_counted', 'rate_limit_places_lost')))
$$;
COMMENT ON FUNCTION @extschema@.vvault_rate_limits() IS
'How often one may ask, and what was refused: {"counts", "without_memory", "usual": {"read", "write", "token"}, "limits": [{"class", "subject", "role_name", "per_second", "burst"}], "since_start": {"requests_too_many", "requests_of_revoked_tokens", "requests_not_counted", "rate_limit_places_lost"}}. counts is false where the server has no shared memory for it: then nobody is limited, or everybody refused who has a limit, as without_memory says.
Units and ranges: per_second and burst as vvault_set_rate_limit() has them; since_start are counts of this server and all its databases. rate_limit_places_lost is how often more callers came than there are places for: some of them were let through too soon.
NULL: no argument. per_second null is no limit; counts of since_start are null without shared memory.
Errors: none of its own.
Source: vvault_stream.rate_limits, settings and vvault.counters().';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_pre_request'), ('publisher', 'vvault_pre_request');
