-- How what is secret is kept, and another master key.

CREATE FUNCTION vvault_stream.content_keys_state() RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('plain', coalesce(sum(k.n) FILTER (WHERE k.sealed_by IS NULL), 0),
		'sealed', coalesce(sum(k.n) FILTER (WHERE k.sealed_by = k.here), 0),
		'of_other_keys', coalesce(sum(k.n) FILTER (WHERE k.sealed_by = k.here AND k.sealed_by <> vvault_stream.opening_key(NULL)), 0),
		'lost', coalesce(sum(k.n) FILTER (WHERE k.sealed_by IS NOT NULL AND k.here IS NULL), 0))
	FROM (SELECT o.sealed_by, count(*) AS n, CASE WHEN o.sealed_by IS NOT NULL THEN vvault_stream.opening_key(o.sealed_by) END AS here
		FROM vvault_stream.content_keys o GROUP BY o.sealed_by) k
$$;
COMMENT ON FUNCTION vvault_stream.content_keys_state() IS
'How many content keys are plain, sealed, sealed by another key than the first, or lost.';

CREATE FUNCTION @extschema@.vvault_secrets() RETURNS json
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('master_key', vvault_stream.opening_key(NULL), 'problem', vvault_stream.master_key_problem(),
		'plain', count(*) FILTER (WHERE s.sealed_by IS NULL), 'sealed', count(*) FILTER (WHERE s.sealed_by = vvault_stream.opening_key(s.sealed_by)),
		'of_other_keys', count(*) FILTER (WHERE s.sealed_by = vvault_stream.opening_key(s.sealed_by) AND s.sealed_by <> vvault_stream.opening_key(NULL)),
		'lost', coalesce(json_agg(s.name ORDER BY s.name) FILTER (WHERE s.sealed_by IS NOT NULL AND vvault_stream.opening_key(s.sealed_by) IS NULL), '[]'),
		'content_keys', vvault_stream.content_keys_state())
	FROM vvault_stream.secrets s
$$;
COMMENT ON FUNCTION @extschema@.vvault_secrets() IS
'How the secrets of vvault_stream are kept: {"master_key", "problem", "plain", "sealed", "of_other_keys", "lost", "content_keys"}. plain ones stand in the table, and in every dump, as they are: there is no master key, or vvault_reseal_secrets() was not called since. lost ones are sealed under a key that is not in the master key file, as after a dump was restored elsewhere: what needs them fails with 55000 until the key is there or a new secret was made.
Units and ranges: master_key is the name of the key that seals, a digest of it; plain, sealed and of_other_keys are counts, the last those that another key of the file sealed; lost are names of secrets; content_keys has the same four counts of the keys of protected videos, {"plain", "sealed", "of_other_keys", "lost"}.
NULL: no argument. master_key is null without one; problem is null where the file is as it should be, or not set.
Errors: none of its own.
Source: vvault_stream.secrets, content_keys and the file that vvault.master_key_file names.';

-- There may be millions of them, so it is one statement.
CREATE FUNCTION vvault_stream.reseal_content_keys() RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n integer;
BEGIN
	UPDATE vvault_stream.content_keys k
	SET (secret, sealed_by) = (SELECT s.sealed, s.sealed_by
		FROM vvault_stream.seal(vvault_stream.content_key_name(k.video_id, k.generation, k.class, k.kid), vvault_stream.content_key(k)) s)
	WHERE k.sealed_by IS NULL
		OR k.sealed_by <> vvault_stream.opening_key(NULL) AND vvault_stream.opening_key(k.sealed_by) IS NOT NULL;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n;
END
$$;
COMMENT ON FUNCTION vvault_stream.reseal_content_keys() IS
'Seals content keys under the first key of the master key file that are not sealed under it; returns how many.';

CREATE FUNCTION @extschema@.vvault_reseal_secrets() RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record;
	is_kept boolean;
	n integer := 0;
BEGIN
	IF vvault_stream.master_key_problem() IS NOT NULL OR vvault_stream.opening_key(NULL) IS NULL THEN
		RAISE EXCEPTION '%', coalesce(vvault_stream.master_key_problem(), 'there is no master key')
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A superuser sets vvault.master_key_file.';
	END IF;
	FOR s IN
		SELECT o.name, o.secret, o.sealed_by FROM vvault_stream.secrets o
		WHERE o.sealed_by IS NULL OR o.sealed_by <> vvault_stream.opening_key(NULL) AND vvault_stream.opening_key(o.sealed_by) IS NOT NULL
		ORDER BY o.name FOR UPDATE
	LOOP
		is_kept := vvault_stream.keep_secret(s.name, vvault_stream.unsealed(s.name, s.secret, s.sealed_by));
		n := n + 1;
	END LOOP;
	n := n + vvault_stream.reseal_content_keys();
	RETURN json_build_object('resealed', n, 'master_key', vvault_stream.opening_key(NULL));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_reseal_secrets() IS
'Seals every secret under the first key of the master key file that is not sealed under it yet: {"resealed", "master_key"}. Call it when the file is set for the first time, and when a new key was put in front of the old one, which may go then. Everything goes on meanwhile.
Units and ranges: resealed is how many; master_key the name of the key. What no key of the file opens stays as it is: see vvault_secrets().
NULL: no argument.
Errors: 55000 without a master key, or where its file cannot be used.
Source: vvault_stream.secrets and content_keys.';
