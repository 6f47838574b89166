-- The arguments of ffmpeg. They are made when a source has been looked at, and
-- kept with the job; {out:NAME} stands where the worker puts a file.

INSERT INTO vvault_stream.setting_defaults (name, value, choices, description) VALUES
	('encoder_preset', 'fast', '{ultrafast,superfast,veryfast,faster,fast,medium,slow,slower}',
	 'how much time an encoder takes for a smaller file');

CREATE FUNCTION vvault_stream.json_texts(VARIADIC texts text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_jsonb(texts);
COMMENT ON FUNCTION vvault_stream.json_texts(text[]) IS
'Texts as an array of JSON.';

CREATE FUNCTION vvault_stream.cmaf_arguments(fragment_seconds double precision) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN vvault_stream.json_texts('-map_metadata', '-1', '-map_chapters', '-1', '-f', 'mp4', '-movflags',
		'+cmaf+global_sidx' || CASE WHEN fragment_seconds IS NULL THEN '+frag_keyframe' ELSE '' END)
	|| CASE WHEN fragment_seconds IS NULL THEN '[]'::jsonb
		ELSE vvault_stream.json_texts('-frag_duration', (fragment_seconds * 1e6)::bigint::text) END;
COMMENT ON FUNCTION vvault_stream.cmaf_arguments(double precision) IS
'How one track becomes a CMAF file: cut at key pictures, or each so many seconds.';

-- What makes a source's picture upright, progressive, of a constant rate, of
-- square pixels, 8 bits and bt709, in the size of the largest rung.
CREATE FUNCTION vvault_stream.picture_filter(video jsonb, width integer, height integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	hdr text := CASE WHEN video ->> 'transfer' IN ('smpte2084', 'arib-std-b67') THEN video ->> 'transfer' END;
	wide boolean := coalesce(video ->> 'primaries' = 'bt2020', false);
	matrix text := CASE WHEN video ->> 'matrix' = 'bt709' THEN 'bt709'
		WHEN video ->> 'matrix' IN ('smpte170m', 'bt470bg') THEN 'bt601'
		WHEN video ->> 'matrix' IN ('bt2020nc', 'bt2020c') THEN 'bt2020'
		WHEN (video ->> 'lines')::double precision < 720 THEN 'bt601' ELSE 'bt709' END;
	size text := format('%s:%s:flags=bicubic', width, height);
BEGIN
	RETURN concat_ws(',',
		CASE WHEN (video ->> 'interlaced')::boolean THEN 'bwdif=mode=send_frame:deint=all' END,
		format('fps=fps=%s/%s:start_time=0', video -> 'rate' ->> 0, video -> 'rate' ->> 1),
		CASE WHEN hdr IS NULL AND NOT wide
			THEN format('scale=%s:in_color_matrix=%s:out_color_matrix=bt709:out_range=tv', size, matrix)
			ELSE format('scale=%s,zscale=tin=%s:pin=bt2020:min=bt2020nc:t=linear:npl=%s,format=gbrpf32le,zscale=p=bt709,'
				|| '%szscale=t=bt709:m=bt709:r=tv', size, coalesce(hdr, 'bt709'), CASE WHEN hdr IS NULL THEN 100 ELSE 203 END,
				CASE WHEN hdr IS NOT NULL THEN 'tonemap=tonemap=hable:desat=0,' ELSE '' END) END,
		'format=yuv420p', 'setsar=1',
		'setparams=field_mode=prog:range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709');
END
$$;
COMMENT ON FUNCTION vvault_stream.picture_filter(jsonb, integer, integer) IS
'The filters of ffmpeg that make a source''s picture fit to be encoded.';

CREATE FUNCTION vvault_stream.codec_arguments(rung jsonb, pictures integer, preset text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	rate text := rung ->> 'bitrate';
	buffer text := (2 * (rung ->> 'bitrate')::bigint)::text;
	n text := pictures::text;
	forced text := format('expr:gte(n,n_forced*%s)', pictures);
BEGIN
	RETURN CASE rung ->> 'codec'
		WHEN 'h264' THEN vvault_stream.json_texts('-c:v', 'libx264', '-preset', preset, '-profile:v', 'high', '-crf', '23',
			'-maxrate', rate, '-bufsize', buffer, '-g', n, '-keyint_min', n, '-sc_threshold', '0', '-flags', '+cgop',
			'-force_key_frames', forced)
		WHEN 'hevc' THEN vvault_stream.json_texts('-c:v', 'libx265', '-preset', preset, '-crf', '26', '-maxrate', rate,
			'-bufsize', buffer, '-force_key_frames', forced, '-tag:v', 'hvc1', '-x265-params',
			format('keyint=%s:min-keyint=%s:scenecut=0:open-gop=0:log-level=error', n, n))
		ELSE vvault_stream.json_texts('-c:v', 'libsvtav1', '-preset', CASE WHEN preset IN ('ultrafast', 'superfast', 'veryfast')
				THEN '12' WHEN preset IN ('slow', 'slower') THEN '5' ELSE '8' END, '-crf', '35', '-maxrate', rate,
			'-bufsize', buffer, '-g', n, '-svtav1-params', 'scd=0') END
		|| vvault_stream.json_texts('-pix_fmt', 'yuv420p', '-color_primaries', 'bt709', '-color_trc', 'bt709',
			'-colorspace', 'bt709', '-color_range', 'tv');
END
$$;
COMMENT ON FUNCTION vvault_stream.codec_arguments(jsonb, integer, text) IS
'How a rung is encoded: its quality capped by its bit rate, a key picture after so many pictures and nowhere else.';

-- A track of sound: constant in time from the beginning of the source, stereo,
-- 48 kHz. AAC decodes 1024 samples more than it was given, at the beginning: so
-- many are cut from the source, and what follows stands at its time.
CREATE FUNCTION vvault_stream.sound_filter(track jsonb, whole boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT concat_ws(',', 'aresample=48000:async=1000:first_pts=0',
		CASE WHEN track -> 'channels' = '1' THEN 'pan=stereo|c0=c0|c1=c0'
			WHEN track -> 'channels' <> '2' AND coalesce(track ->> 'layout', '') !~ '^(2[.]1|3[.][01]|[4-7][.][01]|quad|hexagonal)'
				THEN 'pan=stereo|c0=c0|c1=c1' END,
		'aformat=channel_layouts=stereo', format('ebur128@%s=framelog=verbose', track ->> 'name'),
		'aformat=sample_fmts=fltp:sample_rates=48000:channel_layouts=stereo',
		CASE WHEN whole THEN NULL ELSE 'atrim=start_sample=1024' END)
$$;
COMMENT ON FUNCTION vvault_stream.sound_filter(jsonb, boolean) IS
'The filters of ffmpeg that make a track of sound fit to be encoded, and measure its loudness; whole keeps its first moment.';

-- The rung that plays early, by its name: the largest with at most 360 lines. NULL
-- where it would be the only one, or the largest anyway.
CREATE FUNCTION vvault_stream.early_rung(rungs jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN count(*) < jsonb_array_length(rungs) THEN (array_agg(r ->> 'name' ORDER BY i DESC))[1] END
	FROM jsonb_array_elements(rungs) WITH ORDINALITY o (r, i)
	WHERE r ->> 'codec' = 'h264' AND substring(r ->> 'name' FROM '^[0-9]+')::integer <= 360
$$;
COMMENT ON FUNCTION vvault_stream.early_rung(jsonb) IS
'Which rung of a ladder is encoded before the others; NULL where that gains nothing.';

-- One job decodes a source once and makes all rungs of a codec; the one of h264,
-- which there always is, makes the sound as well. Where a video is to play early
-- that is two jobs, and the borders of the segments are those of all rungs.
CREATE FUNCTION vvault_stream.video_plan(facts jsonb, codec text, formats jsonb, part text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	video jsonb := facts -> 'video';
	rate double precision := (video -> 'rate' ->> 0)::double precision / (video -> 'rate' ->> 1)::double precision;
	rungs jsonb := @extschema@.vvault_ladder((video ->> 'width')::integer, (video ->> 'height')::integer, rate, codec,
		(formats ->> 'max_height')::integer)::jsonb;
	seconds double precision := vvault_stream.setting('segment_seconds')::double precision;
	most_step integer := (SELECT max((r ->> 'frame_step')::integer) FROM jsonb_array_elements(rungs) r);
	largest jsonb;
	timescale integer := (video -> 'rate' ->> 0)::integer;
BEGIN
	IF part <> 'all' THEN
		rungs := (SELECT jsonb_agg(r ORDER BY i) FROM jsonb_array_elements(rungs) WITH ORDINALITY o (r, i)
			WHERE (r ->> 'name' = vvault_stream.early_rung(rungs)) = (part = 'early'));
	END IF;
	largest := rungs -> -1;
	WHILE timescale < 10000 LOOP
		timescale := timescale * 2;
	END LOOP;
	RETURN (SELECT jsonb_build_object(
		'filters', format('[0:%s]%s,split=%s%s', video ->> 'index',
				vvault_stream.picture_filter(video, (largest ->> 'width')::integer, (largest ->> 'height')::integer),
				count(*), string_agg(format('[s%s]', i), '' ORDER BY i))
			|| string_agg(format(';[s%s]%sscale=%s:%s:flags=bicubic,setsar=1[v%s]', i,
				CASE WHEN r ->> 'frame_step' = '2' THEN 'framestep=2,' ELSE '' END, r ->> 'width', r ->> 'height', i), '' ORDER BY i),
		'arguments', (SELECT jsonb_agg(a.value ORDER BY o.i, a.j) FROM jsonb_array_elements(rungs) WITH ORDINALITY o (r, i),
			jsonb_array_elements(vvault_stream.json_texts('-map', format('[v%s]', o.i))
				|| vvault_stream.codec_arguments(o.r, (greatest(round(seconds * rate / most_step), 1) * most_step
					/ (o.r ->> 'frame_step')::integer)::integer, coalesce(formats ->> 'preset', vvault_stream.setting('encoder_preset')))
				|| vvault_stream.json_texts('-video_track_timescale', timescale::text)
				|| vvault_stream.cmaf_arguments(NULL)
				|| vvault_stream.json_texts(format('{out:%s}', o.r ->> 'name'))) WITH ORDINALITY a (value, j)),
		'outputs', jsonb_agg(jsonb_build_object('name', r ->> 'name', 'extension', 'mp4', 'head', true, 'kind', 'video',
			'rate_numerator', (video -> 'rate' ->> 0)::integer, 'rate_denominator', (video -> 'rate' ->> 1)::integer
				* (r ->> 'frame_step')::integer, 'bitrate', r -> 'bitrate', 'content_type', 'video/mp4') ORDER BY i))
		FROM jsonb_array_elements(rungs) WITH ORDINALITY o (r, i));
END
$$;
COMMENT ON FUNCTION vvault_stream.video_plan(jsonb, text, jsonb, text) IS
'How the picture of a source becomes the rungs of a codec, all of them, the one that plays early, or the rest: {filters, arguments, outputs}.';

CREATE FUNCTION vvault_stream.sound_plan(facts jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object(
		'filters', string_agg(format('[0:%s]%s[a%s]', t ->> 'index', vvault_stream.sound_filter(t,
			coalesce((facts ->> 'duration')::double precision, 0) < 0.2), i), ';' ORDER BY i),
		'arguments', (SELECT jsonb_agg(a.value ORDER BY o.i, a.j) FROM jsonb_array_elements(facts -> 'audio') WITH ORDINALITY o (t, i),
			jsonb_array_elements(vvault_stream.json_texts('-map', format('[a%s]', o.i), '-c:a', 'aac', '-b:a', '128k',
					'-ar', '48000', '-ac', '2')
				|| vvault_stream.cmaf_arguments(vvault_stream.setting('segment_seconds')::double precision)
				|| vvault_stream.json_texts(format('{out:%s}', o.t ->> 'name'))) WITH ORDINALITY a (value, j)),
		'outputs', jsonb_agg(jsonb_build_object('name', t ->> 'name', 'extension', 'mp4', 'head', true, 'kind', 'audio',
			'language', t -> 'language', 'label', t -> 'label', 'is_default', t -> 'is_default', 'bitrate', 160000,
			'content_type', 'audio/mp4') ORDER BY i))
	FROM jsonb_array_elements(facts -> 'audio') WITH ORDINALITY o (t, i)
$$;
COMMENT ON FUNCTION vvault_stream.sound_plan(jsonb) IS
'How the sound of a source becomes tracks, one for each of its own: {filters, arguments, outputs}.';

CREATE FUNCTION vvault_stream.input_arguments(facts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN facts -> 'video' ->> 'upright' = 'false' THEN '["-noautorotate"]'::jsonb ELSE '[]' END
$$;
COMMENT ON FUNCTION vvault_stream.input_arguments(jsonb) IS
'What ffmpeg is told before it opens a source.';

CREATE FUNCTION vvault_stream.encode_plan(facts jsonb, codec text, formats jsonb, part text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_video boolean := jsonb_typeof(facts -> 'video') = 'object';
	has_sound boolean := codec = 'h264' AND part <> 'rest' AND jsonb_array_length(facts -> 'audio') > 0;
	video jsonb := CASE WHEN has_video THEN vvault_stream.video_plan(facts, codec, formats, part) END;
	sound jsonb := CASE WHEN has_sound THEN vvault_stream.sound_plan(facts) END;
BEGIN
	RETURN jsonb_build_object('codec', codec, 'loudness', has_sound, 'part', part,
		'input_arguments', vvault_stream.input_arguments(facts),
		'arguments', vvault_stream.json_texts('-filter_complex', concat_ws(';', sound ->> 'filters', video ->> 'filters'))
			|| coalesce(sound -> 'arguments', '[]') || coalesce(video -> 'arguments', '[]'),
		'outputs', coalesce(sound -> 'outputs', '[]') || coalesce(video -> 'outputs', '[]'));
END
$$;
COMMENT ON FUNCTION vvault_stream.encode_plan(jsonb, text, jsonb, text) IS
'What a job of the kind encode is to do: all of a codec, what plays early, or the rest.';

-- The storyboard is one sheet of at most a hundred tiles.
CREATE FUNCTION vvault_stream.pictures_plan(facts jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	video jsonb := facts -> 'video';
	duration double precision := coalesce((facts ->> 'duration')::double precision, 0);
	poster jsonb := vvault_stream.rung((video ->> 'width')::integer, (video ->> 'height')::integer, 25, 'h264', 720);
	tile jsonb := vvault_stream.rung((video ->> 'width')::integer, (video ->> 'height')::integer, 25, 'h264', 90);
	every integer := greatest(ceil(duration / 100), 1)::integer;
	tiles integer := greatest(least(ceil(duration / every), 100), 1)::integer;
	columns integer := least(tiles, 10);
BEGIN
	RETURN jsonb_build_object('input_arguments', vvault_stream.input_arguments(facts),
		'arguments', vvault_stream.json_texts('-filter_complex', format(
			'[0:%s]%s,split=2[p][s];[p]trim=start=%s,thumbnail=n=12[poster];'
				|| '[s]fps=fps=1/%s:start_time=0:round=up,scale=%s:%s,setsar=1,tile=%sx%s[sheet]',
			video ->> 'index', vvault_stream.picture_filter(video, (poster ->> 'width')::integer, (poster ->> 'height')::integer),
			round(least(duration * 0.1, 60)::numeric, 3), every, tile ->> 'width', tile ->> 'height', columns,
			ceil(tiles::double precision / columns)),
			'-map', '[poster]', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '4', '-f', 'image2', '-update', '1', '{out:poster}',
			'-map', '[sheet]', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', '5', '-f', 'image2', '-update', '1', '{out:sheet}'),
		'outputs', jsonb_build_array(
			jsonb_build_object('name', 'poster', 'extension', 'jpg', 'optional', true, 'kind', 'poster', 'width', poster -> 'width',
				'height', poster -> 'height', 'content_type', 'image/jpeg'),
			jsonb_build_object('name', 'sheet', 'extension', 'jpg', 'optional', true, 'kind', 'storyboard', 'width', tile -> 'width',
				'height', tile -> 'height', 'tile_columns', columns, 'tile_rows', ceil(tiles::double precision / columns)::integer,
				'tiles', tiles, 'tile_seconds', every, 'content_type', 'image/jpeg')));
END
$$;
COMMENT ON FUNCTION vvault_stream.pictures_plan(jsonb) IS
'What a job of the kind pictures is to do: a poster and a sheet of tiles.';

CREATE FUNCTION vvault_stream.texts_plan(facts jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('input_arguments', '[]'::jsonb,
		'arguments', (SELECT jsonb_agg(a.value ORDER BY o.i, a.j) FROM jsonb_array_elements(facts -> 'texts') WITH ORDINALITY o (t, i),
			jsonb_array_elements(vvault_stream.json_texts('-map', format('0:%s', o.t ->> 'index'), '-map_metadata', '-1',
				'-c:s', 'webvtt', '-f', 'webvtt', format('{out:%s}', o.t ->> 'name'))) WITH ORDINALITY a (value, j)),
		'outputs', jsonb_agg(jsonb_build_object('name', t ->> 'name', 'extension', 'vtt', 'optional', true, 'kind', 'text',
			'language', t -> 'language', 'label', t -> 'label', 'is_default', false, 'content_type', 'text/vtt') ORDER BY i))
	FROM jsonb_array_elements(facts -> 'texts') WITH ORDINALITY o (t, i)
$$;
COMMENT ON FUNCTION vvault_stream.texts_plan(jsonb) IS
'What a job of the kind texts is to do: a file of WebVTT for each of a source''s subtitles.';
