-- What a video is encoded as. A rendition is one row whatever its length: the
-- durations and sizes of its segments are two arrays. A row is taken apart from
-- its front on, so what playlists tell of stands there, first what is always as
-- long and of a picture never NULL.

CREATE FUNCTION vvault_stream.average_bitrate(timescale bigint, durations integer[], sizes integer[]) RETURNS bigint
AS 'MODULE_PATHNAME', 'vvault_average_bitrate'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.average_bitrate(bigint, integer[], integer[]) IS
'Bits a second of all segments.';

CREATE FUNCTION vvault_stream.peak_bitrate(timescale bigint, durations integer[], sizes integer[]) RETURNS bigint
AS 'MODULE_PATHNAME', 'vvault_peak_bitrate'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.peak_bitrate(bigint, integer[], integer[]) IS
'The largest bits a second of any segments in a row that together last from half to one and a half of the longest.';

CREATE FUNCTION vvault_stream.media_seconds(timescale bigint, durations integer[], sizes integer[]) RETURNS double precision
AS 'MODULE_PATHNAME', 'vvault_media_seconds'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vvault_stream.media_seconds(bigint, integer[], integer[]) IS
'How long the segments last together, in seconds.';

CREATE FUNCTION vvault_stream.media_head(head bytea, file_size bigint,
	OUT kind text, OUT codecs text, OUT language text, OUT width integer, OUT height integer, OUT sample_aspect text,
	OUT sample_rate integer, OUT channels integer, OUT colour text, OUT edit_start bigint, OUT scheme text, OUT key_id uuid,
	OUT timescale bigint, OUT init_size bigint, OUT index_size bigint, OUT first_offset bigint, OUT start bigint,
	OUT durations integer[], OUT sizes integer[])
AS 'MODULE_PATHNAME', 'vvault_media_head'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION vvault_stream.media_head(bytea, bigint) IS
'What the head of a CMAF track file, up to the end of its sidx, says of a file of so many bytes; 22023 for what cannot be played.';

