-- What is read from ffprobe's answer about a source: nothing of it is trusted.

CREATE FUNCTION vvault_stream.fraction(said text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN said ~ '^[0-9]{1,12}[/:][0-9]{1,12}$' AND said !~ '[/:]0+$'
	THEN regexp_replace(said, '[/:].*', '')::double precision
		/ regexp_replace(said, '.*[/:]', '')::double precision END;
COMMENT ON FUNCTION vvault_stream.fraction(text) IS
'What "30000/1001" or "4:3" is, NULL for what is no fraction.';

CREATE FUNCTION vvault_stream.number(said text) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN said ~ '^-?[0-9]{1,15}([.][0-9]{1,15})?$' THEN said::double precision END;
COMMENT ON FUNCTION vvault_stream.number(text) IS
'A number as ffprobe writes it, NULL for anything else.';

-- The constant rate that a source is given, as {numerator, denominator}: its
-- own where it has one, else the next that is common, for at least what it has.
CREATE FUNCTION vvault_stream.output_rate(average text, base text) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	usual CONSTANT integer[] := '{24000,1001,24,1,25,1,30000,1001,30,1,48,1,50,1,60000,1001,60,1,5,1,10,1,12,1,25,2,15,1,20,1}';
	rate double precision := vvault_stream.fraction(average);
	r double precision := vvault_stream.fraction(base);
	found_at integer;
BEGIN
	rate := coalesce(nullif(rate, 0), nullif(r, 0), 25);
	WHILE rate > 61 LOOP
		rate := rate / 2;
	END LOOP;
	SELECT i INTO found_at FROM generate_series(1, cardinality(usual), 2) i
	WHERE abs(usual[i]::double precision / usual[i + 1] / rate - 1) < 0.0005
	ORDER BY abs(usual[i]::double precision / usual[i + 1] / rate - 1) LIMIT 1;
	IF found_at IS NULL AND abs(r / rate - 1) < 0.005 AND rate BETWEEN 5 AND 60.5 THEN
		RETURN ARRAY[round(rate * 1000)::integer, 1000];
	ELSIF found_at IS NULL THEN
		SELECT i INTO found_at FROM generate_series(1, 17, 2) i
		WHERE usual[i]::double precision / usual[i + 1] >= rate * 0.98 AND usual[i + 1] = 1 ORDER BY usual[i] LIMIT 1;
	END IF;
	RETURN usual[coalesce(found_at, 17):coalesce(found_at, 17) + 1];
END
$$;
COMMENT ON FUNCTION vvault_stream.output_rate(text, text) IS
'Pictures a second that a source is encoded with, as {numerator, denominator}, made of ffprobe''s avg_frame_rate and r_frame_rate.';

-- ISO 639-2, as containers have it, to BCP 47, which wants the shorter one.
CREATE FUNCTION vvault_stream.language_tag(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	short CONSTANT jsonb := '{"ara":"ar","bul":"bg","cat":"ca","ces":"cs","cze":"cs","cym":"cy","wel":"cy","dan":"da","deu":"de",
		"ger":"de","ell":"el","gre":"el","eng":"en","epo":"eo","spa":"es","est":"et","eus":"eu","baq":"eu","fas":"fa","per":"fa",
		"fin":"fi","fra":"fr","fre":"fr","gle":"ga","glg":"gl","heb":"he","hin":"hi","hrv":"hr","hun":"hu","hye":"hy","arm":"hy",
		"ind":"id","isl":"is","ice":"is","ita":"it","jpn":"ja","kat":"ka","geo":"ka","kaz":"kk","kor":"ko","lat":"la","lav":"lv",
		"lit":"lt","mkd":"mk","mac":"mk","mlt":"mt","msa":"ms","may":"ms","nld":"nl","dut":"nl","nob":"nb","nno":"nn","nor":"no",
		"pol":"pl","por":"pt","ron":"ro","rum":"ro","rus":"ru","slk":"sk","slo":"sk","slv":"sl","sqi":"sq","alb":"sq","srp":"sr",
		"swe":"sv","tam":"ta","tel":"te","tha":"th","tur":"tr","ukr":"uk","urd":"ur","vie":"vi","zho":"zh","chi":"zh"}';
	tag text := lower(left(said, 35));
BEGIN
	RETURN CASE WHEN tag IN ('und', 'mul', 'zxx', 'mis') OR tag !~ '^[a-z]{2,8}(-[a-z0-9]{1,8}){0,6}$' THEN NULL
		ELSE coalesce(short ->> tag, tag) END;
END
$$;
COMMENT ON FUNCTION vvault_stream.language_tag(text) IS
'A language as BCP 47 has it, NULL for an unknown one.';

CREATE FUNCTION vvault_stream.label(said text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN nullif(btrim("left"(regexp_replace(said, '[[:cntrl:]"]+', ' ', 'g'), 60)), '');
COMMENT ON FUNCTION vvault_stream.label(text) IS
'A title of a track that can stand in a manifest, NULL for none.';

-- A turn by something else than quarters is none that can be made upright.
CREATE FUNCTION vvault_stream.rotation(stream jsonb) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT vvault_stream.number(d.value ->> 'rotation')
			FROM jsonb_array_elements(CASE jsonb_typeof(stream -> 'side_data_list') WHEN 'array' THEN stream -> 'side_data_list'
				ELSE '[]' END) d
			WHERE d.value ? 'rotation' LIMIT 1),
		vvault_stream.number(stream -> 'tags' ->> 'rotate'), 0)
