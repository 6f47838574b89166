-- Sources come in parts, by URLs that are signed for one part each: S3's
-- multipart protocol. A store that speaks S3 puts the parts together itself; of
-- a file store's parts, files in a folder, a job makes one object.

INSERT INTO vvault_stream.setting_defaults (name, value, least, greatest, whole, description) VALUES
	('upload_seconds', '604800', 60, 31536000, true,
	 'seconds after its last signed part when an upload is given up, and what there is of it deleted'),
	('quota_bytes', '1099511627776', 0, 1000000000000000, true,
	 'bytes that an owner''s objects and open uploads may have together, where vvault_stream.quotas says nothing else'),
	('quota_minutes', '60000', 0, 1000000000, true,
	 'minutes that an owner''s videos may last together'),
	('quota_jobs', '1000', 0, 1000000000, true,
	 'jobs that an owner may have unfinished when an upload begins');

CREATE TABLE vvault_stream.quotas (
	owner_id text COLLATE "C" PRIMARY KEY CHECK (octet_length(owner_id) BETWEEN 1 AND 255),
	bytes bigint CHECK (bytes >= 0),
	minutes double precision CHECK (minutes >= 0),
	jobs integer CHECK (jobs >= 0)
);
COMMENT ON TABLE vvault_stream.quotas IS
'What an owner may have: bytes of objects and open uploads, minutes of video, unfinished jobs; NULL is what the settings quota_bytes, quota_minutes and quota_jobs say. Dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.quotas', '');

CREATE TABLE vvault_stream.uploads (
	video_id text COLLATE "C" NOT NULL REFERENCES vvault_stream.assets ON DELETE CASCADE,
	upload_id text COLLATE "C" NOT NULL UNIQUE CHECK (upload_id ~ '^u[A-Za-z0-9_-]{21}$'),
	generation integer NOT NULL CHECK (generation > 0),
	state text COLLATE "C" NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'joining', 'stored', 'aborted', 'failed')),
	store text COLLATE "C" NOT NULL,
	object_key text COLLATE "C" NOT NULL,
	size bigint NOT NULL CHECK (size >= 1),
	part_size bigint NOT NULL CHECK (part_size >= 1),
	parts integer NOT NULL CHECK (parts BETWEEN 1 AND 10000),
	sha256 text COLLATE "C" CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	store_upload_id text COLLATE "C" CHECK (octet_length(store_upload_id) BETWEEN 1 AND 1024),
	process boolean NOT NULL DEFAULT false,
	formats jsonb,
	job_id bigint,
	failure text,
	created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
	expires_at timestamptz NOT NULL,
	ended_at timestamptz,
	PRIMARY KEY (video_id, upload_id),
	CHECK (parts = (size + part_size - 1) / part_size)
);
COMMENT ON TABLE vvault_stream.uploads IS
'Uploads in parts: open, joining (a job makes one object of the parts), stored, aborted or failed. Dumped.';
COMMENT ON COLUMN vvault_stream.uploads.store_upload_id IS 'UploadId of a store that speaks S3';
COMMENT ON COLUMN vvault_stream.uploads.process IS 'whether the video is processed as soon as it is stored';
CREATE INDEX uploads_open ON vvault_stream.uploads (expires_at) WHERE state IN ('open', 'joining');
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.uploads', '');

CREATE FUNCTION vvault_stream.part_bytes(u vvault_stream.uploads, part_number integer) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE WHEN part_number < (u).parts THEN (u).part_size ELSE (u).size - ((u).parts - 1) * (u).part_size END;
END
$$;
COMMENT ON FUNCTION vvault_stream.part_bytes(vvault_stream.uploads, integer) IS
'How many bytes a part has: as many as all, but the last.';

CREATE FUNCTION vvault_stream.parts_folder(u vvault_stream.uploads) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (u).video_id || '/uploads/' || (u).upload_id || '/';
END
$$;
COMMENT ON FUNCTION vvault_stream.parts_folder(vvault_stream.uploads) IS
'Where a file store has the parts of an upload.';

CREATE FUNCTION vvault_stream.part_key(u vvault_stream.uploads, part_number integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN vvault_stream.parts_folder(u) || lpad(part_number::text, 5, '0');
END
$$;
COMMENT ON FUNCTION vvault_stream.part_key(vvault_stream.uploads, integer) IS
'Which object a part is in a file store.';

-- A store, and so many parts at most: for a file store a job gets a URL for
-- each of them.
CREATE FUNCTION vvault_stream.fitting_part_size(s vvault_stream.stores, size bigint, part_size bigint) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	most_parts integer := CASE WHEN s.kind = 'file' THEN 1000 ELSE 10000 END;
	least bigint := CASE WHEN s.kind = 'file' THEN 1024 ELSE 5242880 END;
	fitting bigint := coalesce(part_size, CASE WHEN size <= s.part_size * most_parts THEN s.part_size
		ELSE ceil(size::numeric / most_parts / 1048576)::bigint * 1048576 END);
BEGIN
	IF fitting < least OR fitting > 5368709120 OR size > fitting * most_parts THEN
		PERFORM vvault_stream.refuse('invalid part_size',
			format('Here it is from %s to 5368709120 bytes, and there are at most %s parts.', least, most_parts));
	END IF;
	RETURN fitting;
END
$$;
COMMENT ON FUNCTION vvault_stream.fitting_part_size(vvault_stream.stores, bigint, bigint) IS
'The size of an upload''s parts; 22023 where the one that is wanted cannot be.';

--
-- Quotas
--

CREATE FUNCTION vvault_stream.used_bytes(owner_id text) RETURNS numeric
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT sum(o.size) FROM vvault_stream.assets a JOIN vvault_stream.media_objects o ON o.video_id = a.video_id
			WHERE a.owner_id = used_bytes.owner_id AND o.state = 'stored'), 0)
		+ coalesce((SELECT sum(u.size) FROM vvault_stream.assets a JOIN vvault_stream.uploads u ON u.video_id = a.video_id
			WHERE a.owner_id = used_bytes.owner_id AND u.state IN ('open', 'joining')), 0)