CREATE TABLE vvault_stream.renditions (
	average_bitrate bigint NOT NULL GENERATED ALWAYS AS (vvault_stream.average_bitrate(timescale, durations, sizes)) STORED,
	peak_bitrate bigint NOT NULL GENERATED ALWAYS AS (vvault_stream.peak_bitrate(timescale, durations, sizes)) STORED,
	generation integer NOT NULL CHECK (generation > 0),
	width integer CHECK (width BETWEEN 1 AND 65535),
	height integer CHECK (height BETWEEN 1 AND 65535),
	frame_rate_numerator integer CHECK (frame_rate_numerator > 0),
	frame_rate_denominator integer CHECK (frame_rate_denominator > 0),
	is_default boolean NOT NULL DEFAULT false,
	early boolean NOT NULL DEFAULT false,
	video_id text COLLATE "C" NOT NULL REFERENCES vvault_stream.assets ON DELETE CASCADE,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('video', 'audio', 'text', 'trick')),
	name text COLLATE "C" NOT NULL CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,31}$' AND name NOT IN ('master', 'manifest', 'storyboard')),
	codecs text COLLATE "C" NOT NULL CHECK (codecs ~ '^[A-Za-z0-9.-]{1,64}$'),
	video_range text COLLATE "C" NOT NULL DEFAULT 'SDR' CHECK (video_range IN ('SDR', 'PQ', 'HLG')),
	protection text COLLATE "C" NOT NULL DEFAULT 'none'
		CHECK (protection IN ('none', 'aes128', 'clear_key', 'standard', 'premium')),
	channels integer CHECK (channels BETWEEN 1 AND 64),
	language text COLLATE "C" CHECK (language ~ '^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,6}$'),
	label text CHECK (octet_length(label) BETWEEN 1 AND 255),
	key_id uuid,
	object_key text COLLATE "C" NOT NULL CHECK (object_key ~ '^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$' AND octet_length(object_key) <= 1024),
	sample_aspect_width integer NOT NULL DEFAULT 1 CHECK (sample_aspect_width BETWEEN 1 AND 65535),
	sample_aspect_height integer NOT NULL DEFAULT 1 CHECK (sample_aspect_height BETWEEN 1 AND 65535),
	sample_rate integer CHECK (sample_rate BETWEEN 1 AND 768000),
	loudness double precision CHECK (loudness > '-Infinity' AND loudness < 'Infinity'),
	timescale bigint NOT NULL CHECK (timescale BETWEEN 1 AND 4294967295),
	init_size bigint NOT NULL DEFAULT 0 CHECK (init_size >= 0),
	index_size bigint NOT NULL DEFAULT 0 CHECK (index_size >= 0),
	first_offset bigint NOT NULL DEFAULT 0 CHECK (first_offset >= 0),
	seconds double precision NOT NULL GENERATED ALWAYS AS (vvault_stream.media_seconds(timescale, durations, sizes)) STORED,
	durations integer[] NOT NULL,
	sizes integer[] NOT NULL,
	PRIMARY KEY (video_id, generation, name),
	CHECK ((frame_rate_numerator IS NULL) = (frame_rate_denominator IS NULL)),
	CHECK ((protection = 'none') = (key_id IS NULL)),
	CHECK (kind IN ('audio', 'text') OR width IS NOT NULL AND height IS NOT NULL),
	CHECK (kind <> 'audio' OR channels IS NOT NULL AND sample_rate IS NOT NULL),
	CHECK (kind = 'text' OR init_size > 0 AND index_size > 0 AND first_offset >= init_size + index_size)
);
COMMENT ON TABLE vvault_stream.renditions IS
'What each generation of a video is encoded as: one CMAF file of one track for a row, or a WebVTT file. Dumped.';
COMMENT ON COLUMN vvault_stream.renditions.name IS 'part of URLs: 720p, audio, subtitles-pl';
COMMENT ON COLUMN vvault_stream.renditions.kind IS 'video, audio, text, or trick: an all-intra video for seeking';
COMMENT ON COLUMN vvault_stream.renditions.codecs IS 'RFC 6381';
COMMENT ON COLUMN vvault_stream.renditions.language IS 'BCP 47';
COMMENT ON COLUMN vvault_stream.renditions.early IS 'it is one of those that a generation is shown with before it is whole';
COMMENT ON COLUMN vvault_stream.renditions.loudness IS 'EBU R128, LUFS';
COMMENT ON COLUMN vvault_stream.renditions.key_id IS 'the key that it is encrypted under: vvault_stream.content_keys.kid';
COMMENT ON COLUMN vvault_stream.renditions.object_key IS 'where its store has it; the last part is its name in manifests';
COMMENT ON COLUMN vvault_stream.renditions.timescale IS 'units of durations in a second';
COMMENT ON COLUMN vvault_stream.renditions.init_size IS 'bytes before the index';
COMMENT ON COLUMN vvault_stream.renditions.index_size IS 'bytes of the index (sidx)';
COMMENT ON COLUMN vvault_stream.renditions.first_offset IS 'byte at which the first segment begins';
COMMENT ON COLUMN vvault_stream.renditions.durations IS 'of the segments, in units of the timescale';
COMMENT ON COLUMN vvault_stream.renditions.sizes IS 'of the segments, in bytes';
-- All of a generation are read at once: by a hash that is one page of an index,
-- by the primary key three or four.
CREATE INDEX renditions_video_idx ON vvault_stream.renditions USING hash (video_id);
SELECT pg_catalog.pg_extension_config_dump('vvault_stream.renditions', '');

-- Serves every event: each has one transition table of this name.
CREATE FUNCTION vvault_stream.media_rows_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO vvault_stream.asset_versions AS a (video_id, written_by, version)
	SELECT c.video_id, 'media', gen_random_uuid()
	FROM (SELECT DISTINCT r.video_id FROM changed_rows r) c ORDER BY c.video_id
	ON CONFLICT (video_id, written_by) DO UPDATE SET version = EXCLUDED.version;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION vvault_stream.media_rows_changed() IS
'Trigger on tables with several rows for a video: versions of the videos whose rows changed.';

CREATE TRIGGER renditions_inserted AFTER INSERT ON vvault_stream.renditions
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER renditions_deleted AFTER DELETE ON vvault_stream.renditions
REFERENCING OLD TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER renditions_old AFTER UPDATE ON vvault_stream.renditions
REFERENCING OLD TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER renditions_new AFTER UPDATE ON vvault_stream.renditions
REFERENCING NEW TABLE AS changed_rows
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.media_rows_changed();
CREATE TRIGGER renditions_truncated AFTER TRUNCATE ON vvault_stream.renditions
FOR EACH STATEMENT EXECUTE FUNCTION vvault_stream.assets_truncated();