$$;
COMMENT ON FUNCTION vvault_stream.rotation(jsonb) IS
'By how many degrees a stream of a source is to be turned.';

CREATE FUNCTION vvault_stream.video_facts(probe jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s jsonb;
	angle double precision;
	aspect double precision;
	w double precision;
	h double precision;
BEGIN
	SELECT o.value INTO s FROM jsonb_array_elements(probe -> 'streams') o
	WHERE o.value ->> 'codec_type' = 'video' AND o.value ->> 'index' ~ '^[0-9]{1,4}$'
		AND coalesce(o.value -> 'disposition' ->> 'attached_pic', '0') = '0'
		AND coalesce(vvault_stream.number(o.value ->> 'width'), 0) BETWEEN 1 AND 16384
		AND coalesce(vvault_stream.number(o.value ->> 'height'), 0) BETWEEN 1 AND 16384
		AND o.value ->> 'codec_name' IS NOT NULL
	ORDER BY coalesce(o.value -> 'disposition' ->> 'default', '0') DESC,
		vvault_stream.number(o.value ->> 'width') * vvault_stream.number(o.value ->> 'height') DESC,
		vvault_stream.number(o.value ->> 'index') LIMIT 1;
	IF s IS NULL THEN
		RETURN NULL;
	END IF;
	angle := vvault_stream.rotation(s);
	aspect := coalesce(nullif(vvault_stream.fraction(s ->> 'sample_aspect_ratio'), 0), 1);
	w := round(vvault_stream.number(s ->> 'width') * CASE WHEN aspect BETWEEN 0.1 AND 10 THEN aspect ELSE 1 END);
	h := vvault_stream.number(s ->> 'height');
	RETURN jsonb_build_object('index', (s ->> 'index')::integer,
		'width', CASE WHEN round(abs(angle) / 90)::integer % 2 = 1 AND abs(angle) / 90 = round(abs(angle) / 90) THEN h ELSE w END,
		'height', CASE WHEN round(abs(angle) / 90)::integer % 2 = 1 AND abs(angle) / 90 = round(abs(angle) / 90) THEN w ELSE h END,
		'upright', abs(angle) / 90 = round(abs(angle) / 90),
		'rate', to_jsonb(vvault_stream.output_rate(s ->> 'avg_frame_rate', s ->> 'r_frame_rate')),
		'interlaced', coalesce(s ->> 'field_order' IN ('tt', 'bb', 'tb', 'bt'), false) OR coalesce((
			SELECT avg((f.value ->> 'interlaced_frame' = '1')::integer) > 0.5
			FROM jsonb_array_elements(CASE jsonb_typeof(probe -> 'frames') WHEN 'array' THEN probe -> 'frames' ELSE '[]' END) f
			WHERE f.value ? 'interlaced_frame'), false),
		'transfer', s ->> 'color_transfer', 'primaries', s ->> 'color_primaries', 'matrix', s ->> 'color_space',
		'range', s ->> 'color_range', 'lines', vvault_stream.number(s ->> 'height'));
END
$$;
COMMENT ON FUNCTION vvault_stream.video_facts(jsonb) IS
'The picture of a source: {index, width and height as shown, rate, interlaced, ...}; NULL where there is none.';

CREATE FUNCTION vvault_stream.track_facts(probe jsonb, kind text, most integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH track AS (
		SELECT (s.value ->> 'index')::integer AS index, s.value -> 'channels' AS channels,
			s.value ->> 'channel_layout' AS layout, vvault_stream.language_tag(s.value -> 'tags' ->> 'language') AS language,
			vvault_stream.label(s.value -> 'tags' ->> 'title') AS title,
			coalesce(s.value -> 'disposition' ->> 'default', '0') = '1' AS is_default,
			row_number() OVER (ORDER BY vvault_stream.number(s.value ->> 'index')) AS i
		FROM jsonb_array_elements(probe -> 'streams') s
		WHERE s.value ->> 'codec_type' = kind AND s.value ->> 'index' ~ '^[0-9]{1,4}$'
			AND CASE kind WHEN 'audio' THEN s.value ->> 'codec_name' IS NOT NULL
					AND coalesce(vvault_stream.number(s.value ->> 'channels'), 0) BETWEEN 1 AND 64
					AND coalesce(vvault_stream.number(s.value ->> 'sample_rate'), 0) > 0
				ELSE s.value ->> 'codec_name' IN ('subrip', 'srt', 'ass', 'ssa', 'mov_text', 'webvtt', 'text') END),
	named AS (
		SELECT t.*, count(*) OVER (PARTITION BY t.language ORDER BY t.i) AS nth_of_language,
			coalesce(t.title, t.language,
				CASE kind WHEN 'audio' THEN 'Sound' ELSE 'Subtitles' END) AS label
		FROM track t WHERE t.i <= most),
	labelled AS (
		SELECT n.*, row_number() OVER (PARTITION BY n.label ORDER BY n.i) AS nth_of_label,
			first_value(n.i) OVER (ORDER BY n.is_default DESC, n.i) AS first
		FROM named n)
	SELECT coalesce(jsonb_agg(jsonb_build_object('index', l.index, 'channels', l.channels, 'layout', l.layout,
		'language', l.language,
		'label', l.label || CASE WHEN l.nth_of_label > 1 THEN ' ' || l.nth_of_label ELSE '' END,
		'is_default', kind = 'audio' AND l.i = l.first,
		'name', CASE WHEN kind = 'audio' AND l.i = 1 THEN 'audio'
			ELSE CASE kind WHEN 'audio' THEN 'audio' ELSE 'subtitles' END
				|| coalesce('-' || left(l.language, 12), '')
				|| CASE WHEN l.language IS NULL OR l.nth_of_language > 1 THEN '-' || l.i ELSE '' END END)
		ORDER BY l.i), '[]')
	FROM labelled l
$$;
COMMENT ON FUNCTION vvault_stream.track_facts(jsonb, text, integer) IS
'The tracks of sound (audio) or the subtitles (subtitle) of a source, so many at most: [{index, name, language, label, is_default, ...}].';

CREATE FUNCTION vvault_stream.source_facts(probe jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('video', vvault_stream.video_facts(p), 'audio', vvault_stream.track_facts(p, 'audio', 16),
		'texts', vvault_stream.track_facts(p, 'subtitle', 32),
		'duration', coalesce(vvault_stream.number(p -> 'format' ->> 'duration'),
			(SELECT max(vvault_stream.number(s.value ->> 'duration')) FROM jsonb_array_elements(p -> 'streams') s)))
	FROM (SELECT CASE WHEN jsonb_typeof(probe -> 'streams') = 'array' THEN probe ELSE '{"streams": []}' END) q (p)
$$;
COMMENT ON FUNCTION vvault_stream.source_facts(jsonb) IS
'What encoding needs to know of ffprobe''s answer: {video, audio, texts, duration}.';
