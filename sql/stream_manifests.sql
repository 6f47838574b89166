-- Manifests of a video: what its renditions say, as HLS and DASH write it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vvault CASCADE;
CREATE EXTENSION IF NOT EXISTS vvault_stream;
\pset format unaligned
\pset tuples_only on
BEGIN;
INSERT INTO vvault_stream.assets (video_id, owner_id, title, access, state, generation) VALUES
	('film', 'alice', 'A film', 'public', 'ready', 2),
	('song', 'alice', 'A song', 'unlisted', 'ready', 1),
	('diary', 'alice', 'A diary', 'private', 'ready', 1),
	('gone', 'alice', 'A film that is being deleted', 'public', 'deleting', 1),
	('empty', 'alice', 'No rendition yet', 'public', 'processing', 0);

-- Segments of 4 s but for the last; at 25 frames a second in units of 1/12800 s.
-- 360p: 8 * 300000 / 4 = 600000 bits a second at most.
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, frame_rate_numerator,
	frame_rate_denominator, object_key, timescale, init_size, index_size, first_offset, durations, sizes) VALUES
	('film', 1, '360p', 'video', 'avc1.64001e', 640, 360, 25, 1, 'film/1/360p.mp4', 12800, 700, 68, 768, '{51200}', '{999}'),
	('film', 2, '360p', 'video', 'avc1.64001e', 640, 360, 25, 1, 'film/2/360p.mp4', 12800, 700, 68, 768, '{51200,51200,12800}', '{200000,300000,50000}'),
	('film', 2, '720p', 'video', 'avc1.64001f', 1280, 720, 25, 1, 'film/2/720p.mp4', 12800, 701, 68, 769, '{51200,51200,12800}', '{900000,800000,70000}'),
	('film', 2, '1080p50', 'video', 'avc1.64002a', 1920, 1080, 50, 1, 'film/2/1080p50.mp4', 12800, 702, 68, 770, '{51200,51200,12800}', '{2900000,2800000,170000}'),
	('film', 2, '720p-av1', 'video', 'av01.0.05M.08', 1280, 720, 30000, 1001, 'film/2/720p-av1.mp4', 30000, 703, 68, 771, '{120120,120120,29029}', '{600000,500000,60000}'),
	('film', 2, 'trick', 'trick', 'avc1.640015', 320, 180, NULL, NULL, 'film/2/trick.mp4', 12800, 704, 92, 796, '{25600,25600,25600,25600,12800}', '{4000,4100,4200,4300,4400}');
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, channels, sample_rate, language, label, is_default,
	object_key, timescale, init_size, index_size, first_offset, durations, sizes) VALUES
	('film', 2, 'audio-en', 'audio', 'mp4a.40.2', 2, 48000, 'en', 'English "stereo"', true, 'film/2/audio-en.mp4', 48000, 600, 68, 668, '{192512,191488,48000}', '{64000,64000,16000}'),
	('film', 2, 'audio-pl', 'audio', 'mp4a.40.2', 2, 48000, 'pl', NULL, false, 'film/2/audio-pl.mp4', 48000, 600, 68, 668, '{192512,191488,48000}', '{63000,64500,16000}'),
	('song', 1, 'audio', 'audio', 'opus', 6, 48000, NULL, NULL, true, 'song/1/audio.mp4', 48000, 600, 44, 644, '{96000}', '{40000}'),
	('diary', 1, 'audio', 'audio', 'mp4a.40.2', 1, 44100, NULL, NULL, true, 'diary/1/audio.mp4', 44100, 600, 44, 644, '{44100}', '{8000}'),
	('gone', 1, 'audio', 'audio', 'mp4a.40.2', 1, 44100, NULL, NULL, true, 'gone/1/audio.mp4', 44100, 600, 44, 644, '{44100}', '{8000}');
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, language, label, object_key, timescale, durations, sizes) VALUES
	('film', 2, 'subtitles-pl', 'text', 'wvtt', 'pl', 'Polski & <inne>', 'film/2/subtitles-pl.vtt', 1000, '{9000}', '{1234}');

CREATE FUNCTION pg_temp.shown(page bytea) RETURNS text LANGUAGE sql IMMUTABLE RETURN rtrim(convert_from(page, 'UTF8'), E'\n');

SELECT pg_temp.shown(vvault_hls('film'));
SELECT pg_temp.shown(vvault_hls_media('film', '360p'));
SELECT pg_temp.shown(vvault_hls_media('film', 'trick'));
SELECT pg_temp.shown(vvault_hls_media('film', 'subtitles-pl'));
SELECT replace(pg_temp.shown(vvault_dash('film')), '><', E'>\n<');

-- audio alone
SELECT pg_temp.shown(vvault_hls('song'));
SELECT replace(pg_temp.shown(vvault_dash('song')), '><', E'>\n<');

-- what is not there, or not any more
SELECT vvault_hls('gone') IS NULL, vvault_hls('empty') IS NULL, vvault_hls('nobody') IS NULL, vvault_hls(NULL) IS NULL,
	vvault_hls_media('film', 'nothing') IS NULL, vvault_hls_media('film', NULL) IS NULL, vvault_dash('empty') IS NULL;

-- The peak is over segments in a row that last from half to one and a half of the longest.
SELECT vvault_stream.peak_bitrate(1, '{4,4,1}', '{10,20,30}') AS last_with_the_one_before,
	vvault_stream.peak_bitrate(1, '{4,4,2}', '{10,20,30}') AS last_alone,
	vvault_stream.average_bitrate(1, '{4,4,2}', '{10,20,30}') AS average,
	vvault_stream.media_seconds(4, '{4,4,2}', '{10,20,30}') AS seconds;
\set VERBOSITY terse
SAVEPOINT s;
SELECT vvault_stream.peak_bitrate(1, '{4,4}', '{10}');
ROLLBACK TO s;
SELECT vvault_stream.average_bitrate(0, '{4}', '{10}');
ROLLBACK TO s;
SELECT vvault_stream.peak_bitrate(1, '{4,0}', '{10,10}');
ROLLBACK TO s;
SELECT vvault_stream.media_head('\x00', 1);
ROLLBACK TO s;

-- Who may: public and unlisted are a viewer's, what is not is not.
CREATE ROLE regress_stream_viewer;
SELECT vvault_stream_grant('regress_stream_viewer', 'viewer');
SET ROLE regress_stream_viewer;
SELECT length(vvault_hls('film')) > 0, length(vvault_dash('song')) > 0;
SELECT vvault_hls('diary');
ROLLBACK TO s;
SELECT length(vvault_hls('diary')) > 0 AS the_owner_of_the_extension_may;
ROLLBACK;
