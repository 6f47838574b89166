-- How a video is protected.

CREATE FUNCTION vvault_stream.check_protect(a vvault_stream.assets, g vvault_stream.generations, level text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce(level IN ('none', 'aes128', 'clear_key', 'standard', 'premium'), false) THEN
		PERFORM vvault_stream.refuse(coalesce('invalid level "' || left(level, 64) || '"', 'level must not be null'),
			'It is none, aes128, clear_key, standard or premium.');
	ELSIF a.generation > 0 AND g.source_key IS NULL THEN
		RAISE EXCEPTION 'source of video "%" is being replaced', a.video_id USING ERRCODE = 'PT409',
			HINT = 'Complete its upload or abort it first.';
	END IF;
END
$$;
COMMENT ON FUNCTION vvault_stream.check_protect(vvault_stream.assets, vvault_stream.generations, text) IS
'Raises 22023 for another level, PT409 where another source is on its way to a video that is shown.';

CREATE FUNCTION @extschema@.vvault_protect(video_id text, level text) RETURNS json
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	a vvault_stream.assets := vvault_stream.callers_asset(vvault_protect.video_id, 'manage');
	g vvault_stream.generations := vvault_stream.newest_generation(vvault_protect.video_id);
BEGIN
	-- another source that failed is not what is shown
	IF g.state = 'failed' AND a.generation > 0 THEN
		SELECT o.* INTO g FROM vvault_stream.generations o WHERE o.video_id = a.video_id AND o.generation = a.generation;
	END IF;
	PERFORM vvault_stream.check_protect(a, g, vvault_protect.level);
	UPDATE vvault_stream.assets o SET protection = vvault_protect.level WHERE o.video_id = a.video_id;
	-- what has been begun is begun anew: its keys are older than this call
	IF g.state IN ('processing', 'ready', 'failed') AND g.source_key IS NOT NULL THEN
		PERFORM vvault_stream.cancel_run(a.video_id, g.generation, 'it is protected anew', NULL);
		PERFORM vvault_stream.begin_run(vvault_stream.hidden_generation(a, g), NULL);
	END IF;
	RETURN (SELECT json_build_object('video_id', o.video_id, 'protection', o.protection,
			'generation', (vvault_stream.newest_generation(o.video_id)).generation, 'state', o.state)
		FROM vvault_stream.assets o WHERE o.video_id = a.video_id);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_protect(text, text) IS
'Says how a video is encrypted: {"video_id", "protection", "generation", "state"}. A video that is processed already is encoded anew from its source, as the next generation and under new keys, while the old one plays; one that is not yet gets the level when vvault_process begins it. The same level again makes new keys: call it when a key has leaked.
Units and ranges: level is none; aes128 (HLS alone, whole segments by AES-128); clear_key (cenc, licences by vvault_clearkey_license); standard (cenc, for Widevine and PlayReady); premium (cbcs, for those and FairPlay). The last two need the licence server of a vendor, who gets the keys by vvault_cpix. generation is the newest, or null.
NULL: NULL is an error.
Errors: PT404 (HTTP 404) for a video that is not there, 42501 for one that the caller may not manage, PT409 (HTTP 409) for one that is being deleted or whose source is being replaced, 22023 for another level, 0A000 for standard where the library has no OpenSSL.
Source: vvault_stream.assets, generations and content_keys. Viewers of the old generation play it on until the setting grace_seconds is over.';

INSERT INTO vvault_stream.role_functions (access, function_name) VALUES ('publisher', 'vvault_protect');
