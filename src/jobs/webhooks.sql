-- Webhooks: who is told of events, what the worker that tells him gets, and
-- what became of it. Signed as Standard Webhooks says. The worker gets the
-- signature alone, for the moment of its attempt.

CREATE FUNCTION vvault_stream.hmac_sha256(key bytea, message text) RETURNS bytea
AS 'MODULE_PATHNAME', 'vvault_hmac_sha256'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION vvault_stream.hmac_sha256(bytea, text) IS
'HMAC-SHA-256 of a text.';

-- A webhook takes its secrets with it.
CREATE FUNCTION vvault_stream.webhooks_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM vvault_stream.secrets s WHERE s.name ^@ 'webhook:'
		AND NOT EXISTS (SELECT FROM vvault_stream.webhooks w WHERE s.name IN ('webhook:' || w.webhook_id, 'webhook:' || w.webhook_id || '.old'));
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.webhooks_gone() IS
'Trigger on vvault_stream.webhooks: forgets the secrets of those that are gone.';
CREATE TRIGGER gone AFTER DELETE OR TRUNCATE ON vvault_stream.webhooks
	FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.webhooks_gone();

-- Called in a plain expression, as all that gets a secret as it is (protect/keys.sql).
-- The secret before may be lost with its master key; then it signs no longer.
CREATE FUNCTION vvault_stream.keep_webhook_secret(hook bigint, fresh bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	its_name text := 'webhook:' || hook;
	before vvault_stream.secrets;
	is_kept boolean;
BEGIN
	SELECT s.* INTO before FROM vvault_stream.secrets s WHERE s.name = its_name FOR UPDATE;
	IF before.name IS NOT NULL AND (before.sealed_by IS NULL OR vvault_stream.opening_key(before.sealed_by) IS NOT NULL) THEN
		is_kept := vvault_stream.keep_secret(its_name || '.old', vvault_stream.unsealed(before.name, before.secret, before.sealed_by));
	ELSE
		PERFORM vvault_stream.forget_secret(its_name || '.old');
	END IF;
	is_kept := vvault_stream.keep_secret(its_name, fresh);
	RETURN is_kept;
END
$$;
COMMENT ON FUNCTION vvault_stream.keep_webhook_secret(bigint, bytea) IS
'Keeps a new secret of a webhook, and the one before it as the old one.';

CREATE FUNCTION vvault_stream.webhook_signatures(h vvault_stream.webhooks, message_id text, seconds bigint, body text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	secret bytea := vvault_stream.secret('webhook:' || (h).webhook_id);
	old_secret bytea;
BEGIN
	IF secret IS NULL THEN
		RAISE EXCEPTION 'webhook % has no secret', (h).webhook_id USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'vvault_webhook(webhook_id, rotate => true) makes a new one.';
	ELSIF (h).old_secret_until > clock_timestamp() THEN
		SELECT vvault_stream.unsealed(s.name, s.secret, s.sealed_by) INTO old_secret FROM vvault_stream.secrets s
		WHERE s.name = 'webhook:' || (h).webhook_id || '.old' AND (s.sealed_by IS NULL OR vvault_stream.opening_key(s.sealed_by) IS NOT NULL);
	END IF;
	RETURN concat_ws(' ',
		'v1,' || encode(vvault_stream.hmac_sha256(secret, concat_ws('.', message_id, seconds, body)), 'base64'),
		'v1,' || encode(vvault_stream.hmac_sha256(old_secret, concat_ws('.', message_id, seconds, body)), 'base64'));
END
$$;
COMMENT ON FUNCTION vvault_stream.webhook_signatures(vvault_stream.webhooks, text, bigint, text) IS
'The header webhook-signature: one of the secret, and for a while after a change one of the secret before.';

CREATE FUNCTION vvault_stream.webhook_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
	h vvault_stream.webhooks;
	e vvault_stream.events;
	missing bigint[];
	body text;
	message_id text;
	seconds bigint := floor(extract(epoch FROM clock_timestamp()));
	video text := coalesce(job ->> 'video_id', '');
	hook bigint := (job -> 'args' ->> 'webhook_id')::bigint;
	n bigint := (job -> 'args' ->> 'number')::bigint;
BEGIN
	SELECT w.* INTO h FROM vvault_stream.webhooks w WHERE w.webhook_id = hook;
	SELECT o.* INTO e FROM vvault_stream.events o WHERE o.video_id = video AND o.number = n;
	IF h.webhook_id IS NULL OR e.number IS NULL THEN
		RAISE EXCEPTION '%', CASE WHEN h.webhook_id IS NULL THEN 'webhook' ELSE 'event' END || ' is gone' USING ERRCODE = 'PT409',
			HINT = 'Nobody is to be told any more: let go of the job.';
	ELSIF NOT h.enabled THEN
		RAISE EXCEPTION 'webhook is off' USING ERRCODE = 'PT409',
			HINT = 'vvault_webhook(webhook_id, enabled => true) turns it on; let go of the job.';
	END IF;
	IF (job ->> 'attempt')::integer > 1 AND h.failing_since IS NULL THEN
		UPDATE vvault_stream.webhooks w SET failing_since = clock_timestamp() WHERE w.webhook_id = hook AND w.failing_since IS NULL;
	END IF;
	SELECT array_agg(d.number ORDER BY d.number) INTO missing FROM (SELECT o.number FROM vvault_stream.deliveries o
		WHERE o.video_id = video AND o.webhook_id = hook AND o.number < n AND o.delivered_at IS NULL
		ORDER BY o.number LIMIT 100) d;
	UPDATE vvault_stream.deliveries d SET undelivered = missing
	WHERE d.video_id = video AND d.webhook_id = hook AND d.number = n AND d.undelivered IS DISTINCT FROM missing;
	body := vvault_stream.event_object(e, missing)::text;
	message_id := 'evt_' || replace(e.event_id::text, '-', '');
	RETURN json_build_object('do', 'deliver', 'url', h.url, 'headers', json_build_object(
			'content-type', 'application/json', 'user-agent', 'vvault/@VERSION@', 'webhook-id', message_id,
			'webhook-timestamp', seconds::text, 'webhook-signature', vvault_stream.webhook_signatures(h, message_id, seconds, body)),
		'body', body, 'timeout_seconds', h.timeout_seconds, 'allow_private', h.allow_private,
		'retry_seconds', vvault_stream.retry_delay(job ->> 'kind', (job ->> 'attempt')::smallint));
END
$$;
COMMENT ON FUNCTION vvault_stream.webhook_order(json) IS
'What a worker needs to tell a webhook of an event, signed for now; raises where the webhook is off or gone.';

CREATE FUNCTION vvault_stream.webhook_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
	answered integer := (result ->> 'status')::integer;
	hook bigint := (job -> 'args' ->> 'webhook_id')::bigint;
BEGIN
	IF answered IS NULL OR NOT (answered BETWEEN 200 AND 299 OR answered = 410) THEN
		RAISE EXCEPTION 'delivery is complete only with a status of 200 to 299, or 410' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	UPDATE vvault_stream.deliveries d
	SET status = answered, delivered_at = CASE WHEN answered <> 410 THEN clock_timestamp() END
	WHERE d.video_id = coalesce(job ->> 'video_id', '') AND d.webhook_id = hook
		AND d.number = (job -> 'args' ->> 'number')::bigint AND d.job_id = (job ->> 'job_id')::bigint;
	IF answered = 410 THEN
		UPDATE vvault_stream.webhooks w SET enabled = false, disabled_why = 'the receiver answered 410: it is gone for good'
		WHERE w.webhook_id = hook AND w.enabled;
	ELSE
		UPDATE vvault_stream.webhooks w SET failing_since = NULL WHERE w.webhook_id = hook AND w.failing_since IS NOT NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.webhook_done(json, json) IS
'Notes that a receiver has got an event, or wants no more (410).';

INSERT INTO vvault_stream.job_kinds (kind, description, lease_seconds, max_attempts, retry_table, owner_running_limit,
	keep_seconds, outside, shipped, order_schema, order_function, done_schema, done_function)
VALUES ('webhook', 'tells a webhook of an event', 120, 10, '{5,300,1800,7200,18000,36000,50400,72000,86400}', 8,
	2592000, true, true, 'vvault_stream', 'webhook_order', 'vvault_stream', 'webhook_done');

CREATE FUNCTION vvault_stream.webhook_object(h vvault_stream.webhooks) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('webhook_id', (h).webhook_id, 'url', (h).url, 'kinds', array_to_json((h).kinds),
		'owner_id', (h).owner_id, 'enabled', (h).enabled, 'allow_private', (h).allow_private,
		'timeout_seconds', (h).timeout_seconds, 'failing_since', vvault_stream.utc_text((h).failing_since),
		'disabled_why', (h).disabled_why, 'created_at', vvault_stream.utc_text((h).created_at));
END
$$;
COMMENT ON FUNCTION vvault_stream.webhook_object(vvault_stream.webhooks) IS
'A webhook as operators see it: without its secret.';

CREATE FUNCTION vvault_stream.webhook_secret(secret text) RETURNS bytea
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bytes bytea;
BEGIN
	IF secret IS NULL THEN
		-- 244 random bits, out of two uuids
		RETURN sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
	END IF;
	IF secret ~ '^whsec_[A-Za-z0-9+/]+={0,2}$' THEN
		bytes := decode(substr(secret, 7), 'base64');
	END IF;
	IF bytes IS NULL OR octet_length(bytes) NOT BETWEEN 24 AND 64 THEN
		PERFORM vvault_stream.refuse('invalid secret', 'It is whsec_ and the base64 of 24 to 64 bytes.');
	END IF;
	RETURN bytes;
EXCEPTION WHEN invalid_parameter_value THEN
	PERFORM vvault_stream.refuse('invalid secret', 'It is whsec_ and the base64 of 24 to 64 bytes.');
END
$$;
COMMENT ON FUNCTION vvault_stream.webhook_secret(text) IS
'The bytes of a secret, or of a new one for NULL; 22023 for what is none.';

CREATE FUNCTION vvault_stream.check_webhook(url text, kinds text[], owner_id text, timeout_seconds integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF octet_length(url) > 2000 OR url ~ '[^\x21-\x7e]' OR url !~* '^https?://[^][:space:]/?#@\\]+([/?][^[:space:]#]*)?$' THEN
		PERFORM vvault_stream.refuse('invalid url', 'It is http or https, in ASCII, without a user, and has at most 2000 bytes.');
	ELSIF cardinality(kinds) NOT BETWEEN 1 AND 100 OR array_ndims(kinds) > 1 OR array_position(kinds, NULL) IS NOT NULL
			OR EXISTS (SELECT FROM unnest(kinds) k WHERE k !~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?$') THEN
		PERFORM vvault_stream.refuse('invalid kinds', 'They are 1 to 100 kinds of events such as asset.ready, or asset.* for all of a sort.');
	ELSIF octet_length(owner_id) > 255 THEN
		PERFORM vvault_stream.refuse('invalid owner_id', 'It is a text of at most 255 bytes.');
	ELSIF timeout_seconds NOT BETWEEN 1 AND 60 THEN
		PERFORM vvault_stream.refuse('invalid timeout_seconds', 'It is from 1 to 60.');
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_webhook(text, text[], text, integer) IS
'Raises 22023 for what no webhook can have.';

-- Jobs before webhooks: a delivery that ends holds its job, and then says how its
-- webhook fares.
CREATE FUNCTION vvault_stream.cancel_deliveries(hooks bigint[], reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
	delivering bigint[];
BEGIN
	SELECT array_agg(j.job_id) INTO delivering FROM (SELECT o.job_id FROM vvault_stream.jobs o
		WHERE o.job_id = ANY (ARRAY(SELECT d.job_id FROM vvault_stream.deliveries d WHERE d.webhook_id = ANY (hooks)))
		ORDER BY o.job_id FOR UPDATE) j;
	UPDATE vvault_stream.jobs j SET cancelled = true, error = reason WHERE j.job_id = ANY (delivering) AND j.state = 'x';
	PERFORM vvault_stream.cancel_jobs(array_agg(j.job_id ORDER BY j.job_id), reason) FROM vvault_stream.jobs j
	WHERE j.job_id = ANY (delivering) AND j.state <> 'x' HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION vvault_stream.cancel_deliveries(bigint[], text) IS
'Cancels what webhooks were to be told; a worker that tells one just now hears of it.';

CREATE FUNCTION vvault_stream.remove_webhook(hook bigint) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	removed boolean;
BEGIN
	PERFORM vvault_stream.cancel_deliveries(ARRAY[hook], 'its webhook was removed');
	DELETE FROM vvault_stream.webhooks w WHERE w.webhook_id = hook;
	removed := FOUND;
	DELETE FROM vvault_stream.deliveries d WHERE d.webhook_id = hook;
	RETURN json_build_object('webhook_id', hook, 'removed', removed);
END
$$;
COMMENT ON FUNCTION vvault_stream.remove_webhook(bigint) IS
'Removes a webhook, and cancels what it was to be told.';

CREATE FUNCTION vvault_stream.check_webhooks(args json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
	kept timestamptz := clock_timestamp() - make_interval(secs => (
		SELECT k.keep_seconds FROM vvault_stream.job_kinds k WHERE k.kind = 'webhook'));
	turned_off bigint;
	pruned bigint;
	hook bigint := 0;
BEGIN
	-- an event that was on its way while its webhook was removed; from webhook to
	-- webhook, each found by one probe
	LOOP
		SELECT min(d.webhook_id) INTO hook FROM vvault_stream.deliveries d WHERE d.webhook_id > hook;
		EXIT WHEN hook IS NULL;
		PERFORM vvault_stream.remove_webhook(hook)
		WHERE NOT EXISTS (SELECT FROM vvault_stream.webhooks w WHERE w.webhook_id = hook);
	END LOOP;
	DELETE FROM vvault_stream.secrets s USING vvault_stream.webhooks w
	WHERE s.name = 'webhook:' || w.webhook_id || '.old' AND w.old_secret_until < clock_timestamp();
	UPDATE vvault_stream.webhooks w
	SET enabled = false, disabled_why = format('every delivery failed since %s', vvault_stream.utc_text(w.failing_since))
	WHERE w.enabled AND w.failing_since < clock_timestamp() - w.disable_after;
	GET DIAGNOSTICS turned_off = ROW_COUNT;
	DELETE FROM vvault_stream.events e WHERE e.created_at < kept
		AND e.number < (SELECT max(l.number) FROM vvault_stream.events l WHERE l.video_id = e.video_id)
		AND NOT EXISTS (SELECT FROM vvault_stream.deliveries d JOIN vvault_stream.jobs j ON j.job_id = d.job_id
			WHERE d.video_id = e.video_id AND d.number = e.number);
	GET DIAGNOSTICS pruned = ROW_COUNT;
	IF pruned > 0 THEN
		DELETE FROM vvault_stream.deliveries d WHERE NOT EXISTS (
			SELECT FROM vvault_stream.events e WHERE e.video_id = d.video_id AND e.number = d.number);
	END IF;
	RETURN json_build_object('disabled', turned_off, 'pruned_events', pruned);
END
$$;
COMMENT ON FUNCTION vvault_stream.check_webhooks(json) IS
'What the schedule check_webhooks calls: turns off webhooks that failed for days, cancels what those that are gone were to be told, and forgets old secrets that sign no more and events that are older than kept, but for the last of each video.';
INSERT INTO vvault_stream.schedules (name, every, call_schema, call_function, next_at, shipped)
VALUES ('check_webhooks', '10 minutes', 'vvault_stream', 'check_webhooks',
	pg_catalog.now() OPERATOR(pg_catalog.+) interval '10 minutes', true);

CREATE FUNCTION @extschema@.vvault_webhook(webhook_id bigint DEFAULT NULL, url text DEFAULT NULL, kinds text[] DEFAULT NULL,
	owner_id text DEFAULT NULL, secret text DEFAULT NULL, enabled boolean DEFAULT NULL, timeout_seconds integer DEFAULT NULL,
	allow_private boolean DEFAULT NULL, rotate boolean DEFAULT false, remove boolean DEFAULT false) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	h vvault_stream.webhooks;
	rekeyed boolean := vvault_webhook.webhook_id IS NULL OR vvault_webhook.secret IS NOT NULL OR vvault_webhook.rotate;
	fresh bytea;
BEGIN
	PERFORM vvault_stream.check_webhook(vvault_webhook.url, vvault_webhook.kinds, vvault_webhook.owner_id, vvault_webhook.timeout_seconds);
	IF vvault_webhook.remove AND vvault_webhook.webhook_id IS NOT NULL THEN
		RETURN vvault_stream.remove_webhook(vvault_webhook.webhook_id);
	ELSIF vvault_webhook.webhook_id IS NULL AND vvault_webhook.url IS NULL THEN
		PERFORM vvault_stream.refuse('no webhook', 'Give the webhook_id of one that is there, or the url of a new one.');
	END IF;
	IF rekeyed THEN
		fresh := vvault_stream.webhook_secret(vvault_webhook.secret);
	END IF;
	IF vvault_webhook.webhook_id IS NULL THEN
		INSERT INTO vvault_stream.webhooks AS w (url, kinds, owner_id, enabled, timeout_seconds, allow_private)
		VALUES (vvault_webhook.url, vvault_webhook.kinds, vvault_webhook.owner_id, coalesce(vvault_webhook.enabled, true),
			coalesce(vvault_webhook.timeout_seconds, 15), coalesce(vvault_webhook.allow_private, false))
		RETURNING w.* INTO h;
	ELSE
		UPDATE vvault_stream.webhooks w
		SET url = coalesce(vvault_webhook.url, w.url), kinds = coalesce(vvault_webhook.kinds, w.kinds),
			owner_id = coalesce(vvault_webhook.owner_id, w.owner_id),
			old_secret_until = CASE WHEN rekeyed THEN clock_timestamp() + interval '24 hours' ELSE w.old_secret_until END,
			enabled = coalesce(vvault_webhook.enabled, w.enabled),
			failing_since = CASE WHEN vvault_webhook.enabled THEN NULL ELSE w.failing_since END,
			disabled_why = CASE WHEN vvault_webhook.enabled THEN NULL ELSE w.disabled_why END,
			timeout_seconds = coalesce(vvault_webhook.timeout_seconds, w.timeout_seconds),
			allow_private = coalesce(vvault_webhook.allow_private, w.allow_private)
		WHERE w.webhook_id = vvault_webhook.webhook_id RETURNING w.* INTO h;
		IF NOT FOUND THEN
			PERFORM vvault_stream.refuse(format('webhook %s is not there', vvault_webhook.webhook_id), 'vvault_webhooks lists them.');
		END IF;
	END IF;
	rekeyed := rekeyed AND vvault_stream.keep_webhook_secret(h.webhook_id, fresh);
	RETURN (left(vvault_stream.webhook_object(h)::text, -1) || format(', "secret" : %s}', coalesce(
		to_json('whsec_' || translate(encode(fresh, 'base64'), E'\n', ''))::text, 'null')))::json;
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_webhook(bigint, text, text[], text, text, boolean, integer, boolean, boolean, boolean) IS
'Adds a webhook (url without webhook_id), changes one, or removes one with all it was to be told. Answers as vvault_webhooks, with the secret where it is a new one: it is shown this once. A removed one: {"webhook_id", "removed"}.
Units and ranges: url is http or https, in ASCII, of at most 2000 bytes; kinds are those of events, asset.* for all of a sort; owner_id tells only of that owner''s videos; secret is whsec_ and the base64 of 24 to 64 bytes; timeout_seconds from 1 to 60, 15 by default; allow_private lets it lie on an address that is not public, for tests; rotate makes a new secret, and both sign for 24 hours.
NULL: what is NULL keeps its value; of a new webhook kinds and owner_id NULL are all, and secret NULL is made.
Errors: 22023 for what is out of range, or a webhook that is not there.
Source: vvault_stream.webhooks, and secrets, where its secret is sealed as others are. enabled true forgets its failures; call vvault_replay for what it missed.';

CREATE FUNCTION @extschema@.vvault_webhooks() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('webhooks', coalesce((
		SELECT json_agg(vvault_stream.webhook_object(w) ORDER BY w.webhook_id) FROM vvault_stream.webhooks w), '[]'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_webhooks() IS
'The webhooks: {"webhooks": [{"webhook_id", "url", "kinds", "owner_id", "enabled", "allow_private", "timeout_seconds", "failing_since", "disabled_why", "created_at"}]}.
Units and ranges: instants are in UTC; failing_since is when a delivery failed first since one came through.
NULL: kinds and owner_id are null for all.
Errors: none.
Source: vvault_stream.webhooks, without secrets.';

CREATE FUNCTION vvault_stream.delivery_object(d vvault_stream.deliveries) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT json_build_object('webhook_id', d.webhook_id, 'video_id', nullif(d.video_id, ''), 'number', d.number, 'type', e.kind,
		'event_id', 'evt_' || replace(e.event_id::text, '-', ''), 'job_id', d.job_id,
		'state', CASE WHEN d.delivered_at IS NOT NULL THEN 'delivered' WHEN d.status = 410 THEN 'refused' ELSE coalesce(a.state, 'gone') END,
		'attempt', a.attempt, 'status', coalesce(d.status, substring(a.error FROM '^HTTP ([0-9]{3})')::integer), 'error', a.error,
		'undelivered', coalesce(array_to_json(d.undelivered), '[]'), 'created_at', vvault_stream.utc_text(e.created_at),
		'delivered_at', vvault_stream.utc_text(d.delivered_at), 'next_at', vvault_stream.utc_text(a.run_at))
	FROM (SELECT) one LEFT JOIN vvault_stream.events e ON e.video_id = d.video_id AND e.number = d.number
		LEFT JOIN vvault_stream.all_jobs a ON a.job_id = d.job_id
$$;
COMMENT ON FUNCTION vvault_stream.delivery_object(vvault_stream.deliveries) IS
'A delivery as operators see it.';

CREATE FUNCTION @extschema@.vvault_deliveries(webhook_id bigint DEFAULT NULL, video_id text DEFAULT NULL, delivered boolean DEFAULT NULL,
	before bigint DEFAULT NULL, page_size integer DEFAULT 50) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	found json;
	last bigint;
BEGIN
	IF vvault_deliveries.page_size IS NULL OR vvault_deliveries.page_size < 1 THEN
		PERFORM vvault_stream.refuse('invalid page_size', 'It is at least 1; more than 1000 is 1000.');
	END IF;
	SELECT json_agg(vvault_stream.delivery_object(p) ORDER BY p.job_id DESC), min(p.job_id) INTO found, last
	FROM (SELECT d.* FROM vvault_stream.deliveries d
		WHERE (vvault_deliveries.webhook_id IS NULL OR d.webhook_id = vvault_deliveries.webhook_id)
			AND (vvault_deliveries.video_id IS NULL OR d.video_id = vvault_deliveries.video_id)
			AND (vvault_deliveries.delivered IS NULL OR (d.delivered_at IS NOT NULL) = vvault_deliveries.delivered)
			AND (vvault_deliveries.before IS NULL OR d.job_id < vvault_deliveries.before)
		ORDER BY d.job_id DESC LIMIT least(vvault_deliveries.page_size, 1000)) p;
	RETURN json_build_object('deliveries', coalesce(found, '[]'), 'before',
		CASE WHEN json_array_length(found) = least(vvault_deliveries.page_size, 1000) THEN last END);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_deliveries(bigint, text, boolean, bigint, integer) IS
'What webhooks were told, or are to be, the newest first: {"deliveries": [{"webhook_id", "video_id", "number", "type", "event_id", "job_id", "state", "attempt", "status", "error", "undelivered", "created_at", "delivered_at", "next_at"}], "before"}; give before again to see the next page.
Units and ranges: delivered chooses those that came through, or the others; page_size from 1, at most 1000; state is delivered, refused (the receiver answered 410) or that of its job; status is HTTP''s; undelivered lists earlier events of the video that the receiver had not got when this one was sent.
NULL: a choice that is NULL is none.
Errors: 22023 for page_size below 1.
Source: vvault_stream.deliveries, events, jobs, finished_jobs.';

CREATE FUNCTION @extschema@.vvault_replay(webhook_id bigint, video_id text DEFAULT NULL, since timestamptz DEFAULT NULL,
	delivered boolean DEFAULT false, max_events integer DEFAULT 1000) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	h vvault_stream.webhooks;
	e record;
	replayed integer := 0;
BEGIN
	SELECT w.* INTO h FROM vvault_stream.webhooks w WHERE w.webhook_id = vvault_replay.webhook_id FOR UPDATE;
	IF NOT FOUND OR NOT h.enabled THEN
		PERFORM vvault_stream.refuse(format('webhook %s is %s', coalesce(vvault_replay.webhook_id::text, 'NULL'),
			CASE WHEN h.webhook_id IS NULL THEN 'not there' ELSE 'off' END), 'vvault_webhook(webhook_id, enabled => true) turns it on.');
	ELSIF vvault_replay.max_events IS NULL OR vvault_replay.max_events NOT BETWEEN 1 AND 100000 THEN
		PERFORM vvault_stream.refuse('invalid max_events', 'It is from 1 to 100000.');
	END IF;
	FOR e IN
		SELECT o.video_id, o.number, j.job_id, j.state FROM vvault_stream.events o
			LEFT JOIN vvault_stream.deliveries d ON d.video_id = o.video_id AND d.number = o.number AND d.webhook_id = h.webhook_id
			LEFT JOIN vvault_stream.jobs j ON j.job_id = d.job_id
		WHERE vvault_stream.wants_event(h, o.kind, o.owner_id)
			AND (vvault_replay.video_id IS NULL OR o.video_id = vvault_replay.video_id)
			AND (vvault_replay.since IS NULL OR o.created_at >= vvault_replay.since)
			AND (coalesce(vvault_replay.delivered, false) OR d.delivered_at IS NULL)
			AND (j.job_id IS NULL OR j.state = 'd')
		ORDER BY o.created_at, o.video_id, o.number LIMIT vvault_replay.max_events
	LOOP
		-- a new job, which waits for those before it as the first one did
		PERFORM @extschema@.vvault_cancel_job(e.job_id, 'its event is told again by another job') WHERE e.state = 'd';
		PERFORM vvault_stream.deliver_event(e.video_id, h.webhook_id, e.number);
		replayed := replayed + 1;
	END LOOP;
	RETURN json_build_object('webhook_id', h.webhook_id, 'replayed', replayed);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_replay(bigint, text, timestamptz, boolean, integer) IS
'Tells a webhook again of what it has not got: events from before it was added or while it was off, and deliveries that are dead: {"webhook_id", "replayed"}. Each event keeps its id, by which a receiver knows it.
Units and ranges: video_id chooses the events of one video, since those from an instant on; delivered also sends again what came through; max_events from 1 to 100000, the oldest first.
NULL: video_id NULL is every video, since NULL from the beginning.
Errors: 22023 for a webhook that is not there or off, or max_events out of range.
Source: vvault_stream.events, deliveries. What is on its way is left alone.';
