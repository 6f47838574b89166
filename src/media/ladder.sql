-- Which renditions a video gets.

-- All rungs of a picture are cut at the same pictures: those with half the
-- pictures a second begin a segment at half the count.
CREATE FUNCTION vvault_stream.rung(width integer, height integer, frame_rate double precision, codec text, lines integer)
RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	scale double precision := least(1, lines * 16 / 9.0 / greatest(width, height), lines::double precision / least(width, height));
	w integer := greatest(least(2 * round(width * scale / 2), 2 * div(width, 2)), 2);
	h integer := greatest(least(2 * round(height * scale / 2), 2 * div(height, 2)), 2);
	step integer := CASE WHEN lines < 720 AND frame_rate > 31 THEN 2 ELSE 1 END;
	bits double precision := 2.8e6 * (w * h / 921600.0) ^ 0.8
		* CASE codec WHEN 'h264' THEN 1 WHEN 'hevc' THEN 0.65 ELSE 0.55 END
		* CASE WHEN frame_rate / step > 31 THEN 1.5 ELSE 1 END;
BEGIN
	RETURN json_build_object('name', lines || 'p' || CASE WHEN codec = 'h264' THEN '' ELSE '-' || codec END,
		'codec', codec, 'width', w, 'height', h, 'frame_rate', round((frame_rate / step)::numeric, 3)::double precision,
		'frame_step', step, 'bitrate', (greatest(round(bits / 10000), 6) * 10000)::integer);
END
$$;
COMMENT ON FUNCTION vvault_stream.rung(integer, integer, double precision, text, integer) IS
'One rung of a ladder: the picture made to fit into so many lines of 16 to 9, however it is turned.';

CREATE FUNCTION @extschema@.vvault_ladder(width integer, height integer, frame_rate double precision DEFAULT 25,
	codec text DEFAULT 'h264', max_height integer DEFAULT 2160) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	rate double precision := least(coalesce(vvault_ladder.frame_rate, 25), 60);
	own integer;
	rungs integer[];
BEGIN
	IF vvault_ladder.width IS NULL OR vvault_ladder.height IS NULL THEN
		RETURN '[]';
	ELSIF vvault_ladder.width NOT BETWEEN 1 AND 16384 OR vvault_ladder.height NOT BETWEEN 1 AND 16384 THEN
		PERFORM vvault_stream.refuse('invalid size of a picture', 'Width and height are from 1 to 16384.');
	ELSIF NOT rate > 0 OR vvault_ladder.frame_rate = 'NaN' THEN
		PERFORM vvault_stream.refuse('invalid frame_rate', 'It is above 0.');
	ELSIF coalesce(vvault_ladder.codec, '') NOT IN ('h264', 'hevc', 'av1') THEN
		PERFORM vvault_stream.refuse('invalid codec', 'It is h264, hevc or av1.');
	ELSIF NOT coalesce(vvault_ladder.max_height, 2160) BETWEEN 1 AND 2160 THEN
		PERFORM vvault_stream.refuse('invalid max_height', 'It is from 1 to 2160.');
	END IF;
	-- how many lines of 16 to 9 it fills; what comes near to a rung is one
	own := least(greatest(least(vvault_ladder.width, vvault_ladder.height),
		ceil(greatest(vvault_ladder.width, vvault_ladder.height) * 9 / 16.0))::integer, coalesce(vvault_ladder.max_height, 2160));
	rungs := ARRAY(SELECT r FROM unnest('{144,240,360,480,720,1080,1440,2160}'::integer[]) r WHERE r <= own * 1.03);
	IF rungs = '{}' OR own >= 1.15 * rungs[cardinality(rungs)] THEN
		rungs := rungs || own;
	END IF;
	-- small pictures gain little from a newer codec
	RETURN (SELECT coalesce(json_agg(vvault_stream.rung(vvault_ladder.width, vvault_ladder.height, rate,
			vvault_ladder.codec, r) ORDER BY r), '[]')
		FROM unnest(rungs) r WHERE vvault_ladder.codec = 'h264' OR r >= 360 OR rungs[cardinality(rungs)] < 360);
END
$$;
COMMENT ON FUNCTION @extschema@.vvault_ladder(integer, integer, double precision, text, integer) IS
'The renditions that a picture of this size is encoded as, the smallest first: an array of {"name", "codec", "width", "height", "frame_rate", "frame_step", "bitrate"}. None is larger than the source; a source that lies between two rungs gets one of its own size.
Units and ranges: width and height as they are shown, upright and with square pixels, from 1 to 16384; a rung of 720p fits into 1280 x 720, or 720 x 1280 where the source is upright; sizes are even; frame_rate in pictures a second, more than 60 is 60; rungs below 720p have half of more than 31 (frame_step 2); codec is h264, hevc or av1, of which the last two have no rung below 360p beside larger ones; max_height is the most lines, from 1 to 2160; bitrate is the most bits a second.
NULL: width or height NULL (sound alone) gives []; frame_rate NULL is 25, max_height NULL is 2160, codec NULL is an error.
Errors: 22023 for what is out of range.
Source: 144p, 240p, 360p, 480p, 720p, 1080p, 1440p, 2160p; 2.8 Mbit/s for 1280 x 720, growing with the 0.8th power of the pixels, 1.5 times for more than 31 pictures a second, 0.65 times for hevc, 0.55 times for av1.';
