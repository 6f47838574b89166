-- Where a viewer plays a video from: the URL of an edge, with the token of a
-- path in it.

INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('play_seconds', '43200', 60, 604800, true,
	 'seconds for which a playing address holds, or three times the video''s duration if that is more; seven days at most');

INSERT INTO vvault_stream.setting_defaults (name, value, choices, description) VALUES
	('session_subjects', 'kept', '{kept,not_kept}',
	 'whether it is kept whose a session is, until its address has expired: so that what an edge logs of somebody can be found, and his sessions taken back, when he is erased');

-- Logs of edges name sessions alone; this tells whose they are, for as long as
-- they may play.
CREATE TABLE vvault_stream.session_subjects (
	session_id text COLLATE "C" PRIMARY KEY,
	subject text COLLATE "C" NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 255),
	begun_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz NOT NULL
);
COMMENT ON TABLE vvault_stream.session_subjects IS
'Whose a session is that plays a video, until its address has expired, and not which video that is. Who is not known has no row. Dumped.';
CREATE INDEX session_subjects_subject ON vvault_stream.session_subjects (subject);
CREATE INDEX session_subjects_expires ON vvault_stream.session_subjects (expires_at);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.session_subjects', '');

CREATE FUNCTION vvault_stream.note_session(session_id text, subject text, seconds integer) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- a login that vouches for nobody may play for all of its own
	who text := nullif(coalesce(note_session.subject, CASE WHEN session_user = vvault_stream.setting('authenticator')
		AND NOT vvault_stream.caller_is_operator() THEN vvault_stream.caller_subject() END), '');
BEGIN
	IF octet_length(who) > 255 THEN
		PERFORM vvault_stream.refuse('invalid subject', 'It has 1 to 255 bytes.');
	END IF;
	DELETE FROM vvault_stream.session_subjects s WHERE s.session_id IN (SELECT o.session_id FROM vvault_stream.session_subjects o
		WHERE o.expires_at < clock_timestamp() ORDER BY o.expires_at LIMIT 10 FOR UPDATE SKIP LOCKED);
	IF who IS NOT NULL AND vvault_stream.setting('session_subjects') = 'kept' THEN
		INSERT INTO vvault_stream.session_subjects (session_id, subject, expires_at)
		VALUES (note_session.session_id, who,
			clock_timestamp() + make_interval(secs => note_session.seconds) + vvault_stream.clock_skew());
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.note_session(text, text, integer) IS
'Keeps whose a session is, where he is known, and forgets what has expired.';

-- The edge of a video is the same for every viewer while the same edges are up,
-- so that few of them have to fetch it; one more edge takes its share of videos
-- and leaves the rest where they are (rendezvous hashing).
CREATE FUNCTION vvault_stream.edge_of(video_id text) RETURNS vvault_stream.edges
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT e FROM vvault_stream.edges e WHERE e.state = 'up'
	ORDER BY -ln(((hashtextextended(e.edge_id || ' ' || edge_of.video_id, 0) & 4503599627370495) + 0.5) / 4503599627370496.0)
		/ e.weight, e.edge_id LIMIT 1
$$;
COMMENT ON FUNCTION vvault_stream.edge_of(text) IS
'Which edge that is up a video plays from; NULL where none is.';

-- An operator asks for a subject; everybody else for himself, whatever he says.
CREATE FUNCTION vvault_stream.may_play(a vvault_stream.assets, subject text) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF subject IS NOT NULL AND vvault_stream.caller_is_operator() THEN
		RETURN vvault_stream.subject_may_view(a.video_id, subject);
	END IF;
	RETURN coalesce(subject = vvault_stream.caller_subject(), subject IS NULL) AND @extschema@.vvault_may(a.video_id, 'view');
END
$$;
COMMENT ON FUNCTION vvault_stream.may_play(vvault_stream.assets, text) IS
'Whether a video may be played for a subject: an operator''s word counts, else it has to be the caller.';

