-- What is known of a person, wherever it stands: given out, erased, and not kept
-- for longer than it is needed. docs/privacy.md lists it.

INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('deleted_seconds', '2592000', 0, 315360000, true,
	 'seconds after a video was deleted when vvault_retention() takes its owner, texts and metadata out of its row'),
	('upload_keep_seconds', '7776000', 0, 315360000, true, 'seconds for which what is known of an upload that ended is kept');

CREATE TABLE vvault_stream.consents (
	subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 255),
	purpose text COLLATE "C" NOT NULL CHECK (purpose ~ '^[a-z][a-z0-9_.-]{0,62}$'),
	given boolean NOT NULL,
	said_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	PRIMARY KEY (subject, purpose)
);
COMMENT ON TABLE vvault_stream.consents IS
'What a person agreed to, or did not, and when; the last word alone. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.consents', '');

CREATE FUNCTION vvault_stream.check_subject(subject text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(octet_length(check_subject.subject) BETWEEN 1 AND 255 AND check_subject.subject <> vvault_stream.erased(), false) THEN
		PERFORM vvault_stream.refuse('invalid subject', 'It has 1 to 255 bytes.');
	ELSIF NOT (vvault_stream.caller_is_operator()
			OR coalesce(vvault_stream.caller_is_allowed('download') AND check_subject.subject = vvault_stream.caller_subject(), false)) THEN
		RAISE EXCEPTION 'permission denied for subject' USING ERRCODE = 'insufficient_privilege',
			HINT = 'Everybody asks for himself, an operator for anybody. No error names a subject: the log keeps errors.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_subject(text) IS
'Raises 42501 unless the caller is this subject, by a token without limits, or an operator.';

CREATE FUNCTION vvault_stream.erased() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '~erased';
COMMENT ON FUNCTION vvault_stream.erased() IS
'Whose rows are nobody''s any more.';

--
-- Consent
--

CREATE FUNCTION @extschema@.vvault_consent(subject text, purpose text, given boolean) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	PERFORM vvault_stream.check_subject(vvault_consent.subject);
	IF NOT coalesce(vvault_consent.purpose ~ '^[a-z][a-z0-9_.-]{0,62}$', false) OR vvault_consent.given IS NULL THEN
		PERFORM vvault_stream.refuse('invalid ' || CASE WHEN vvault_consent.given IS NULL THEN 'given' ELSE 'purpose' END,
			'A purpose is a name of a-z, 0-9, _, . and -, such as statistics; given is true or false.');
	END IF;
	INSERT INTO vvault_stream.consents AS c (subject, purpose, given)
	VALUES (vvault_consent.subject, vvault_consent.purpose, vvault_consent.given)
	ON CONFLICT (subject, purpose) DO UPDATE SET given = EXCLUDED.given, said_at = now();
	RETURN json_build_object('purpose', vvault_consent.purpose, 'given', vvault_consent.given, 'said_at', vvault_stream.utc_text(now()));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_consent(text, text, boolean) IS
'Notes that somebody agrees to something, or no longer does: {"purpose", "given", "said_at"}. vvault_export_user() shows what was said.
Units and ranges: subject has 1 to 255 bytes; purpose is a name of a-z, 0-9, _, . and - that is yours to choose.
NULL: NULL is an error.
Errors: 22023 for what is out of range, 42501 unless the caller is the subject or an operator.
Source: vvault_stream.consents.';

--
-- Giving out
--

CREATE FUNCTION vvault_stream.exported_videos(subject text) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(json_agg(to_jsonb(a) || jsonb_build_object(
		'uploads', (SELECT coalesce(jsonb_agg(to_jsonb(u) - 'store_upload_id' ORDER BY u.created_at), '[]') FROM vvault_stream.uploads u WHERE u.video_id = a.video_id),
		'generations', (SELECT coalesce(jsonb_agg(to_jsonb(g) ORDER BY g.generation), '[]') FROM vvault_stream.generations g WHERE g.video_id = a.video_id),
		'renditions', (SELECT coalesce(jsonb_agg(jsonb_build_object('generation', r.generation, 'name', r.name, 'kind', r.kind, 'language', r.language,
				'label', r.label) ORDER BY r.generation, r.name), '[]')
			FROM vvault_stream.renditions r WHERE r.video_id = a.video_id),
		'objects', (SELECT coalesce(jsonb_agg(o.object_key ORDER BY o.object_key), '[]') FROM vvault_stream.media_objects o WHERE o.video_id = a.video_id),
		'events', (SELECT coalesce(jsonb_agg(jsonb_build_object('kind', e.kind, 'created_at', e.created_at, 'data', e.data) ORDER BY e.number), '[]')
			FROM vvault_stream.events e WHERE e.video_id = a.video_id)) ORDER BY a.created_at, a.video_id), '[]')
	FROM vvault_stream.assets a WHERE a.owner_id = exported_videos.subject
$$;
COMMENT ON FUNCTION vvault_stream.exported_videos(text) IS
'All that is known of a subject''s videos.';

CREATE FUNCTION @extschema@.vvault_export_user(subject text) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC' SET DateStyle = 'ISO'
AS $$
#variable_conflict use_column
DECLARE
	who text := vvault_export_user.subject;
BEGIN
	PERFORM vvault_stream.check_subject(who);
	RETURN json_build_object('subject', who, 'exported_at', vvault_stream.utc_text(now()),
		'videos', vvault_stream.exported_videos(who),
		'jobs', (SELECT coalesce(json_agg(x ORDER BY x.job_id), '[]') FROM (
			SELECT j.job_id, j.kind, j.video_id, j.created_at, j.args, j.result, j.error FROM vvault_stream.jobs j WHERE j.owner_id = who
			UNION ALL SELECT f.job_id, f.kind, f.video_id, f.created_at, f.args, f.result, f.error FROM vvault_stream.finished_jobs f WHERE f.owner_id = who) x),
		'webhooks', (SELECT coalesce(json_agg(to_jsonb(w) ORDER BY w.webhook_id), '[]') FROM vvault_stream.webhooks w WHERE w.owner_id = who),
		'schedules', (SELECT coalesce(json_agg(to_json(s) ORDER BY s.name), '[]') FROM vvault_stream.schedules s WHERE s.owner_id = who),
		'quota', (SELECT to_json(q) FROM vvault_stream.quotas q WHERE q.owner_id = who),
		'rate_limits', (SELECT coalesce(json_agg(to_jsonb(l) - '{subject,role_name}'::text[] ORDER BY l.class), '[]') FROM vvault_stream.rate_limits l WHERE l.subject = who),
		'job_limits', (SELECT coalesce(json_agg(to_json(l) ORDER BY l.kind), '[]') FROM vvault_stream.job_limits l WHERE l.owner_id = who),
		'tokens', (SELECT coalesce(json_agg(to_jsonb(r) - '{token_hash,family}'::text[] ORDER BY r.issued_at), '[]') FROM vvault_stream.refresh_tokens r WHERE r.subject = who),
		'sessions', (SELECT coalesce(json_agg(to_jsonb(s) - 'subject' ORDER BY s.begun_at, s.session_id), '[]') FROM vvault_stream.session_subjects s WHERE s.subject = who),
		'consents', (SELECT coalesce(json_agg(to_jsonb(c) - 'subject' ORDER BY c.purpose), '[]') FROM vvault_stream.consents c WHERE c.subject = who),
		-- those that are not of a video of his
		'events', (SELECT coalesce(json_agg(json_build_object('kind', e.kind, 'video_id', e.video_id, 'created_at', e.created_at, 'data', e.data)
				ORDER BY e.created_at, e.video_id, e.number), '[]')
			FROM vvault_stream.events e WHERE e.owner_id = who
				AND NOT EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = e.video_id AND a.owner_id = who)));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_export_user(text) IS
