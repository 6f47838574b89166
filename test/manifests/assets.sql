-- Random assets, written straight into the tables: whatever these take, the
-- manifests of. Variables: assets (how many), seed (from -1 to 1).

CREATE FUNCTION pg_temp.pick(VARIADIC list text[]) RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT list[1 + floor(random() * cardinality(list))::integer]
$$;

CREATE FUNCTION pg_temp.often(share double precision) RETURNS boolean LANGUAGE sql VOLATILE AS $$
	SELECT random() < share
$$;

-- So many segments of about as many seconds; the last one is shorter.
CREATE FUNCTION pg_temp.durations(n integer, scale bigint) RETURNS integer[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	seconds double precision := pg_temp.pick('0.4', '1', '2', '4', '4', '4', '4.4999999', '4.5', '6', '9.97', '10', '60');
	jitter double precision := pg_temp.pick('0', '0', '0.0000001', '0.01', '0.4');
BEGIN
	RETURN (SELECT array_agg(greatest(1, least(2147483647, round(scale * seconds
		* CASE WHEN i = n THEN 0.01 + 0.99 * random() ELSE 1 - jitter * random() END)))::integer ORDER BY i)
		FROM generate_series(1, n) i);
END
$$;

CREATE FUNCTION pg_temp.sizes(n integer) RETURNS integer[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	most double precision := pg_temp.pick('900', '80000', '2000000', '9000000', '2147483646');
BEGIN
	RETURN (SELECT array_agg(1 + floor(most * (0.3 + 0.7 * random()))::integer) FROM generate_series(1, n));
END
$$;

CREATE FUNCTION pg_temp.label() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.pick(NULL, NULL, 'English', 'English', 'Polski, z lektorem', 'the "real" one', 'the ''real'' one', 'a=b,c="d"', E'two\nlines',
		'<b>&amp;</b> ]]>', 'Zażółć gęślą jaźń 🎬', '#EXT-X-ENDLIST', 'x' || repeat('ß', 127), 'https://example.org/?a=1&b=2')
$$;

CREATE FUNCTION pg_temp.language() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.pick(NULL, 'en', 'en', 'pl', 'en-US', 'zh-Hant-TW', 'es-419', 'qaa', 'sr-Latn-RS')
$$;

-- Some renditions of a protected generation have one key, some another.
CREATE FUNCTION pg_temp.rendition(id text, generation integer, kind text, i integer, segments integer, level text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	-- far segments end in the middle of a second, and seconds in many parts
	scale bigint := pg_temp.pick('1', '1000', '12800', '24000', '30000', '44100', '48000', '90000', '10000000', '1000000007', '4294967295');
	short integer := pg_temp.pick('1', '2', '90', '144', '145', '240', '360', '361', '480', '720', '1080', '2160', '4320');
	long integer := short * pg_temp.pick('1', '2', '3')::integer + pg_temp.pick('0', '0', '1')::integer;
	upright boolean := pg_temp.often(0.3);
	is_picture boolean := kind IN ('video', 'trick');
	rate text[] := string_to_array(pg_temp.pick('25/1', '30/1', '50/1', '60/1', '30000/1001', '24000/1001', '15/2', '/'), '/', '');
	init integer := CASE kind WHEN 'text' THEN 0 ELSE 400 + floor(random() * 900) END;
	index integer := CASE kind WHEN 'text' THEN 0 ELSE 44 + 12 * segments END;
	codecs text := CASE kind
		WHEN 'video' THEN pg_temp.pick('avc1.64001e', 'avc1.640028', 'avc1.4d401f', 'hvc1.1.6.L93.90', 'hvc1.2.4.L120.B0', 'av01.0.04M.08',
			'av01.0.08M.10.0.112.09.16.09.0', 'vp09.00.31.08')
		WHEN 'trick' THEN 'avc1.64000d' WHEN 'text' THEN 'wvtt'
		ELSE pg_temp.pick('mp4a.40.2', 'mp4a.40.2', 'mp4a.40.5', 'opus', 'ac-3', 'ec-3', 'fLaC') END;
	protection text := CASE kind WHEN 'text' THEN 'none' ELSE level END;
	name text := format('%s-%s%s', kind, i, pg_temp.pick('', '_x', '-0', repeat('y', 20)));
BEGIN
	INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, sample_aspect_width, sample_aspect_height,
		frame_rate_numerator, frame_rate_denominator, video_range, channels, sample_rate, language, label, is_default, protection, key_id, object_key,
		timescale, init_size, index_size, first_offset, durations, sizes)
	VALUES (id, generation, name, kind, codecs,
		CASE WHEN is_picture THEN CASE WHEN upright THEN short ELSE long END END,
		CASE WHEN is_picture THEN CASE WHEN upright THEN long ELSE short END END,
		pg_temp.pick('1', '1', '1', '4', '64')::integer, pg_temp.pick('1', '1', '1', '3', '45')::integer,
		CASE WHEN is_picture THEN nullif(rate[1], '')::integer END, CASE WHEN is_picture THEN nullif(rate[2], '')::integer END,
		CASE WHEN is_picture THEN pg_temp.pick('SDR', 'SDR', 'PQ', 'HLG') ELSE 'SDR' END,
		CASE kind WHEN 'audio' THEN pg_temp.pick('1', '2', '2', '6', '8')::integer END,
		CASE kind WHEN 'audio' THEN pg_temp.pick('8000', '44100', '48000', '96000')::integer END,
		CASE WHEN kind <> 'trick' THEN pg_temp.language() END, CASE WHEN kind <> 'trick' THEN pg_temp.label() END,
		pg_temp.often(0.3), protection, CASE WHEN protection <> 'none' THEN md5(id || kind || pg_temp.pick('SD', 'SD', 'HD'))::uuid END,
		format('%s/%s/%s-%s.%s', id, generation, name, floor(random() * 1e9), CASE kind WHEN 'text' THEN 'vtt' ELSE 'mp4' END),
		scale, init, index, init + index + CASE WHEN pg_temp.often(0.1) THEN 100 ELSE 0 END,
		pg_temp.durations(segments, scale), pg_temp.sizes(segments));
END
$$;

-- A film, one without sound, or sound alone; some of them hours long, some
-- with another generation beside the one that is shown.
CREATE FUNCTION pg_temp.asset(id text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	shown integer := 1 + floor(random() * 3);
	sort text := pg_temp.pick('film', 'film', 'film', 'film', 'silent', 'sound');
	segments integer := CASE WHEN pg_temp.often(0.04) THEN 1800 + floor(random() * 900) ELSE 1 + floor(40 * random() * random()) END;
	level text := pg_temp.pick('none', 'none', 'none', 'clear_key', 'clear_key', 'standard', 'premium', 'aes128');
	g integer;
BEGIN
	INSERT INTO vvault_stream.assets (video_id, owner_id, title, access, state, generation)
	VALUES (id, 'alice', coalesce(pg_temp.label(), ''), pg_temp.pick('public', 'unlisted'), 'ready', shown);
	FOREACH g IN ARRAY CASE WHEN pg_temp.often(0.2) THEN ARRAY[shown, shown + 1] ELSE ARRAY[shown] END
	LOOP
		PERFORM pg_temp.rendition(id, g, 'video', i, segments, level) FROM generate_series(1, 1 + floor(random() * 8)::integer) i WHERE sort <> 'sound';
		PERFORM pg_temp.rendition(id, g, 'audio', i, segments, level) FROM generate_series(1, 1 + floor(random() * 4)::integer) i WHERE sort <> 'silent';
		PERFORM pg_temp.rendition(id, g, 'text', i, 1, level) FROM generate_series(1, floor(random() * 4)::integer) i;
		PERFORM pg_temp.rendition(id, g, 'trick', 1, segments, level) WHERE sort <> 'sound' AND pg_temp.often(0.6);
	END LOOP;
END
$$;

SELECT setseed(:seed) \g /dev/null
SELECT count(pg_temp.asset('asset-' || i)) FROM generate_series(1, :assets) i \g /dev/null

-- Each a line: what its rows say, and what its manifests do.
SELECT json_build_object('video_id', a.video_id,
	'renditions', (SELECT json_agg(to_jsonb(r) || jsonb_build_object('file', regexp_replace(r.object_key, '.*/', ''),
			'playlist', convert_from(vvault_hls_media(r.video_id, r.name), 'UTF8')))
		FROM vvault_stream.renditions r WHERE r.video_id = a.video_id AND r.generation = a.generation),
	'multivariant', convert_from(vvault_hls(a.video_id), 'UTF8'), 'mpd', convert_from(vvault_dash(a.video_id), 'UTF8'))
FROM vvault_stream.assets a WHERE a.video_id LIKE 'asset-%' ORDER BY a.video_id;