CREATE FUNCTION vvault_stream.check_playable(a vvault_stream.assets, subject text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(vvault_stream.may_play(a, check_playable.subject), false) THEN
		RAISE EXCEPTION 'permission denied for video "%"', a.video_id USING ERRCODE = 'insufficient_privilege',
			HINT = 'Who may view it asks for himself; an operator may ask for a subject.';
	ELSIF a.generation = 0 OR a.state IN ('deleting', 'deleted') THEN
		RAISE EXCEPTION 'video "%" cannot be played: it is %', a.video_id, a.state
			USING ERRCODE = 'PT409', HINT = 'It has to be ready.';
	ELSIF vvault_stream.is_denied('video', a.video_id) THEN
		RAISE EXCEPTION 'video "%" cannot be played: it is denied', a.video_id
			USING ERRCODE = 'PT409', HINT = 'vvault_allow(''video'', ...) takes that back.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_playable(vvault_stream.assets, text) IS
'Raises 42501 where a subject may not watch a video, PT409 where there is nothing to watch yet.';

CREATE FUNCTION @extschema@.vvault_play_url(video_id text, subject text DEFAULT NULL, ttl_seconds integer DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets;
	e vvault_stream.edges := vvault_stream.edge_of(vvault_play_url.video_id);
	session_id text := vvault_stream.random_name(22);
	seconds integer;
	base text;
	f record;
BEGIN
	SELECT o.* INTO a FROM vvault_stream.assets o WHERE o.video_id = vvault_play_url.video_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'video "%" does not exist', coalesce(left(vvault_play_url.video_id, 64), 'NULL') USING ERRCODE = 'PT404',
			HINT = 'vvault_create_asset makes one.';
	ELSIF NOT coalesce(vvault_play_url.ttl_seconds BETWEEN 1 AND 604800, true) THEN
		PERFORM vvault_stream.refuse('invalid ttl_seconds', 'It is from 1 to 604800, seven days.');
	END IF;
	PERFORM vvault_stream.check_playable(a, vvault_play_url.subject);
	IF e IS NULL THEN
		RAISE EXCEPTION 'no edge is up' USING ERRCODE = 'PT503', HINT = 'Add one by vvault_edge().';
	END IF;
	seconds := coalesce(vvault_play_url.ttl_seconds, least(604800,
		greatest(vvault_stream.setting('play_seconds')::double precision, 3 * coalesce(a.duration, 0))));
	PERFORM vvault_stream.note_session(session_id, vvault_play_url.subject, seconds);
	base := format('%s/v/%s/%s/%s/', e.base_url,
		vvault_stream.new_path_token(a.video_id, a.generation, seconds, session_id), a.video_id, a.generation);
	SELECT s.* INTO f FROM vvault_stream.shown_files(a.video_id, a.generation) s;
	RETURN json_build_object('video_id', a.video_id, 'generation', a.generation, 'edge_id', e.edge_id, 'session_id', session_id,
		'expires_at', vvault_stream.utc_text(date_trunc('second', clock_timestamp()) + make_interval(secs => seconds)),
		'hls', base || f.hls, 'dash', base || f.dash, 'watch', base || f.watch, 'protection', f.protection,
		'license', CASE f.protection WHEN 'clear_key' THEN base || 'license.json' END);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_play_url(text, text, integer) IS
'Where a viewer plays a video: {"video_id", "generation", "edge_id", "session_id", "expires_at", "hls", "dash", "watch", "protection", "license"}. The addresses have a token in their path that opens this generation of this video until it expires, and nothing else; players need no header or cookie. Each call begins a session, whose id is in the edge''s log; whose it is is known until it expires (setting session_subjects).
Units and ranges: dash is null for a video that is protected by aes128; license is where players of a clear_key video post what their Clear Key asks for, else null. ttl_seconds from 1 to 604800; 12 hours (setting play_seconds) or three times the duration unless said. A video plays for who may view it: see vvault_may(). subject is the caller himself; an operator may name another, of whom a private video asks to be its owner.
NULL: subject NULL is the caller; ttl_seconds NULL is the default; video_id NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the subject may not watch, and for a subject that the caller is not, PT409 (HTTP 409) for one that is not ready or denied, PT503 (HTTP 503) while no edge is up, 22023 for ttl_seconds out of range.
Source: vvault_stream.assets, edges, signing_keys and session_subjects; HMAC-SHA-256, which the edge checks by itself (deploy/edge.conf).';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('viewer', 'vvault_play_url'), ('publisher', 'vvault_play_url');