'All that is known of somebody: {"subject", "exported_at", "videos", "jobs", "webhooks", "schedules", "quota", "rate_limits", "job_limits", "tokens", "sessions", "consents", "events"}. No secret is in it. Events of his videos are with these, others in events. sessions are what logs of edges name him by. His videos'' files are under the keys of objects in it; vvault_presign() gives them out.
Units and ranges: subject has 1 to 255 bytes; instants are in UTC.
NULL: NULL is an error.
Errors: 22023 for what is no subject, 42501 unless the caller is the subject or an operator.
Source: every table of vvault_stream that has an owner or a subject; those of vvault know nobody.';

--
-- Erasing
--

-- The row and its id stay, so that the id comes to nobody else.
CREATE FUNCTION vvault_stream.scrub_video(video_id text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE vvault_stream.assets a
	SET owner_id = vvault_stream.erased(), title = '', description = '', tags = '{}', category_id = 0, content_language = NULL, source = NULL,
		metadata = '{}', failure = CASE WHEN a.failure IS NOT NULL THEN 'erased' END
	WHERE a.video_id = scrub_video.video_id;
	UPDATE vvault_stream.generations g SET source = NULL, failure = CASE WHEN g.failure IS NOT NULL THEN 'erased' END
	WHERE g.video_id = scrub_video.video_id;
	UPDATE vvault_stream.events e SET owner_id = vvault_stream.erased(), data = json_build_object('video_id', e.video_id)
	WHERE e.video_id = scrub_video.video_id;
END
$$;
COMMENT ON FUNCTION vvault_stream.scrub_video(text) IS
'Takes all that tells of a person out of what is kept of a video.';

CREATE FUNCTION vvault_stream.erase_videos(subject text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v text;
	n bigint := 0;
BEGIN
	FOR v IN SELECT a.video_id FROM vvault_stream.assets a WHERE a.owner_id = erase_videos.subject ORDER BY a.video_id FOR UPDATE LOOP
		-- what is told of the deletion names nobody
		PERFORM vvault_stream.scrub_video(v);
		PERFORM vvault_stream.remove_asset(v);
		PERFORM vvault_stream.scrub_video(v);
		DELETE FROM vvault_stream.uploads u WHERE u.video_id = v;
		n := n + 1;
	END LOOP;
	RETURN n;
END
$$;
COMMENT ON FUNCTION vvault_stream.erase_videos(text) IS
'Deletes a subject''s videos; returns how many.';

CREATE FUNCTION vvault_stream.transfer_videos(subject text, transfer_to text) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	moved text[];
BEGIN
	SELECT array_agg(a.video_id ORDER BY a.video_id) INTO moved
	FROM (SELECT o.video_id FROM vvault_stream.assets o WHERE o.owner_id = transfer_videos.subject ORDER BY o.video_id FOR UPDATE) a;
	UPDATE vvault_stream.assets a SET owner_id = transfer_to WHERE a.video_id = ANY (moved);
	UPDATE vvault_stream.events e SET owner_id = transfer_to,
		data = (CASE WHEN e.data::jsonb ? 'owner_id' THEN e.data::jsonb || jsonb_build_object('owner_id', transfer_to) ELSE e.data::jsonb END)::json
	WHERE e.video_id = ANY (moved) AND e.owner_id = transfer_videos.subject;
	-- limits of the one before hold them back no more
	UPDATE vvault_stream.jobs j SET owner_id = transfer_to, job_key = NULL, state = CASE j.state WHEN 'h' THEN 'r' ELSE j.state END
	WHERE j.owner_id = transfer_videos.subject AND j.video_id = ANY (moved);
	UPDATE vvault_stream.finished_jobs f SET owner_id = transfer_to WHERE f.owner_id = transfer_videos.subject AND f.video_id = ANY (moved);
	RETURN coalesce(cardinality(moved), 0);
END
$$;
COMMENT ON FUNCTION vvault_stream.transfer_videos(text, text) IS
'Makes a subject''s videos another''s; returns how many.';

-- A job that runs ends by itself; what it leaves goes with the next call.
CREATE FUNCTION vvault_stream.erase_jobs(subject text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.cancel_jobs(array_agg(j.job_id ORDER BY j.job_id), 'its owner was erased') FROM vvault_stream.jobs j
	WHERE j.owner_id = erase_jobs.subject AND j.state <> 'x' HAVING count(*) > 0;
	UPDATE vvault_stream.jobs j SET cancelled = true, owner_id = vvault_stream.erased(), job_key = NULL WHERE j.owner_id = erase_jobs.subject;
	DELETE FROM vvault_stream.finished_jobs f WHERE f.owner_id IN (erase_jobs.subject, vvault_stream.erased());
	DELETE FROM vvault_stream.job_limits l WHERE l.owner_id = erase_jobs.subject;
	DELETE FROM vvault_stream.schedules s WHERE s.owner_id = erase_jobs.subject AND NOT s.shipped;
END
$$;
COMMENT ON FUNCTION vvault_stream.erase_jobs(text) IS
'Ends and forgets a subject''s jobs, schedules and limits.';

CREATE FUNCTION vvault_stream.erase_webhooks(subject text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.cancel_deliveries(ARRAY(SELECT w.webhook_id FROM vvault_stream.webhooks w
		WHERE w.owner_id = erase_webhooks.subject), 'its webhook is gone');
	DELETE FROM vvault_stream.deliveries d USING vvault_stream.webhooks w
	WHERE w.webhook_id = d.webhook_id AND w.owner_id = erase_webhooks.subject;
	DELETE FROM vvault_stream.webhooks w WHERE w.owner_id = erase_webhooks.subject;
END
$$;
COMMENT ON FUNCTION vvault_stream.erase_webhooks(text) IS
'Forgets a subject''s webhooks, and what they were told.';

CREATE FUNCTION vvault_stream.erase_sessions(subject text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.deny('session', s.session_id, s.expires_at) FROM vvault_stream.session_subjects s
	WHERE s.subject = erase_sessions.subject AND s.expires_at > clock_timestamp();
	DELETE FROM vvault_stream.session_subjects s WHERE s.subject = erase_sessions.subject;
END
$$;
COMMENT ON FUNCTION vvault_stream.erase_sessions(text) IS
'Takes a subject''s sessions back, and forgets that they were his.';

-- One erasure at a time, since events of a video may be of several people. And his
-- jobs before his videos: a job that ends holds itself, and then takes its video.
CREATE FUNCTION vvault_stream.hold_for_erasure(subject text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream erasure', 0));
	PERFORM FROM vvault_stream.jobs j
	WHERE j.owner_id = hold_for_erasure.subject
		OR j.video_id IN (SELECT a.video_id FROM vvault_stream.assets a WHERE a.owner_id = hold_for_erasure.subject)
		OR j.job_id IN (SELECT d.job_id FROM vvault_stream.webhooks w JOIN vvault_stream.deliveries d ON d.webhook_id = w.webhook_id
			WHERE w.owner_id = hold_for_erasure.subject)
	ORDER BY j.job_id FOR UPDATE;
END
$$;
COMMENT ON FUNCTION vvault_stream.hold_for_erasure(text) IS
'Waits for the jobs of somebody, of his videos and of his webhooks, and for who erases somebody else.';

CREATE FUNCTION @extschema@.vvault_erase_user(subject text, transfer_to text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	who text := vvault_erase_user.subject;
	f uuid;
	erased_videos bigint := 0;
	transferred bigint := 0;
BEGIN
	PERFORM vvault_stream.check_subject(who);
	PERFORM vvault_stream.hold_for_erasure(who);
	IF vvault_erase_user.transfer_to IS NOT NULL THEN
		IF NOT vvault_stream.caller_is_operator() THEN
			RAISE EXCEPTION 'permission denied to transfer videos' USING ERRCODE = 'insufficient_privilege', HINT = 'An operator does.';
		ELSIF octet_length(vvault_erase_user.transfer_to) NOT BETWEEN 1 AND 255 OR vvault_erase_user.transfer_to IN (who, vvault_stream.erased()) THEN
			PERFORM vvault_stream.refuse('invalid transfer_to', 'It is another owner, of 1 to 255 bytes.');
		END IF;
		transferred := vvault_stream.transfer_videos(who, vvault_erase_user.transfer_to);
	ELSE
		erased_videos := vvault_stream.erase_videos(who);
	END IF;
	PERFORM vvault_stream.erase_webhooks(who);
	PERFORM vvault_stream.erase_jobs(who);
	FOR f IN SELECT DISTINCT r.family FROM vvault_stream.refresh_tokens r WHERE r.subject = who ORDER BY 1 LOOP
		PERFORM vvault_stream.end_family(f);
	END LOOP;
	DELETE FROM vvault_stream.refresh_tokens r WHERE r.subject = who;
	PERFORM vvault_stream.erase_sessions(who);
	DELETE FROM vvault_stream.quotas q WHERE q.owner_id = who;
	DELETE FROM vvault_stream.rate_limits l WHERE l.subject = who;
	DELETE FROM vvault_stream.consents c WHERE c.subject = who;
	UPDATE vvault_stream.events e SET owner_id = vvault_stream.erased(), data = '{}' WHERE e.owner_id = who;
	RETURN json_build_object('videos_deleted', erased_videos, 'videos_transferred', transferred);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_erase_user(text, text) IS
'Erases somebody: {"videos_deleted", "videos_transferred"}. His videos are deleted, as by vvault_delete_asset(), or go to another owner; his jobs, webhooks, schedules, limits, quotas, consents and tokens are gone, and his tokens and the sessions that he plays are good no more. Ids of videos stay, so that they come to nobody else, without a word about him.
Units and ranges: subject and transfer_to have 1 to 255 bytes. The same call again is no error; where jobs were running it takes what they left.
NULL: transfer_to NULL deletes the videos; subject NULL is an error.
Errors: 22023 for what is no subject, 42501 unless the caller is the subject, or an operator, who alone transfers. 40P01 beside another transaction that cancels several jobs: nothing is erased then, run it again.
Source: every table of vvault_stream that has an owner or a subject. Dumps, the write-ahead log and logs of servers in front are yours to let go: see docs/privacy.md.';

--
-- Not keeping
--

CREATE FUNCTION @extschema@.vvault_retention(max_rows integer DEFAULT 1000) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	videos bigint;
	uploads bigint;
	tokens bigint;
BEGIN
	IF max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 100000 THEN
		PERFORM vvault_stream.refuse('invalid max_rows', 'It is from 1 to 100000.');
	END IF;
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream erasure', 0));
	SELECT count(vvault_stream.scrub_video(v.video_id)) INTO videos
	FROM (SELECT a.video_id FROM vvault_stream.assets a
		WHERE a.state = 'deleted' AND a.owner_id <> vvault_stream.erased()
			AND NOT EXISTS (SELECT FROM vvault_stream.events e WHERE e.video_id = a.video_id AND e.kind = 'asset.deleted'
				AND e.created_at > clock_timestamp() - make_interval(secs => vvault_stream.setting('deleted_seconds')::double precision))
		ORDER BY a.video_id LIMIT max_rows FOR UPDATE SKIP LOCKED) v;
	WITH gone AS (DELETE FROM vvault_stream.uploads u WHERE (u.video_id, u.upload_id) IN (SELECT o.video_id, o.upload_id FROM vvault_stream.uploads o
			WHERE o.state NOT IN ('open', 'joining')
				AND o.ended_at < clock_timestamp() - make_interval(secs => vvault_stream.setting('upload_keep_seconds')::double precision)
			LIMIT max_rows FOR UPDATE SKIP LOCKED) RETURNING 1)
	SELECT count(*) INTO uploads FROM gone;
	WITH gone AS (DELETE FROM vvault_stream.refresh_tokens r WHERE r.token_hash IN (SELECT o.token_hash FROM vvault_stream.refresh_tokens o
			WHERE o.expires_at < clock_timestamp() ORDER BY o.expires_at LIMIT max_rows FOR UPDATE SKIP LOCKED) RETURNING 1)
	SELECT count(*) INTO tokens FROM gone;
	DELETE FROM vvault_stream.revocations r WHERE r.expires_at < clock_timestamp();
	DELETE FROM vvault_stream.session_subjects s WHERE s.session_id IN (SELECT o.session_id FROM vvault_stream.session_subjects o
		WHERE o.expires_at < clock_timestamp() ORDER BY o.expires_at LIMIT max_rows FOR UPDATE SKIP LOCKED);
	DELETE FROM vvault_stream.finished_jobs f WHERE f.owner_id = vvault_stream.erased();
	RETURN json_build_object('videos', videos, 'uploads', uploads, 'tokens', tokens);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_retention(integer) IS
'Forgets what is not needed any longer: {"videos", "uploads", "tokens"}. Owner and texts of videos that were deleted the setting deleted_seconds ago, uploads that ended upload_keep_seconds ago, tokens and sessions that have expired, and what jobs of erased people left. Call it from cron.
Units and ranges: max_rows of each at most, from 1 to 100000; the reply counts what went.
NULL: NULL is an error.
Errors: 22023 for max_rows out of range.
Source: vvault_stream.assets, uploads, refresh_tokens, revocations, session_subjects and finished_jobs.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_consent'), ('viewer', 'vvault_export_user'), ('viewer', 'vvault_erase_user'),
	('publisher', 'vvault_consent'), ('publisher', 'vvault_export_user'), ('publisher', 'vvault_erase_user');