$$;
COMMENT ON FUNCTION vvault_stream.used_bytes(text) IS
'Bytes of an owner''s objects and open uploads.';

-- By kind and state, as the index is, so that others' jobs are not looked at.
CREATE FUNCTION vvault_stream.unfinished_jobs(owner_id text, most integer) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
BEGIN
	RETURN (SELECT count(*) FROM (
		SELECT FROM vvault_stream.job_kinds k CROSS JOIN unnest('{w,s,h,r,x,f}'::"char"[]) AS u (state)
			JOIN vvault_stream.jobs j ON j.kind = k.kind AND j.state = u.state AND j.owner_id = unfinished_jobs.owner_id
		LIMIT unfinished_jobs.most) n);
END
$$;
COMMENT ON FUNCTION vvault_stream.unfinished_jobs(text, integer) IS
'How many jobs of an owner have not ended and are not dead; counts to so many.';

CREATE FUNCTION vvault_stream.check_quota(owner_id text, more_bytes bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	q vvault_stream.quotas;
	most_bytes bigint;
	most_minutes double precision;
	most_jobs integer;
	used numeric;
BEGIN
	-- one at a time for an owner, so that the second sees the first
	PERFORM pg_advisory_xact_lock(hashtextextended('vvault_stream quota ' || check_quota.owner_id, 0));
	SELECT o.* INTO q FROM vvault_stream.quotas o WHERE o.owner_id = check_quota.owner_id;
	most_bytes := coalesce(q.bytes, vvault_stream.setting('quota_bytes')::bigint);
	most_minutes := coalesce(q.minutes, vvault_stream.setting('quota_minutes')::double precision);
	most_jobs := coalesce(q.jobs, vvault_stream.setting('quota_jobs')::integer);
	used := vvault_stream.used_bytes(check_quota.owner_id);
	IF used + more_bytes > most_bytes THEN
		PERFORM vvault_stream.over_quota(format('%s bytes are more than owner "%s" may have', more_bytes, check_quota.owner_id),
			format('%s of %s bytes are used.', used, most_bytes));
	END IF;
	used := (SELECT coalesce(sum(a.duration), 0) / 60 FROM vvault_stream.assets a
		WHERE a.owner_id = check_quota.owner_id AND a.state NOT IN ('deleting', 'deleted'));
	IF used >= most_minutes THEN
		PERFORM vvault_stream.over_quota(format('owner "%s" has as many minutes of video as he may', check_quota.owner_id),
			format('%s of %s minutes are used.', round(used, 1), most_minutes));
	END IF;
	used := vvault_stream.unfinished_jobs(check_quota.owner_id, most_jobs);
	IF used >= most_jobs THEN
		PERFORM vvault_stream.over_quota(format('owner "%s" has as many unfinished jobs as he may', check_quota.owner_id),
			format('Of %s jobs none is left.', most_jobs));
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_quota(text, bigint) IS
'Raises PT403 where an owner may not have so many bytes more, or has as many minutes or jobs as he may.';

CREATE FUNCTION vvault_stream.over_quota(message text, detail text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%', message USING ERRCODE = 'PT403', DETAIL = detail,
		HINT = 'Delete videos, or have an operator raise the quota: vvault_set_quota().';
END
$$;
COMMENT ON FUNCTION vvault_stream.over_quota(text, text) IS
'Raises PT403, which PostgREST makes HTTP 403.';

CREATE FUNCTION @extschema@.vvault_set_quota(owner_id text, bytes bigint DEFAULT NULL, minutes double precision DEFAULT NULL,
	jobs integer DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	IF NOT coalesce(octet_length(vvault_set_quota.owner_id) BETWEEN 1 AND 255, false) OR vvault_set_quota.bytes < 0
			OR vvault_set_quota.jobs < 0 OR NOT coalesce(vvault_set_quota.minutes BETWEEN 0 AND 1e9, true) THEN
		PERFORM vvault_stream.refuse('invalid quota', 'An owner_id has 1 to 255 bytes, and no quota is below 0.');
	END IF;
	INSERT INTO vvault_stream.quotas AS q VALUES (vvault_set_quota.owner_id, vvault_set_quota.bytes, vvault_set_quota.minutes,
		vvault_set_quota.jobs)
	ON CONFLICT (owner_id) DO UPDATE SET bytes = EXCLUDED.bytes, minutes = EXCLUDED.minutes, jobs = EXCLUDED.jobs;
	RETURN json_build_object('owner_id', vvault_set_quota.owner_id, 'bytes', vvault_set_quota.bytes,
		'minutes', vvault_set_quota.minutes, 'jobs', vvault_set_quota.jobs,
		'used_bytes', vvault_stream.used_bytes(vvault_set_quota.owner_id));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_set_quota(text, bigint, double precision, integer) IS
'Says what an owner may have: {"owner_id", "bytes", "minutes", "jobs", "used_bytes"}. Uploads that would have more are refused.
Units and ranges: bytes of objects and open uploads, minutes of video, unfinished jobs; none below 0.
NULL: a quota that is NULL is what the settings quota_bytes, quota_minutes and quota_jobs say; owner_id NULL is an error.
Errors: 22023 for what is out of range.
Source: vvault_stream.quotas.';

--
-- Giving up
--

-- What there is of an upload is deleted by a job; the rest of a row says why.
CREATE FUNCTION vvault_stream.end_upload(u vvault_stream.uploads, new_state text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	is_file boolean := (SELECT s.kind = 'file' FROM vvault_stream.stores s WHERE s.store = u.store);
BEGIN
	UPDATE vvault_stream.uploads o SET state = new_state, failure = reason, ended_at = now()
	WHERE o.video_id = u.video_id AND o.upload_id = u.upload_id;
	IF is_file THEN
		PERFORM vvault_stream.delete_media(u.video_id, ARRAY[vvault_stream.parts_folder(u)], 0);
		-- what is joined, or still may be, goes once its address holds no longer
		IF u.state = 'joining' THEN
			INSERT INTO vvault_stream.media_objects (video_id, object_key, generation, store, state, name)
			VALUES (u.video_id, u.object_key, u.generation, u.store, 'ordered', 'source') ON CONFLICT DO NOTHING;
			PERFORM vvault_stream.delete_media(u.video_id, ARRAY[u.object_key], vvault_stream.url_seconds());
		END IF;
	ELSIF u.store_upload_id IS NOT NULL THEN
		PERFORM vvault_stream.enqueue_slowly('delete_objects', json_build_object('objects', json_build_array(json_build_object(
				'store', u.store, 'object_key', u.object_key, 'query', 'uploadId=' || vvault_stream.url_escaped(u.store_upload_id)))),
			u.video_id, '', 0, 0, NULL, NULL, NULL, 1000);
	END IF;
	IF NOT EXISTS (SELECT FROM vvault_stream.uploads o WHERE o.video_id = u.video_id AND o.generation = u.generation
			AND o.state IN ('open', 'joining', 'stored')) THEN
		PERFORM vvault_stream.upload_failed(u.video_id, u.generation, reason);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.end_upload(vvault_stream.uploads, text, text) IS
'Ends an upload that is not stored: what there is of it is deleted, and where no other is under way, its generation failed.';

CREATE FUNCTION vvault_stream.url_escaped(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (SELECT string_agg(CASE WHEN c ~ '^[A-Za-z0-9._~-]$' THEN c
		ELSE upper(regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) END, '' ORDER BY i)
	FROM string_to_table(value, NULL) WITH ORDINALITY AS u (c, i));
COMMENT ON FUNCTION vvault_stream.url_escaped(text) IS
'A text as it stands in a URL.';

CREATE FUNCTION @extschema@.vvault_collect_uploads(most integer DEFAULT 1000) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u vvault_stream.uploads;
	collected text[] := '{}';
BEGIN
	IF most IS NULL OR most NOT BETWEEN 1 AND 100000 THEN
		PERFORM vvault_stream.refuse('invalid most', 'It is from 1 to 100000.');
	END IF;
	FOR u IN
		SELECT o.* FROM vvault_stream.uploads o JOIN vvault_stream.assets a ON a.video_id = o.video_id
		WHERE o.state IN ('open', 'joining') AND o.expires_at < clock_timestamp()
			AND NOT EXISTS (SELECT FROM vvault_stream.jobs j WHERE j.job_id = o.job_id AND j.state <> 'd')
		ORDER BY o.expires_at LIMIT most FOR UPDATE OF a, o SKIP LOCKED
	LOOP
		PERFORM vvault_stream.end_upload(u, 'aborted', 'the upload was given up');
		collected := collected || u.upload_id;
	END LOOP;
	RETURN json_build_object('uploads', array_to_json(collected));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_collect_uploads(integer) IS
'Gives up uploads that nobody has gone on with for as long as the setting upload_seconds says: {"uploads": [upload ids]}. Their parts are deleted by jobs of the kind delete_objects. Call it from cron.
Units and ranges: most is how many at once, from 1 to 100000.
NULL: NULL is an error.
Errors: 22023 for most out of range.
Source: vvault_stream.uploads.';

--
-- The protocol
--

-- The video first, then its upload, then jobs: as everybody who takes more than
-- one of them.
CREATE FUNCTION vvault_stream.an_upload(upload_id text, owner_id text, VARIADIC states text[]) RETURNS vvault_stream.uploads
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	u vvault_stream.uploads;
BEGIN
	PERFORM vvault_stream.check_may(o.video_id, 'edit') FROM vvault_stream.uploads o WHERE o.upload_id = an_upload.upload_id;
	PERFORM FROM vvault_stream.assets a WHERE a.video_id = (SELECT o.video_id FROM vvault_stream.uploads o
		WHERE o.upload_id = an_upload.upload_id) FOR UPDATE;
	SELECT o.* INTO u FROM vvault_stream.uploads o WHERE o.upload_id = an_upload.upload_id FOR UPDATE;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'upload "%" does not exist', coalesce(left(an_upload.upload_id, 64), 'NULL')
			USING ERRCODE = 'PT404', HINT = 'vvault_create_upload makes one.';
	ELSIF an_upload.owner_id <> (SELECT a.owner_id FROM vvault_stream.assets a WHERE a.video_id = u.video_id) THEN
		RAISE EXCEPTION 'upload "%" is another owner''s', u.upload_id USING ERRCODE = 'insufficient_privilege',
			HINT = 'owner_id is the owner of its video; leave it out where you need not ask.';
	ELSIF u.state = 'open' AND u.expires_at < clock_timestamp() THEN
		RAISE EXCEPTION 'upload "%" has expired', u.upload_id
			USING ERRCODE = 'PT409', HINT = 'Begin another one.';
	ELSIF u.state <> ALL (states) THEN
		RAISE EXCEPTION 'upload "%" is %', u.upload_id, u.state || coalesce(': ' || u.failure, '')
			USING ERRCODE = 'PT409',
				HINT = CASE WHEN u.state IN ('aborted', 'failed') THEN 'Begin another one.' ELSE 'All of it is there.' END;
	END IF;
	RETURN u;
END
$$;
COMMENT ON FUNCTION vvault_stream.an_upload(text, text, text[]) IS
'An upload by its id, locked: PT404 where there is none, 42501 where the caller may not edit its video or names another owner, PT409 in another state.';

CREATE FUNCTION vvault_stream.upload_json(u vvault_stream.uploads) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN jsonb_build_object('upload_id', (u).upload_id, 'video_id', (u).video_id, 'generation', (u).generation, 'state', (u).state,
		'object_key', (u).object_key, 'size', (u).size, 'part_size', (u).part_size, 'parts', (u).parts, 'sha256', (u).sha256,
		'store_upload_id', (u).store_upload_id, 'job_id', (u).job_id, 'failure', (u).failure,
		'expires_at', CASE WHEN (u).state = 'open' THEN vvault_stream.utc_text((u).expires_at) END);
END
$$;
COMMENT ON FUNCTION vvault_stream.upload_json(vvault_stream.uploads) IS
'What every reply says of an upload.';

CREATE FUNCTION @extschema@.vvault_create_upload(video_id text, size bigint, sha256 text DEFAULT NULL,
	part_size bigint DEFAULT NULL, owner_id text DEFAULT NULL, store text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	s vvault_stream.stores := vvault_stream.a_store(vvault_create_upload.store);
	a vvault_stream.assets := vvault_stream.callers_asset(vvault_create_upload.video_id, 'edit');
	u vvault_stream.uploads;
BEGIN
	IF vvault_create_upload.owner_id <> a.owner_id THEN
		RAISE EXCEPTION 'video "%" is another owner''s', a.video_id USING ERRCODE = 'insufficient_privilege',
			HINT = 'owner_id is the owner of the video; leave it out where you need not ask.';
	ELSIF NOT coalesce(vvault_create_upload.size BETWEEN 1 AND 5497558138880, false) THEN
		PERFORM vvault_stream.refuse('invalid size', 'It is from 1 to 5497558138880 bytes, 5 TiB.');
	ELSIF vvault_create_upload.sha256 !~* '^[0-9a-f]{64}$' THEN
		PERFORM vvault_stream.refuse('invalid sha256', 'It has 64 hexadecimal digits.');
	END IF;
	PERFORM @extschema@.vvault_collect_uploads(10);
	PERFORM vvault_stream.check_quota(a.owner_id, vvault_create_upload.size);
	u.upload_id := 'u' || vvault_stream.random_name(21);
	u.part_size := vvault_stream.fitting_part_size(s, vvault_create_upload.size, vvault_create_upload.part_size);
	INSERT INTO vvault_stream.uploads AS o (video_id, upload_id, generation, store, object_key, size, part_size, parts, sha256, expires_at)
	VALUES (a.video_id, u.upload_id, vvault_stream.open_generation(a.video_id), s.store,
		format('%s/source/%s', a.video_id, u.upload_id), vvault_create_upload.size, u.part_size,
		(vvault_create_upload.size + u.part_size - 1) / u.part_size, lower(vvault_create_upload.sha256),
		clock_timestamp() + make_interval(secs => vvault_stream.setting('upload_seconds')::double precision))
	RETURNING o.* INTO u;
	IF s.kind = 'file' THEN
		INSERT INTO vvault_stream.media_objects (video_id, object_key, generation, store, state, name)
		VALUES (u.video_id, vvault_stream.parts_folder(u), u.generation, u.store, 'ordered', 'parts');
		RETURN vvault_stream.upload_json(u);
	END IF;
	RETURN vvault_stream.upload_json(u) || jsonb_build_object('create', jsonb_build_object('method', 'POST',
		'url', vvault_stream.signed_url(s.store, 'POST', u.object_key, 3600, NULL, 'uploads=')));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_create_upload(text, bigint, text, bigint, text, text) IS
'Begins the upload of a video''s source in parts: {"upload_id", "video_id", "generation", "state", "object_key", "size", "part_size", "parts", "sha256", "store_upload_id", "job_id", "failure", "expires_at"}. All parts but the last have part_size bytes. With a store that speaks S3 there is "create": {"method", "url"} too; its reply has the UploadId, which is the store_upload_id of later calls.
Units and ranges: size from 1 byte to 5 TiB; sha256 of the whole, 64 hexadecimal digits, which is checked before the video is processed; part_size at least 5242880 with S3, 1024 with a file store, and not more than 10,000 or 1,000 parts; owner_id, who uploads, has to be the video''s owner.
NULL: sha256 NULL is not checked; part_size NULL is what fits; owner_id NULL is not asked; store NULL is the default one; any other NULL is an error.
Errors: 22023 for what is out of range, PT404 (HTTP 404) for a video that is not there, 42501 for a video that the caller may not edit, or where owner_id is not its owner, PT403 (HTTP 403) for more than the owner''s quota, PT409 (HTTP 409) where the video takes no source now.
Source: vvault_stream.uploads; the generation is the video''s next one.';

CREATE FUNCTION @extschema@.vvault_sign_part(upload_id text, part_number integer, owner_id text DEFAULT NULL,
	store_upload_id text DEFAULT NULL, ttl_seconds integer DEFAULT 3600) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	u vvault_stream.uploads := vvault_stream.an_upload(vvault_sign_part.upload_id, vvault_sign_part.owner_id, 'open');
	bytes bigint;
	url text;
BEGIN
	IF NOT coalesce(vvault_sign_part.part_number BETWEEN 1 AND u.parts, false) THEN
		PERFORM vvault_stream.refuse('invalid part_number', format('This upload has parts 1 to %s.', u.parts));
	END IF;
	bytes := vvault_stream.part_bytes(u, vvault_sign_part.part_number);
	IF (SELECT s.kind = 'file' FROM vvault_stream.stores s WHERE s.store = u.store) THEN
		url := vvault_stream.signed_url(u.store, 'PUT', vvault_stream.part_key(u, vvault_sign_part.part_number),
			vvault_sign_part.ttl_seconds, bytes);
	ELSE
		u.store_upload_id := vvault_stream.s3_upload(u, vvault_sign_part.store_upload_id);
		url := vvault_stream.signed_url(u.store, 'PUT', u.object_key, vvault_sign_part.ttl_seconds, bytes,
			format('partNumber=%s&uploadId=%s', vvault_sign_part.part_number, vvault_stream.url_escaped(u.store_upload_id)));
	END IF;
	UPDATE vvault_stream.uploads o SET expires_at = greatest(o.expires_at, clock_timestamp()
			+ make_interval(secs => vvault_stream.setting('upload_seconds')::double precision)),
		store_upload_id = u.store_upload_id
	WHERE o.video_id = u.video_id AND o.upload_id = u.upload_id;
	RETURN json_build_object('method', 'PUT', 'url', url, 'part_number', vvault_sign_part.part_number, 'size', bytes,
		'headers', '{}'::json);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_sign_part(text, integer, text, text, integer) IS
'A URL to PUT one part of an upload to: {"method", "url", "part_number", "size", "headers"}. The store refuses a body of another length, and anything after ttl_seconds.
Units and ranges: part_number from 1 to the upload''s parts; the body has size bytes, from (part_number - 1) * part_size on; ttl_seconds from 1 to 604800; owner_id has to be the video''s owner; store_upload_id is the UploadId of a store that speaks S3, which is remembered.
NULL: owner_id NULL is not asked; store_upload_id NULL is the one told before; any other NULL is an error.
Errors: PT404 (HTTP 404) for an upload that is not there, 42501 for a video that the caller may not edit, or where owner_id is not its owner, PT409 (HTTP 409) for one that is not open or has expired, 22023 for what is out of range or another UploadId.
Source: vvault_stream.uploads.';

CREATE FUNCTION vvault_stream.s3_upload(u vvault_stream.uploads, store_upload_id text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF octet_length(s3_upload.store_upload_id) NOT BETWEEN 1 AND 1024 OR u.store_upload_id <> s3_upload.store_upload_id
			OR coalesce(u.store_upload_id, s3_upload.store_upload_id) IS NULL THEN
		PERFORM vvault_stream.refuse('invalid store_upload_id',
			'It is the UploadId that the store replied to the POST of this upload''s "create".');
	END IF;
	RETURN coalesce(u.store_upload_id, s3_upload.store_upload_id);
END
$$;
COMMENT ON FUNCTION vvault_stream.s3_upload(vvault_stream.uploads, text) IS
'The UploadId of S3: the one known, which another may not replace.';

CREATE FUNCTION @extschema@.vvault_list_parts(upload_id text, owner_id text DEFAULT NULL, after integer DEFAULT 0) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u vvault_stream.uploads := vvault_stream.an_upload(vvault_list_parts.upload_id, vvault_list_parts.owner_id,
		'open', 'joining', 'stored', 'aborted', 'failed');
	url text;
	format text := 's3';
BEGIN
	IF NOT coalesce(vvault_list_parts.after BETWEEN 0 AND 10000, false) THEN
		PERFORM vvault_stream.refuse('invalid after', 'It is from 0 to 10000.');
	ELSIF u.state <> 'open' THEN
		RETURN vvault_stream.upload_json(u) || '{"list": null}';
	ELSIF (SELECT s.kind = 'file' FROM vvault_stream.stores s WHERE s.store = u.store) THEN
		url := vvault_stream.signed_url(u.store, 'GET', vvault_stream.parts_folder(u), 3600);
		format := 'nginx';
	ELSIF u.store_upload_id IS NOT NULL THEN
		url := vvault_stream.signed_url(u.store, 'GET', u.object_key, 3600, NULL, format('part-number-marker=%s&uploadId=%s',
			vvault_list_parts.after, vvault_stream.url_escaped(u.store_upload_id)));
	END IF;
	RETURN vvault_stream.upload_json(u) || jsonb_build_object('list',
		CASE WHEN url IS NOT NULL THEN jsonb_build_object('method', 'GET', 'url', url, 'format', format) END);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_list_parts(text, text, integer) IS
'How far an upload is: what vvault_create_upload said of it, and "list": {"method", "url", "format"}, where the store itself lists the parts that it has. Format nginx is an array of {"name", "size"}, the name being the part''s number in five digits, or 404 before the first part; format s3 is the XML of ListParts, up to 1000 parts.
Units and ranges: owner_id has to be the video''s owner; after is the last part of the page before, with S3. A part that is there has its whole size: an upload that was cut goes on with those that are missing.
NULL: owner_id NULL is not asked; list is null where nothing can be there; any other NULL is an error.
Errors: PT404 (HTTP 404) for an upload that is not there, 42501 for a video that the caller may not edit, or where owner_id is not its owner, PT409 (HTTP 409) for one that has expired, 22023 for after out of range.
Source: vvault_stream.uploads.';

-- The body of S3's CompleteMultipartUpload.
CREATE FUNCTION vvault_stream.s3_completion(u vvault_stream.uploads, parts json) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	said integer[];
	body text;
BEGIN
	PERFORM vvault_stream.readable(parts, 'parts');
	IF json_typeof(parts) <> 'array' OR json_array_length(parts) <> u.parts
			OR EXISTS (SELECT FROM json_array_elements(parts) p WHERE json_typeof(p) <> 'object'
				OR NOT coalesce(p ->> 'PartNumber' ~ '^[0-9]{1,5}$' AND p ->> 'ETag' ~ '^"?[A-Za-z0-9+/=_-]{1,128}"?$', false)) THEN
		PERFORM vvault_stream.refuse('invalid parts',
			format('They are an array of %s objects {"PartNumber", "ETag"}.', u.parts));
	END IF;
	SELECT array_agg((p ->> 'PartNumber')::integer ORDER BY (p ->> 'PartNumber')::integer),
		string_agg(format('<Part><PartNumber>%s</PartNumber><ETag>%s</ETag></Part>', (p ->> 'PartNumber')::integer,
			'"' || btrim(p ->> 'ETag', '"') || '"'), '' ORDER BY (p ->> 'PartNumber')::integer)
	INTO said, body FROM json_array_elements(parts) p;
	IF said <> ARRAY(SELECT generate_series(1, u.parts)) THEN
		PERFORM vvault_stream.refuse('invalid parts', format('Each of 1 to %s is there once.', u.parts));
	END IF;
	RETURN '<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' || body || '</CompleteMultipartUpload>';
END
$$;
COMMENT ON FUNCTION vvault_stream.s3_completion(vvault_stream.uploads, json) IS
'What a store that speaks S3 is told to put together; 22023 where a part is missing.';

CREATE FUNCTION vvault_stream.upload_stored(u vvault_stream.uploads, sha256 text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
	UPDATE vvault_stream.uploads o SET state = 'stored', ended_at = now()
	WHERE o.video_id = u.video_id AND o.upload_id = u.upload_id;
	PERFORM vvault_stream.source_stored(u.video_id, u.generation, u.store, u.object_key, u.size, upload_stored.sha256);
	DELETE FROM vvault_stream.media_objects o
	WHERE o.video_id = u.video_id AND o.object_key = vvault_stream.parts_folder(u);
	IF u.process THEN
		PERFORM vvault_stream.process_asset(vvault_stream.locked_asset(u.video_id), u.formats);
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.upload_stored(vvault_stream.uploads, text) IS
'The source is whole: its generation is uploaded, and processed where that was asked for.';

CREATE FUNCTION vvault_stream.complete_s3_upload(u vvault_stream.uploads, parts json, stored boolean) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF stored THEN
		PERFORM vvault_stream.s3_upload(u, NULL);
		PERFORM vvault_stream.upload_stored(u, u.sha256);
		RETURN NULL;
	END IF;
	RETURN jsonb_build_object('method', 'POST', 'url', vvault_stream.signed_url(u.store, 'POST', u.object_key, 3600, NULL,
			'uploadId=' || vvault_stream.url_escaped(vvault_stream.s3_upload(u, NULL))),
		'body', CASE WHEN parts IS NOT NULL THEN vvault_stream.s3_completion(u, parts) END);
END
$$;
COMMENT ON FUNCTION vvault_stream.complete_s3_upload(vvault_stream.uploads, json, boolean) IS
'The request by which a store that speaks S3 puts the parts together; NULL once it has.';

CREATE FUNCTION @extschema@.vvault_complete_upload(upload_id text, parts json DEFAULT NULL, process boolean DEFAULT true,
	formats json DEFAULT NULL, stored boolean DEFAULT false, owner_id text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	u vvault_stream.uploads := vvault_stream.an_upload(vvault_complete_upload.upload_id, vvault_complete_upload.owner_id,
		'open', 'joining', 'stored');
	problem text := vvault_stream.formats_problem(vvault_stream.readable(vvault_complete_upload.formats, 'formats'));
	request jsonb;
BEGIN
	IF problem IS NOT NULL THEN
		PERFORM vvault_stream.refuse('invalid formats', problem);
	ELSIF u.state = 'open' THEN
		UPDATE vvault_stream.uploads o
		SET process = coalesce(vvault_complete_upload.process, false), formats = vvault_complete_upload.formats
		WHERE o.video_id = u.video_id AND o.upload_id = u.upload_id RETURNING o.* INTO u;
		IF (SELECT s.kind = 'file' FROM vvault_stream.stores s WHERE s.store = u.store) THEN
			UPDATE vvault_stream.uploads o SET state = 'joining', job_id = (vvault_stream.enqueue_slowly('join',
					json_build_object('upload_id', u.upload_id), u.video_id,
					(SELECT a.owner_id FROM vvault_stream.assets a WHERE a.video_id = u.video_id),
					0, 0, NULL, NULL, NULL, 1000) ->> 'job_id')::bigint
			WHERE o.video_id = u.video_id AND o.upload_id = u.upload_id;
		ELSE
			request := vvault_stream.complete_s3_upload(u, vvault_complete_upload.parts, coalesce(vvault_complete_upload.stored, false));
		END IF;
	END IF;
	SELECT o.* INTO u FROM vvault_stream.uploads o WHERE o.upload_id = vvault_complete_upload.upload_id;
	RETURN vvault_stream.upload_json(u) || jsonb_build_object('complete', request);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_complete_upload(text, json, boolean, json, boolean, text) IS
'Says that all parts are there: what vvault_create_upload said of the upload, with its new state, and "complete". With a file store it is joining: a job makes one object of the parts, checks size and sha256, and then the upload is stored. A store that speaks S3 does that itself: send it "complete", {"method", "url", "body"}, and call this again with stored => true. The same call again gets the same answer.
Units and ranges: parts are S3''s, an array of {"PartNumber", "ETag"}, of which body is made; process says whether vvault_process(video_id, formats) is called as soon as the source is stored; owner_id has to be the video''s owner.
NULL: parts are for S3 alone, and without them there is no body: your client makes it; process NULL is false; owner_id NULL is not asked; upload_id NULL is an error.
Errors: PT404 (HTTP 404) for an upload that is not there, 42501 for a video that the caller may not edit, or where owner_id is not its owner, PT409 (HTTP 409) for one that was given up, 22023 for parts that are not all there and for formats that vvault_process would refuse.
Source: vvault_stream.uploads; a job of the kind join.';

CREATE FUNCTION @extschema@.vvault_abort_upload(upload_id text, owner_id text DEFAULT NULL) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	u vvault_stream.uploads := vvault_stream.an_upload(vvault_abort_upload.upload_id, vvault_abort_upload.owner_id,
		'open', 'joining', 'aborted', 'failed');
BEGIN
	IF u.state IN ('open', 'joining') THEN
		-- one that somebody holds is just ending, and finds out by itself
		PERFORM vvault_stream.cancel_jobs(ARRAY[j.job_id], 'the upload was aborted')
		FROM (SELECT o.job_id FROM vvault_stream.jobs o WHERE o.job_id = u.job_id FOR UPDATE SKIP LOCKED) j;
		PERFORM vvault_stream.end_upload(u, 'aborted', 'the upload was aborted');
	END IF;
	SELECT o.* INTO u FROM vvault_stream.uploads o WHERE o.upload_id = vvault_abort_upload.upload_id;
	RETURN vvault_stream.upload_json(u);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_abort_upload(text, text) IS
'Ends an upload that is not to be: what vvault_create_upload said of it, with the state aborted. A job of the kind delete_objects deletes its parts.
Units and ranges: owner_id has to be the video''s owner.
NULL: owner_id NULL is not asked; upload_id NULL is an error.
Errors: PT404 (HTTP 404) for an upload that is not there, 42501 for a video that the caller may not edit, or where owner_id is not its owner, PT409 (HTTP 409) for one that is stored.
Source: vvault_stream.uploads.';

--
-- The job that makes one object of a file store's parts
--

INSERT INTO vvault_stream.job_kinds (kind, description, lease_seconds, max_attempts, progress_seconds, shipped,
	order_schema, order_function, done_schema, done_function)
VALUES ('join', 'makes one object of the parts of an upload', 60, 5, 600, true,
	'vvault_stream', 'join_order', 'vvault_stream', 'join_done');

CREATE FUNCTION vvault_stream.join_order(job json) RETURNS json
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u vvault_stream.uploads;
	seconds integer := vvault_stream.url_seconds();
BEGIN
	SELECT o.* INTO u FROM vvault_stream.uploads o WHERE o.upload_id = job -> 'args' ->> 'upload_id';
	IF NOT FOUND THEN
		RAISE EXCEPTION 'upload is gone' USING ERRCODE = 'PT409', HINT = 'There is nothing to join any more: let go of the job.';
	END IF;
	RETURN json_build_object('do', 'join', 'size', u.size, 'sha256', u.sha256,
		'parts', (SELECT json_agg(json_build_object('url',
				vvault_stream.signed_url(u.store, 'GET', vvault_stream.part_key(u, n), seconds),
				'size', vvault_stream.part_bytes(u, n), 'sha256', NULL) ORDER BY n) FROM generate_series(1, u.parts) n),
		-- whoever finds the parts gone looks whether the whole is there
		'target', json_build_object('object_key', u.object_key, 'put', json_build_object('url',
				vvault_stream.signed_url(u.store, 'PUT', u.object_key, seconds, u.size)),
			'url', vvault_stream.signed_url(u.store, 'GET', u.object_key, seconds)),
		'delete', json_build_array(vvault_stream.signed_url(u.store, 'DELETE', vvault_stream.parts_folder(u), seconds)));
END
$$;
COMMENT ON FUNCTION vvault_stream.join_order(json) IS
'The order of a job of the kind join.';

CREATE FUNCTION vvault_stream.join_done(job json, result json) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u vvault_stream.uploads;
	wrong text := result ->> 'failure';
BEGIN
	PERFORM FROM vvault_stream.assets a WHERE a.video_id = job ->> 'video_id' FOR UPDATE;
	SELECT o.* INTO u FROM vvault_stream.uploads o WHERE o.upload_id = job -> 'args' ->> 'upload_id' FOR UPDATE;
	IF NOT FOUND OR u.state <> 'joining' THEN
		RETURN;
	END IF;
	IF wrong IS NULL AND (result ->> 'size')::bigint IS DISTINCT FROM u.size THEN
		wrong := format('the parts have %s bytes together, not %s', coalesce(result ->> 'size', 'no'), u.size);
	ELSIF wrong IS NULL AND lower(result ->> 'sha256') <> u.sha256 THEN
		wrong := 'the SHA-256 of the source is not the one that was said';
	END IF;
	IF wrong IS NOT NULL THEN
		PERFORM vvault_stream.end_upload(u, 'failed', wrong);
	ELSE
		PERFORM vvault_stream.upload_stored(u, lower(result ->> 'sha256'));
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.join_done(json, json) IS
'Ends a job of the kind join: the upload is stored, or failed.';

--
-- Large objects that workers store in S3
--

CREATE FUNCTION vvault_stream.an_output(job_id bigint, lease uuid, object_key text, upload_id text) RETURNS vvault_stream.media_objects
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	o vvault_stream.media_objects;
BEGIN
	PERFORM FROM vvault_stream.jobs j WHERE j.job_id = an_output.job_id AND j.lease = an_output.lease AND j.state = 'x';
	IF NOT FOUND THEN
		PERFORM vvault_stream.lost_lease(an_output.job_id);
	END IF;
	SELECT m.* INTO o FROM vvault_stream.media_objects m
	WHERE m.job_id = an_output.job_id AND m.lease = an_output.lease AND m.object_key = an_output.object_key AND m.state = 'ordered';
	IF NOT FOUND THEN
		PERFORM vvault_stream.refuse(format('invalid object_key "%s"', coalesce(left(an_output.object_key, 200), 'NULL')),
			'It is one that the job''s order names.');
	ELSIF NOT coalesce(octet_length(an_output.upload_id) BETWEEN 1 AND 1024, false) THEN
		PERFORM vvault_stream.refuse('invalid upload_id', 'It is the UploadId that the store replied.');
	END IF;
	RETURN o;
END
$$;
COMMENT ON FUNCTION vvault_stream.an_output(bigint, uuid, text, text) IS
'The object that a job''s lease may write: PT409 where the lease is not valid, 22023 where its order does not name it.';

CREATE FUNCTION @extschema@.vvault_sign_output_part(job_id bigint, lease uuid, object_key text, upload_id text,
	part_number integer, size bigint) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o vvault_stream.media_objects := vvault_stream.an_output(vvault_sign_output_part.job_id, vvault_sign_output_part.lease,
		vvault_sign_output_part.object_key, vvault_sign_output_part.upload_id);
BEGIN
	IF NOT coalesce(part_number BETWEEN 1 AND 10000, false) THEN
		PERFORM vvault_stream.refuse('invalid part_number', 'It is from 1 to 10000.');
	ELSIF NOT coalesce(vvault_sign_output_part.size BETWEEN 1 AND 5368709120, false) THEN
		PERFORM vvault_stream.refuse('invalid size', 'It is from 1 to 5368709120 bytes.');
	END IF;
	RETURN json_build_object('url', vvault_stream.signed_url(o.store, 'PUT', o.object_key, vvault_stream.url_seconds(),
		vvault_sign_output_part.size, format('partNumber=%s&uploadId=%s', part_number,
			vvault_stream.url_escaped(vvault_sign_output_part.upload_id))));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_sign_output_part(bigint, uuid, text, text, integer, bigint) IS
'A URL to which a worker PUTs one part of an output that is too large for one PUT: {"url"}.
Units and ranges: job_id and lease as vvault_dequeue gave them; object_key is one of the job''s order; upload_id is the UploadId that the store replied to its "create"; part_number from 1 to 10000; size of the part, to 5 GiB.
NULL: NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid, 22023 for what is out of range or not in the order.
Source: vvault_stream.jobs and media_objects.';

CREATE FUNCTION @extschema@.vvault_sign_output_complete(job_id bigint, lease uuid, object_key text, upload_id text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o vvault_stream.media_objects := vvault_stream.an_output(vvault_sign_output_complete.job_id,
		vvault_sign_output_complete.lease, vvault_sign_output_complete.object_key, vvault_sign_output_complete.upload_id);
	query text := 'uploadId=' || vvault_stream.url_escaped(vvault_sign_output_complete.upload_id);
BEGIN
	RETURN json_build_object(
		'url', vvault_stream.signed_url(o.store, 'POST', o.object_key, vvault_stream.url_seconds(), NULL, query),
		'abort_url', vvault_stream.signed_url(o.store, 'DELETE', o.object_key, vvault_stream.url_seconds(), NULL, query));
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_sign_output_complete(bigint, uuid, text, text) IS
'URLs by which a worker ends an output that it stored in parts: {"url", "abort_url"}. It POSTs S3''s list of parts to url, or sends DELETE to abort_url.
Units and ranges: job_id and lease as vvault_dequeue gave them; object_key is one of the job''s order; upload_id is the UploadId of the store.
NULL: NULL is an error.
Errors: PT409 (HTTP 409) where the lease is not valid, 22023 for an object that is not in the order.
Source: vvault_stream.jobs and media_objects.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES
	('publisher', 'vvault_create_upload'), ('publisher', 'vvault_sign_part'), ('publisher', 'vvault_list_parts'),
	('publisher', 'vvault_complete_upload'), ('publisher', 'vvault_abort_upload'),
	('worker', 'vvault_sign_output_part'), ('worker', 'vvault_sign_output_complete');
