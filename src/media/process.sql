-- The way of a generation through the queue: probe, then what the probe asks
-- for (encode for each codec, pictures, texts), then finish (in manifests/).
-- A job tells in its args which generation and which run of it it belongs to;
-- what comes for another run is dropped.

INSERT INTO vvault_stream.job_kinds (kind, description, lease_seconds, max_attempts, progress_seconds, outside, shipped,
	order_schema, order_function, done_schema, done_function)
VALUES
	('probe', 'looks at the source of a video', 60, 5, NULL, false, true,
		'vvault_stream', 'probe_order', 'vvault_stream', 'probe_done'),
	('encode', 'encodes a video with one codec', 60, 5, 600, false, true,
		'vvault_stream', 'encode_order', 'vvault_stream', 'encode_done'),
	('pictures', 'makes a video''s poster and storyboard', 60, 5, 600, false, true,
		'vvault_stream', 'encode_order', 'vvault_stream', 'pictures_done'),
	('texts', 'makes WebVTT of a video''s subtitles', 60, 5, 600, false, true,
		'vvault_stream', 'encode_order', 'vvault_stream', 'encode_done'),
	('delete_objects', 'deletes objects from a store', 60, 20, NULL, true, true,
		'vvault_stream', 'delete_order', 'vvault_stream', 'delete_done');

-- The generation that a job belongs to, its asset and itself locked; NULL where
-- it belongs to none any more.
CREATE FUNCTION vvault_stream.generation_of_job(job json) RETURNS vvault_stream.generations
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations;
BEGIN
	PERFORM FROM vvault_stream.assets a WHERE a.video_id = job ->> 'video_id' FOR NO KEY UPDATE;
	SELECT o.* INTO g FROM vvault_stream.generations o JOIN vvault_stream.assets a ON a.video_id = o.video_id
	WHERE o.video_id = job ->> 'video_id' AND o.generation = (job -> 'args' ->> 'generation')::integer
		AND o.run = (job -> 'args' ->> 'run')::integer AND o.state IN ('processing', 'failed')
		AND a.state NOT IN ('deleting', 'deleted')
	FOR NO KEY UPDATE OF o;
	RETURN g;
END
$$;
COMMENT ON FUNCTION vvault_stream.generation_of_job(json) IS
'The generation that a job works for, locked with its asset; NULL where nobody waits for the job any more.';

