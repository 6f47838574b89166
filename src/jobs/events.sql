-- What happened to a video, with a number by video, and whom to tell: events
-- are made in the transaction of what they tell of, together with the jobs that
-- deliver them.

CREATE TABLE vvault_stream.events (
	video_id text COLLATE "C" NOT NULL,
	number bigint NOT NULL CHECK (number >= 1),
	event_id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
	kind text COLLATE "C" NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$' AND octet_length(kind) <= 63),
	owner_id text COLLATE "C" NOT NULL DEFAULT '',
	created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	data json NOT NULL DEFAULT '{}',
	PRIMARY KEY (video_id, number)
);
COMMENT ON TABLE vvault_stream.events IS
'What happened, for as long as the kind of jobs "webhook" keeps it, and the last of each video for good. The numbers of a video have no gap and are in the order of the commits; video_id is empty for what concerns none. Dumped.';
CREATE INDEX events_created ON vvault_stream.events (created_at);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.events', '');

CREATE TABLE vvault_stream.webhooks (
	webhook_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	url text NOT NULL CHECK (octet_length(url) <= 2000 AND url !~ '[^\x21-\x7e]' AND url ~* '^https?://[^][:space:]/?#@\\]+([/?][^[:space:]#]*)?$'),
	kinds text[] CHECK (CASE WHEN array_ndims(kinds) > 1 THEN false
		ELSE cardinality(kinds) BETWEEN 1 AND 100 AND array_position(kinds, NULL) IS NULL END),
	owner_id text COLLATE "C",
	old_secret_until timestamptz,
	enabled boolean NOT NULL DEFAULT true,
	allow_private boolean NOT NULL DEFAULT false,
	timeout_seconds integer NOT NULL DEFAULT 15 CHECK (timeout_seconds BETWEEN 1 AND 60),
	disable_after interval NOT NULL DEFAULT '5 days' CHECK (disable_after BETWEEN '1 hour' AND '36500 days'),
	failing_since timestamptz,
	disabled_why text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE vvault_stream.webhooks IS
'Who is told of which events. The secrets that sign what he is told are in vvault_stream.secrets, webhook:ID and for a while webhook:ID.old. Dumped.';
COMMENT ON COLUMN vvault_stream.webhooks.old_secret_until IS 'until when the secret before also signs';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.webhooks', '');
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.webhooks_webhook_id_seq', '');

CREATE TABLE vvault_stream.deliveries (
	video_id text COLLATE "C" NOT NULL,
	webhook_id bigint NOT NULL,
	number bigint NOT NULL,
	job_id bigint NOT NULL,
	status integer,
	delivered_at timestamptz,
	undelivered bigint[],
	PRIMARY KEY (video_id, webhook_id, number)
);
COMMENT ON TABLE vvault_stream.deliveries IS
'Which event goes to which webhook by which job; status is what the receiver answered, undelivered lists earlier events of the video that it had not got when this one was sent. Dumped.';
CREATE INDEX deliveries_webhook ON vvault_stream.deliveries (webhook_id, job_id);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.deliveries', '');

CREATE FUNCTION vvault_stream.wants_event(h vvault_stream.webhooks, kind text, owner_id text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ((h).owner_id IS NULL OR (h).owner_id = owner_id)
		AND ((h).kinds IS NULL OR kind = ANY ((h).kinds) OR (split_part(kind, '.', 1) || '.*') = ANY ((h).kinds));
END
$$;
COMMENT ON FUNCTION vvault_stream.wants_event(vvault_stream.webhooks, text, text) IS
'Whether a webhook is told of events of this kind and owner.';

-- A delivery waits for the first attempt of the one before it, of the same
-- video and webhook: they arrive in their order, and one that fails holds none
-- up for longer than that.
CREATE FUNCTION vvault_stream.deliver_event(video_id text, webhook_id bigint, number bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	before bigint;
	new_id bigint;
BEGIN
	SELECT j.job_id INTO before FROM vvault_stream.jobs j
	WHERE j.job_id = (SELECT d.job_id FROM vvault_stream.deliveries d
			WHERE d.video_id = deliver_event.video_id AND d.webhook_id = deliver_event.webhook_id
				AND d.number < deliver_event.number AND d.delivered_at IS NULL ORDER BY d.number DESC LIMIT 1)
		AND (j.attempt = 0 AND j.state <> 'd' OR j.attempt = 1 AND j.state = 'x')
	FOR KEY SHARE;
	new_id := (vvault_stream.enqueue_slowly('webhook', json_build_object('webhook_id', deliver_event.webhook_id,
			'number', deliver_event.number), nullif(deliver_event.video_id, ''), 'webhook ' || deliver_event.webhook_id,
		0, 0, NULL, NULL, CASE WHEN before IS NOT NULL THEN ARRAY[before] END, 1000) ->> 'job_id')::bigint;
	UPDATE vvault_stream.job_needs n SET one_attempt = true WHERE n.job_id = new_id;
	INSERT INTO vvault_stream.deliveries AS d (video_id, webhook_id, number, job_id)
	VALUES (deliver_event.video_id, deliver_event.webhook_id, deliver_event.number, new_id)
	ON CONFLICT (video_id, webhook_id, number) DO UPDATE
		SET job_id = EXCLUDED.job_id, status = NULL, delivered_at = NULL, undelivered = NULL;
	RETURN new_id;
END
$$;
COMMENT ON FUNCTION vvault_stream.deliver_event(text, bigint, bigint) IS
'Enqueues the job that tells a webhook of an event; returns its number.';

CREATE FUNCTION vvault_stream.make_event(video_id text, kind text, owner_id text, data json) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	new_number bigint;
BEGIN
	-- until the end of the transaction, so that numbers are in the order of commits
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream event ' || make_event.video_id, 0));
	SELECT coalesce(max(e.number), 0) + 1 INTO new_number FROM vvault_stream.events e WHERE e.video_id = make_event.video_id;
	INSERT INTO vvault_stream.events (video_id, number, kind, owner_id, data)
	VALUES (make_event.video_id, new_number, make_event.kind, make_event.owner_id, coalesce(make_event.data, '{}'));
	PERFORM vvault_stream.deliver_event(make_event.video_id, h.webhook_id, new_number)
	FROM (SELECT w.webhook_id FROM vvault_stream.webhooks w
		WHERE w.enabled AND vvault_stream.wants_event(w, make_event.kind, make_event.owner_id) ORDER BY w.webhook_id) h;
	RETURN new_number;
END
$$;
COMMENT ON FUNCTION vvault_stream.make_event(text, text, text, json) IS
'Notes that something happened to a video (empty: to none) and enqueues its deliveries, in the caller''s transaction; returns its number.';

CREATE FUNCTION vvault_stream.event_object(e vvault_stream.events, undelivered bigint[]) RETURNS json
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('type', (e).kind, 'timestamp', vvault_stream.utc_text((e).created_at),
		'event_id', 'evt_' || replace((e).event_id::text, '-', ''), 'video_id', nullif((e).video_id, ''), 'number', (e).number,
		'undelivered', coalesce(array_to_json(undelivered), '[]'), 'data', (e).data);
END
$$;
COMMENT ON FUNCTION vvault_stream.event_object(vvault_stream.events, bigint[]) IS
'An event as receivers are told of it.';

CREATE FUNCTION @extschema@.vvault_events(video_id text DEFAULT '', after bigint DEFAULT 0, page_size integer DEFAULT 100)
RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	found json;
	last bigint;
BEGIN
	IF vvault_events.page_size IS NULL OR vvault_events.page_size < 1 THEN
		PERFORM vvault_stream.refuse('invalid page_size', 'It is at least 1; more than 1000 is 1000.');
	END IF;
	SELECT json_agg(vvault_stream.event_object(e, NULL) ORDER BY e.number), max(e.number) INTO found, last
	FROM (SELECT o.* FROM vvault_stream.events o WHERE o.video_id = coalesce(vvault_events.video_id, '')
			AND o.number > coalesce(vvault_events.after, 0)
		ORDER BY o.number LIMIT least(vvault_events.page_size, 1000)) e;
	RETURN json_build_object('events', coalesce(found, '[]'), 'last', last);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_events(text, bigint, integer) IS
'The events of a video in their order: {"events": [{"type", "timestamp", "event_id", "video_id", "number", "undelivered", "data"}], "last"}; give last as after to see what came since.
Units and ranges: video_id empty for events that concern no video; after is a number; page_size from 1, at most 1000.
NULL: video_id NULL is the empty one, after NULL is 0, page_size NULL is an error; last is null where there is none.
Errors: 22023 for page_size below 1.
Source: vvault_stream.events.';