-- Jobs that somebody holds at this moment are just ending: they find out by
-- themselves that nobody waits for them.
CREATE FUNCTION vvault_stream.cancel_run(video_id text, generation integer, reason text, but bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	j record;
	stopped bigint[] := '{}';
BEGIN
	FOR j IN
		SELECT o.job_id, o.state FROM vvault_stream.jobs o
		WHERE o.video_id = cancel_run.video_id AND o.kind IN ('probe', 'encode', 'pictures', 'texts', 'finish')
			AND (o.args ->> 'generation')::integer = cancel_run.generation AND o.job_id IS DISTINCT FROM but
		ORDER BY o.job_id FOR UPDATE SKIP LOCKED
	LOOP
		IF j.state = 'x' THEN
			UPDATE vvault_stream.jobs o SET cancelled = true, error = left(reason, 1000) WHERE o.job_id = j.job_id;
		ELSE
			stopped := stopped || j.job_id;
		END IF;
	END LOOP;
	IF stopped <> '{}' THEN
		PERFORM vvault_stream.cancel_jobs(stopped, left(reason, 1000));
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.cancel_run(text, integer, text, bigint) IS
'Cancels what is left of a generation''s jobs, but one.';

-- A fault of the source, or of what came of it: trying again would help
-- nothing, so the other jobs end, and what they still bring is dropped.
CREATE FUNCTION vvault_stream.fail_generation(g vvault_stream.generations, reason text, but bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	why text := coalesce(nullif(btrim(left(reason, 2000)), ''), 'It failed.');
BEGIN
	UPDATE vvault_stream.generations o SET state = 'failed', failure = why, run = o.run + 1
	WHERE o.video_id = g.video_id AND o.generation = g.generation;
	UPDATE vvault_stream.assets a SET state = 'failed', failure = why
	WHERE a.video_id = g.video_id AND a.state IN ('uploading', 'uploaded', 'processing');
	PERFORM vvault_stream.cancel_run(g.video_id, g.generation, why, but);
END
$$;
COMMENT ON FUNCTION vvault_stream.fail_generation(vvault_stream.generations, text, bigint) IS
'Marks a generation as failed, and its asset unless that shows another one; ends its other jobs.';

-- What a job may have written and what nobody will show.
CREATE FUNCTION vvault_stream.collect_job(job json, but text[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lost text[];
BEGIN
	SELECT array_agg(o.object_key ORDER BY o.object_key) INTO lost FROM vvault_stream.media_objects o
	WHERE o.job_id = (job ->> 'job_id')::bigint AND o.state = 'ordered' AND o.object_key <> ALL (coalesce(but, '{}'));
	IF lost IS NOT NULL THEN
		PERFORM vvault_stream.delete_media(job ->> 'video_id', lost, vvault_stream.setting('grace_seconds')::double precision);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.collect_job(json, text[]) IS
'Has the objects deleted, after the grace time, that attempts of a job were to write, but these.';

--
-- A job that is dead makes the asset failed, with what the worker said; once it
-- is redriven the asset goes on. One that only shows it early, or stores its page
-- anew, holds nothing up.
--

CREATE FUNCTION vvault_stream.media_job_died() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	why text := left(coalesce(NEW.error, 'It was tried too often.'), 2000);
	was text := CASE NEW.state WHEN 'd' THEN 'processing' ELSE 'failed' END;
BEGIN
	UPDATE vvault_stream.generations g
	SET state = CASE was WHEN 'processing' THEN 'failed' ELSE 'processing' END,
		failure = CASE was WHEN 'processing' THEN why END
	WHERE g.video_id = NEW.video_id AND g.generation = (NEW.args ->> 'generation')::integer
		AND g.run = (NEW.args ->> 'run')::integer AND g.state = was
		AND (was = 'processing' OR NOT EXISTS (SELECT FROM vvault_stream.jobs j
			WHERE j.video_id = NEW.video_id AND j.state = 'd' AND j.args ->> 'generation' = NEW.args ->> 'generation'
				AND j.args ->> 'run' = NEW.args ->> 'run' AND coalesce(j.args ->> 'part' <> 'early' OR j.kind <> 'finish', true)));
	IF FOUND THEN
		UPDATE vvault_stream.assets a
		SET state = CASE was WHEN 'processing' THEN 'failed' ELSE 'processing' END,
			failure = CASE was WHEN 'processing' THEN why END
		WHERE a.video_id = NEW.video_id AND a.state = was;
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.media_job_died() IS
'Trigger on vvault_stream.jobs: a dead job of a video makes it failed, a redriven one lets it go on.';

CREATE TRIGGER media_job_died AFTER UPDATE OF state ON vvault_stream.jobs
FOR EACH ROW WHEN (NEW.video_id IS NOT NULL AND (NEW.state = 'd') <> (OLD.state = 'd')
	AND NEW.kind IN ('probe', 'encode', 'pictures', 'texts', 'finish')
	AND (NEW.kind <> 'finish' OR coalesce(NEW.args ->> 'part', 'all') = 'all'))
EXECUTE FUNCTION vvault_stream.media_job_died();

-- Nobody takes what a cancelled job wrote. A video that is being deleted has all of
-- it deleted at once.
CREATE FUNCTION vvault_stream.media_job_cancelled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.collect_job(json_build_object('job_id', NEW.job_id, 'video_id', NEW.video_id), NULL)
	WHERE NOT EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = NEW.video_id AND a.state IN ('deleting', 'deleted'));
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.media_job_cancelled() IS
'Trigger on vvault_stream.finished_jobs: has deleted what a cancelled job of a video may have written.';

-- What a dump brings back ended at another time.
CREATE TRIGGER media_job_cancelled AFTER INSERT ON vvault_stream.finished_jobs
FOR EACH ROW WHEN (NEW.cancelled AND NEW.attempt > 0 AND NEW.kind IN ('encode', 'pictures', 'texts', 'finish')
	AND NEW.finished_at >= now())
EXECUTE FUNCTION vvault_stream.media_job_cancelled();

--
-- probe
--

CREATE FUNCTION vvault_stream.job_generation(job json) RETURNS vvault_stream.generations
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g FROM vvault_stream.generations g
	WHERE g.video_id = job ->> 'video_id' AND g.generation = (job -> 'args' ->> 'generation')::integer
$$;
COMMENT ON FUNCTION vvault_stream.job_generation(json) IS
'The generation that a job works for.';

CREATE FUNCTION vvault_stream.probe_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN json_build_object('do', 'probe', 'source', vvault_stream.source_place(vvault_stream.job_generation(job)),
		'limits', json_build_object('seconds', 120, 'memory_bytes', 2147483648));
END
$$;
COMMENT ON FUNCTION vvault_stream.probe_order(json) IS
'The order of a job of the kind probe.';

CREATE FUNCTION vvault_stream.source_problem(facts jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(facts -> 'video') <> 'object' AND facts -> 'audio' = '[]' THEN
		RETURN 'The file has neither a picture nor a sound that can be read.';
	ELSIF (facts ->> 'duration')::double precision > vvault_stream.setting('source_seconds_limit')::double precision THEN
		RETURN format('The file lasts %s seconds; %s are allowed.', round((facts ->> 'duration')::numeric),
			vvault_stream.setting('source_seconds_limit'));
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.source_problem(jsonb) IS
'Why a source cannot be processed, as a sentence, or NULL.';

CREATE FUNCTION vvault_stream.enqueue_media(g vvault_stream.generations, kind text, plan jsonb, needs bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	a vvault_stream.assets;
	args jsonb := coalesce(plan, '{}') || jsonb_build_object('generation', g.generation, 'run', g.run);
BEGIN
	SELECT o.* INTO a FROM vvault_stream.assets o WHERE o.video_id = g.video_id;
	-- a job counts as long as it is likely to run: a minute is 1000
	RETURN (vvault_stream.enqueue_slowly(kind, args::json, a.video_id, a.owner_id,
		coalesce((g.formats ->> 'priority')::integer, 0), 0, NULL, NULL, needs,
		CASE kind WHEN 'encode' THEN greatest(least(coalesce(g.duration, 60) / 60 * 1000, 1e6), 100)::integer ELSE 100 END)
		->> 'job_id')::bigint;
END
$$;
COMMENT ON FUNCTION vvault_stream.enqueue_media(vvault_stream.generations, text, jsonb, bigint[]) IS
'Puts a job of a generation into the queue.';

-- A source is decoded twice where it is to play early, so short ones are not, nor
-- those of a video that plays already.
CREATE FUNCTION vvault_stream.plays_early(g vvault_stream.generations, facts jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	video jsonb := facts -> 'video';
BEGIN
	RETURN jsonb_typeof(video) = 'object'
		AND coalesce((facts ->> 'duration')::double precision, 0) >= vvault_stream.setting('early_seconds')::double precision
		AND EXISTS (SELECT FROM vvault_stream.assets a WHERE a.video_id = g.video_id AND a.generation = 0)
		AND vvault_stream.early_rung(@extschema@.vvault_ladder((video ->> 'width')::integer, (video ->> 'height')::integer,
			(video -> 'rate' ->> 0)::double precision / (video -> 'rate' ->> 1)::double precision, 'h264',
			(g.formats ->> 'max_height')::integer)::jsonb) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.plays_early(vvault_stream.generations, jsonb) IS
'Whether a generation is to be shown as soon as its sound and one rung are there.';

CREATE FUNCTION vvault_stream.make_graph(g vvault_stream.generations, facts jsonb) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_video boolean := jsonb_typeof(facts -> 'video') = 'object';
	early boolean := vvault_stream.plays_early(g, facts);
	codec text;
	jobs bigint[] := '{}';
BEGIN
	IF early THEN
		jobs := jobs || vvault_stream.enqueue_media(g, 'encode', vvault_stream.encode_plan(facts, 'h264', g.formats, 'early'), NULL);
		PERFORM vvault_stream.enqueue_media(g, 'finish', '{"part": "early"}', jobs);
	END IF;
	FOR codec IN
		SELECT c FROM jsonb_array_elements_text(coalesce(g.formats -> 'codecs', '["h264"]')) c
		UNION SELECT 'h264' ORDER BY 1 DESC
	LOOP
		IF has_video OR codec = 'h264' THEN
			jobs := jobs || vvault_stream.enqueue_media(g, 'encode', vvault_stream.encode_plan(facts, codec, g.formats,
				CASE WHEN early AND codec = 'h264' THEN 'rest' ELSE 'all' END), NULL);
		END IF;
	END LOOP;
	IF has_video THEN
		jobs := jobs || vvault_stream.enqueue_media(g, 'pictures', vvault_stream.pictures_plan(facts), NULL);
	END IF;
	IF facts -> 'texts' <> '[]' THEN
		jobs := jobs || vvault_stream.enqueue_media(g, 'texts', vvault_stream.texts_plan(facts), NULL);
	END IF;
	RETURN jobs || vvault_stream.enqueue_media(g, 'finish', '{"part": "all"}', jobs);
END
$$;
COMMENT ON FUNCTION vvault_stream.make_graph(vvault_stream.generations, jsonb) IS
'Puts all that has to be done with a source into the queue; returns the jobs.';

CREATE FUNCTION vvault_stream.probe_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.generation_of_job(job);
	facts jsonb;
	problem text := result ->> 'failure';
BEGIN
	IF g.video_id IS NULL THEN
		RETURN;
	END IF;
	IF problem IS NULL THEN
		facts := vvault_stream.source_facts((result -> 'probe')::jsonb);
		problem := vvault_stream.source_problem(facts);
	END IF;
	IF problem IS NULL AND g.source_sha256 <> lower(result ->> 'sha256') THEN
		problem := 'The file is not the one that was uploaded: its SHA-256 is another.';
	END IF;
	IF problem IS NOT NULL THEN
		PERFORM vvault_stream.fail_generation(g, problem, (job ->> 'job_id')::bigint);
		RETURN;
	END IF;
	UPDATE vvault_stream.generations o
	SET demuxer = result ->> 'demuxer', source = (result -> 'probe')::jsonb - 'frames',
		source_sha256 = coalesce(o.source_sha256, lower(result ->> 'sha256')),
		source_size = coalesce(o.source_size, (result ->> 'size')::bigint),
		duration = greatest((facts ->> 'duration')::double precision, 0)
	WHERE o.video_id = g.video_id AND o.generation = g.generation
	RETURNING o.* INTO g;
	UPDATE vvault_stream.assets a SET source = g.source, duration = g.duration
	WHERE a.video_id = g.video_id AND a.generation = 0;
	PERFORM vvault_stream.make_graph(g, facts);
END
$$;
COMMENT ON FUNCTION vvault_stream.probe_done(json, json) IS
'Ends a job of the kind probe: the jobs that the source asks for go into the queue.';

--
-- encode, pictures, texts
--

CREATE FUNCTION vvault_stream.output_order(job json, output json, g vvault_stream.generations) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o vvault_stream.media_objects := vvault_stream.object_for((job ->> 'job_id')::bigint, g.video_id, g.generation,
		output ->> 'name', output ->> 'extension');
	encryption json;
BEGIN
	IF g.protection <> 'none' AND output ->> 'kind' IN ('video', 'audio') THEN
		encryption := vvault_stream.output_encryption(g.video_id, g.generation,
			vvault_stream.content_class(output ->> 'kind', output ->> 'name'));
		IF encryption IS NULL THEN
			RAISE EXCEPTION 'there is no key for %', output ->> 'name' USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'vvault_protect() makes new ones.';
		END IF;
	END IF;
	-- a key is in expressions alone, never a parameter of a query
	RETURN json_build_object('name', o.name, 'extension', output ->> 'extension',
		'head', coalesce((output ->> 'head')::boolean, false), 'optional', coalesce((output ->> 'optional')::boolean, false),
		'content_type', output ->> 'content_type', 'encryption', encryption,
		'place', vvault_stream.writing_place(o, true));
END
$$;
COMMENT ON FUNCTION vvault_stream.output_order(json, json, vvault_stream.generations) IS
'What a worker is told of one output.';

CREATE FUNCTION vvault_stream.encode_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.job_generation(job);
	args json := job -> 'args';
BEGIN
	RETURN json_build_object('do', 'encode', 'source', vvault_stream.source_place(g), 'demuxer', g.demuxer,
		'input_arguments', args -> 'input_arguments', 'arguments', args -> 'arguments',
		'loudness', coalesce((args ->> 'loudness')::boolean, false), 'duration', g.duration,
		'outputs', (SELECT json_agg(vvault_stream.output_order(job, o.value, g) ORDER BY o.i)
			FROM json_array_elements(args -> 'outputs') WITH ORDINALITY o (value, i)),
		'limits', json_build_object('seconds', 3600 + ceil(coalesce(g.duration, 3600) * 60)::bigint, 'memory_bytes', 8589934592));
END
$$;
COMMENT ON FUNCTION vvault_stream.encode_order(json) IS
'The order of jobs of the kinds encode, pictures and texts.';

-- What a worker says it wrote, where the present lease was to write it.
CREATE FUNCTION vvault_stream.written_output(job json, result json, name text) RETURNS json
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.value
	FROM json_array_elements(CASE json_typeof(result -> 'outputs') WHEN 'array' THEN result -> 'outputs' ELSE '[]' END) r
		JOIN vvault_stream.media_objects o ON o.video_id = job ->> 'video_id' AND o.object_key = r.value ->> 'object_key'
			AND o.job_id = (job ->> 'job_id')::bigint AND o.name = written_output.name AND o.state = 'ordered'
	WHERE r.value ->> 'name' = written_output.name AND (r.value ->> 'size')::bigint > 0
		AND o.lease = (SELECT j.lease FROM vvault_stream.jobs j WHERE j.job_id = o.job_id)
	LIMIT 1
$$;
COMMENT ON FUNCTION vvault_stream.written_output(json, json, text) IS
'What a result says of an output, NULL where it was not written.';

-- A worker that forgot to encrypt, or did it under another key, is found out by
-- the head of what it made; of aes128 whole segments are encrypted, in blocks.
CREATE FUNCTION vvault_stream.encryption_problem(g vvault_stream.generations, scheme text, key_id uuid, sizes integer[], kid uuid)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN encryption_problem.scheme IS DISTINCT FROM nullif(vvault_stream.encryption_scheme((g).protection), 'aes128')
			THEN coalesce('it is encrypted by ' || encryption_problem.scheme, 'it is not encrypted')
		WHEN encryption_problem.scheme IS NOT NULL AND encryption_problem.key_id IS DISTINCT FROM encryption_problem.kid
			THEN 'it is encrypted under another key'
		WHEN (g).protection = 'aes128' AND EXISTS (SELECT FROM unnest(encryption_problem.sizes) s WHERE s % 16 <> 0)
			THEN 'it is not encrypted' END
$$;
COMMENT ON FUNCTION vvault_stream.encryption_problem(vvault_stream.generations, text, uuid, integer[], uuid) IS
'What is wrong with how a file of a generation is encrypted, whose head says this, or NULL.';

CREATE FUNCTION vvault_stream.add_media(g vvault_stream.generations, output json, written json, loudness double precision,
	early boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	h record;
	kid uuid := (SELECT k.kid FROM vvault_stream.content_keys k WHERE k.video_id = g.video_id AND k.generation = g.generation
		AND k.class = vvault_stream.content_class(output ->> 'kind', output ->> 'name'));
	wrong text;
BEGIN
	SELECT m.* INTO h FROM vvault_stream.media_head(decode(written ->> 'head', 'base64'), (written ->> 'size')::bigint) m;
	IF h.kind IS DISTINCT FROM output ->> 'kind' THEN
		RAISE EXCEPTION 'it is %, not %', h.kind, output ->> 'kind' USING ERRCODE = 'invalid_parameter_value';
	ELSIF h.edit_start <> 0 OR h.start::double precision / h.timescale > 0.045 THEN
		RAISE EXCEPTION 'it does not begin at its beginning' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	wrong := vvault_stream.encryption_problem(g, h.scheme, h.key_id, h.sizes, kid);
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION '%', wrong USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, sample_aspect_width,
		sample_aspect_height, frame_rate_numerator, frame_rate_denominator, channels, sample_rate, language, label, is_default,
		early, loudness, protection, key_id, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
	VALUES (g.video_id, g.generation, output ->> 'name', h.kind, h.codecs, h.width, h.height,
		split_part(coalesce(h.sample_aspect, '1:1'), ':', 1)::integer, split_part(coalesce(h.sample_aspect, '1:1'), ':', 2)::integer,
		(output ->> 'rate_numerator')::integer, (output ->> 'rate_denominator')::integer, h.channels, h.sample_rate,
		output ->> 'language', output ->> 'label', coalesce((output ->> 'is_default')::boolean, false), early,
		loudness, g.protection, kid, written ->> 'object_key', h.timescale, h.init_size, h.index_size, h.first_offset, h.durations, h.sizes);
END
$$;
COMMENT ON FUNCTION vvault_stream.add_media(vvault_stream.generations, json, json, double precision, boolean) IS
'Adds a rendition by the head of its file; 22023 where it cannot be played.';

CREATE FUNCTION vvault_stream.add_text(g vvault_stream.generations, output json, written json) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, language, label, is_default, object_key,
		timescale, durations, sizes)
	VALUES (g.video_id, g.generation, output ->> 'name', 'text', 'wvtt', output ->> 'language', output ->> 'label', false,
		written ->> 'object_key', 1000, ARRAY[greatest(ceil(coalesce(g.duration, 1) * 1000), 1)::integer],
		ARRAY[(written ->> 'size')::integer])
$$;
COMMENT ON FUNCTION vvault_stream.add_text(vvault_stream.generations, json, json) IS
'Adds a file of WebVTT as a rendition of one segment.';

CREATE FUNCTION vvault_stream.keep_object(job json, written json, output json) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE vvault_stream.media_objects o
	SET state = 'stored', size = (written ->> 'size')::bigint, sha256 = written ->> 'sha256', content_type = output ->> 'content_type'
	WHERE o.video_id = job ->> 'video_id' AND o.object_key = written ->> 'object_key'
$$;
COMMENT ON FUNCTION vvault_stream.keep_object(json, json, json) IS
'Notes that an object lies in its store.';

-- Two renditions whose segments begin at different moments cannot be switched
-- between. The last one may end with its own last picture.
CREATE FUNCTION vvault_stream.border_problem(video_id text, generation integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH border AS (
		SELECT r.name, cardinality(r.durations) AS n, d.i, sum(d.duration) OVER (PARTITION BY r.name ORDER BY d.i)::double precision / r.timescale AS t
		FROM vvault_stream.renditions r, unnest(r.durations) WITH ORDINALITY d (duration, i)
		WHERE r.video_id = border_problem.video_id AND r.generation = border_problem.generation AND r.kind = 'video'),
	first AS (SELECT min(r.name) AS name FROM border r)
	SELECT format('The encoder cut %s and %s at different moments, near second %s.', a.name, b.name,
		round(least(a.t, b.t)::numeric, 3))
	FROM border a JOIN first ON first.name = a.name JOIN border b ON b.name <> a.name AND b.i = a.i
	WHERE a.n <> b.n OR abs(a.t - b.t) > CASE WHEN a.i < a.n THEN 0.001 ELSE 0.25 END
	ORDER BY a.i, b.name LIMIT 1
$$;
COMMENT ON FUNCTION vvault_stream.border_problem(text, integer) IS
'Which two renditions of a generation have segments with other borders, as a sentence, or NULL.';

CREATE FUNCTION vvault_stream.output_problem(g vvault_stream.generations, job json, result json) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	output json;
	written json;
BEGIN
	FOR output IN SELECT o.value FROM json_array_elements(job -> 'args' -> 'outputs') o LOOP
		written := vvault_stream.written_output(job, result, output ->> 'name');
		IF written IS NULL AND coalesce((output ->> 'optional')::boolean, false) THEN
			CONTINUE;
		ELSIF written IS NULL THEN
			RETURN format('The encoder made no %s of this source.', output ->> 'name');
		ELSIF output ->> 'kind' = 'text' THEN
			PERFORM vvault_stream.add_text(g, output, written);
		ELSE
			PERFORM vvault_stream.add_media(g, output, written,
				vvault_stream.number(result -> 'loudness' ->> (output ->> 'name')), coalesce(job -> 'args' ->> 'part' = 'early', false));
		END IF;
		PERFORM vvault_stream.keep_object(job, written, output);
	END LOOP;
	RETURN vvault_stream.border_problem(g.video_id, g.generation);
EXCEPTION WHEN invalid_parameter_value OR check_violation THEN
	RETURN format('What the encoder made as %s cannot be played: %s.', output ->> 'name', SQLERRM);
END
$$;
COMMENT ON FUNCTION vvault_stream.output_problem(vvault_stream.generations, json, json) IS
'Adds what a job made to its generation; returns what is wrong with it, as a sentence, with nothing added, or NULL.';

CREATE FUNCTION vvault_stream.encode_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.generation_of_job(job);
	problem text := result ->> 'failure';
BEGIN
	IF g.video_id IS NOT NULL THEN
		IF problem IS NULL THEN
			problem := vvault_stream.output_problem(g, job, result);
		END IF;
		IF problem IS NOT NULL THEN
			PERFORM vvault_stream.fail_generation(g, problem, (job ->> 'job_id')::bigint);
		END IF;
	END IF;
	PERFORM vvault_stream.collect_job(job, NULL);
END
$$;
COMMENT ON FUNCTION vvault_stream.encode_done(json, json) IS
'Ends a job of the kind encode or texts: what it made becomes renditions of its generation.';

-- A video without pictures is still one.
CREATE FUNCTION vvault_stream.pictures_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g vvault_stream.generations := vvault_stream.generation_of_job(job);
	output json;
	written json;
BEGIN
	IF g.video_id IS NOT NULL THEN
		FOR output IN SELECT o.value FROM json_array_elements(job -> 'args' -> 'outputs') o LOOP
			written := vvault_stream.written_output(job, result, output ->> 'name');
			CONTINUE WHEN written IS NULL;
			INSERT INTO vvault_stream.pictures (video_id, generation, name, kind, object_key, width, height, tile_columns, tile_rows,
				tiles, tile_seconds, size)
			VALUES (g.video_id, g.generation, output ->> 'name', output ->> 'kind', written ->> 'object_key',
				(output ->> 'width')::integer, (output ->> 'height')::integer, coalesce((output ->> 'tile_columns')::integer, 1),
				coalesce((output ->> 'tile_rows')::integer, 1), coalesce((output ->> 'tiles')::integer, 1),
				(output ->> 'tile_seconds')::double precision, (written ->> 'size')::bigint);
			PERFORM vvault_stream.keep_object(job, written, output);
		END LOOP;
	END IF;
	PERFORM vvault_stream.collect_job(job, NULL);
END
$$;
COMMENT ON FUNCTION vvault_stream.pictures_done(json, json) IS
'Ends a job of the kind pictures: what it made becomes the pictures of its generation.';

--
-- Beginning
--

CREATE FUNCTION vvault_stream.formats_problem(formats jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN jsonb_typeof(formats) <> 'object' THEN 'It is an object.'
		WHEN formats - '{codecs,max_height,preset,priority}'::text[] <> '{}' THEN 'It may have codecs, max_height, preset and priority.'
		WHEN formats ? 'codecs' AND (jsonb_typeof(formats -> 'codecs') <> 'array'
			OR NOT formats -> 'codecs' <@ '["h264","hevc","av1"]') THEN 'Its codecs are an array of h264, hevc and av1.'
		WHEN formats ? 'max_height' AND coalesce(formats ->> 'max_height' !~ '^[0-9]{1,4}$'
			OR (formats ->> 'max_height')::integer NOT BETWEEN 1 AND 2160, true) THEN 'Its max_height is from 1 to 2160.'
		WHEN formats ? 'preset' THEN (SELECT 'Its preset is one of ' || array_to_string(d.choices, ', ') || '.'
			FROM vvault_stream.setting_defaults d WHERE d.name = 'encoder_preset'
				AND NOT coalesce(formats ->> 'preset' = ANY (d.choices), false))
		WHEN formats ? 'priority' AND coalesce(formats ->> 'priority' !~ '^-?[0-9]{1,4}$', true) THEN 'Its priority is from -9999 to 9999.' END
$$;
COMMENT ON FUNCTION vvault_stream.formats_problem(jsonb) IS
'What is wrong with the formats that vvault_process got, as a hint, or NULL.';

CREATE FUNCTION vvault_stream.begin_run(g vvault_stream.generations, formats jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM vvault_stream.delete_media(g.video_id, ARRAY(
		SELECT r.object_key FROM vvault_stream.renditions r WHERE r.video_id = g.video_id AND r.generation = g.generation
		UNION SELECT p.object_key FROM vvault_stream.pictures p WHERE p.video_id = g.video_id AND p.generation = g.generation),
		vvault_stream.setting('grace_seconds')::double precision);
	DELETE FROM vvault_stream.renditions r WHERE r.video_id = g.video_id AND r.generation = g.generation;
	DELETE FROM vvault_stream.pictures p WHERE p.video_id = g.video_id AND p.generation = g.generation;
	UPDATE vvault_stream.generations o
	SET state = 'processing', run = o.run + 1, failure = NULL, formats = coalesce(begin_run.formats, o.formats),
		protection = a.protection
	FROM vvault_stream.assets a
	WHERE o.video_id = g.video_id AND o.generation = g.generation AND a.video_id = o.video_id
	RETURNING o.* INTO g;
	PERFORM vvault_stream.make_content_keys(g.video_id, g.generation, g.protection);
	UPDATE vvault_stream.assets a SET state = 'processing'
	WHERE a.video_id = g.video_id AND a.state IN ('uploaded', 'failed');
	RETURN vvault_stream.enqueue_media(g, 'probe', NULL, NULL);
END
$$;
COMMENT ON FUNCTION vvault_stream.begin_run(vvault_stream.generations, jsonb) IS
'Begins to process a generation, from its source, protected as its asset is to be; returns the first job. The caller has locked the asset.';

-- What viewers may be playing stays as it is: encoded anew it is the next one.
CREATE FUNCTION vvault_stream.hidden_generation(a vvault_stream.assets, g vvault_stream.generations)
RETURNS vvault_stream.generations
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	next integer;
BEGIN
	IF g.state <> 'ready' AND g.generation > a.generation THEN
		RETURN g;
	END IF;
	next := vvault_stream.add_generation(a.video_id);
	UPDATE vvault_stream.generations o
	SET state = 'uploaded', store = g.store, source_key = g.source_key, source_size = g.source_size,
		source_sha256 = g.source_sha256, formats = g.formats, uploaded_at = g.uploaded_at
	WHERE o.video_id = a.video_id AND o.generation = next RETURNING o.* INTO g;
	RETURN g;
END
$$;
COMMENT ON FUNCTION vvault_stream.hidden_generation(vvault_stream.assets, vvault_stream.generations) IS
'The generation to encode a source in that has been encoded in another one before: the same, or the next where that one was shown.';

-- For whoever calls it: an upload's end does, and that may come from a worker.
CREATE FUNCTION vvault_stream.process_asset(a vvault_stream.assets, formats jsonb) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	g vvault_stream.generations := vvault_stream.newest_generation(a.video_id);
	problem text := vvault_stream.formats_problem(process_asset.formats);
	dead bigint[];
BEGIN
	IF problem IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid formats', problem);
	ELSIF g.source_key IS NULL THEN
		RAISE EXCEPTION 'video "%" has no source', a.video_id USING ERRCODE = 'PT409',
			HINT = 'Upload one: vvault_create_upload.';
	END IF;
	IF g.state = 'failed' AND process_asset.formats IS NULL THEN
		SELECT array_agg(j.job_id) INTO dead FROM vvault_stream.jobs j
		WHERE j.video_id = a.video_id AND j.state = 'd' AND (j.args ->> 'generation')::integer = g.generation
			AND (j.args ->> 'run')::integer = g.run;
		PERFORM @extschema@.vvault_redrive(d) FROM unnest(dead) d;
	END IF;
	IF g.state <> 'processing' AND dead IS NULL THEN
		PERFORM vvault_stream.cancel_run(a.video_id, g.generation, 'it is begun anew', NULL);
		PERFORM vvault_stream.begin_run(vvault_stream.hidden_generation(a, g), process_asset.formats);
		g := vvault_stream.newest_generation(a.video_id);
	END IF;
	RETURN json_build_object('video_id', a.video_id, 'generation', g.generation,
		'state', (SELECT o.state FROM vvault_stream.assets o WHERE o.video_id = a.video_id),
		'jobs', (SELECT coalesce(json_agg(j.job_id ORDER BY j.job_id), '[]') FROM vvault_stream.jobs j
			WHERE j.video_id = a.video_id AND j.args ->> 'generation' = g.generation::text AND NOT j.cancelled));
END
$$;
COMMENT ON FUNCTION vvault_stream.process_asset(vvault_stream.assets, jsonb) IS
'Begins, or goes on, to make a video of its source; the caller has locked the asset.';

CREATE FUNCTION @extschema@.vvault_process(video_id text, formats json DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN vvault_stream.process_asset(vvault_stream.callers_asset(vvault_process.video_id, 'edit'),
		vvault_stream.readable(vvault_process.formats, 'formats'));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_process(text, json) IS
'Makes a video of its uploaded source: {"video_id", "generation", "state", "jobs"}. A job looks at the source; then one encodes it for each codec, beside those that make poster, storyboard and subtitles; the last one stores the manifests and shows the generation. A new video that lasts for the setting early_seconds plays before that, with its sound and 360p: those are encoded by a job of their own, the first. The same call while it runs changes nothing. A failed one goes on where it stopped, if it was not the source''s fault, or begins anew. One that is ready is encoded anew as the next generation, while the old one plays.
Units and ranges: formats is an object that may have codecs, an array of h264 (which is always made), hevc and av1; max_height, the most lines, to 2160; preset, as the setting encoder_preset; priority, as that of vvault_enqueue.
NULL: formats NULL is h264 in all sizes, or what was asked for before; video_id NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the caller may not edit, PT409 (HTTP 409) without a source or while it is being deleted, 22023 for other formats.
Source: vvault_stream.generations, and jobs of the kinds probe, encode, pictures, texts and finish.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('publisher', 'vvault_process'), ('publisher', 'vvault_ladder');
