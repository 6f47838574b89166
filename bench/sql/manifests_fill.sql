-- So many videos of two renditions, and among them one, "film", of two hours and
-- eight renditions. Variable: videos.
INSERT INTO vvault_stream.assets (video_id, owner_id, access, state, generation)
SELECT 'v' || n, 'owner' || n % 1000, 'public', 'ready', 1 FROM generate_series(1, :videos) n;
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, frame_rate_numerator, frame_rate_denominator,
	channels, sample_rate, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
SELECT 'v' || n, 1, k.name, k.kind, k.codecs, k.width, k.height, k.rate, k.rate / k.rate, k.channels, k.sample_rate, format('v%s/1/%s.mp4', n, k.name), 12800,
	773, 76, 849, '{51200,51200,12800}', '{412000,398000,99000}'
FROM generate_series(1, :videos) n, (VALUES ('360p', 'video', 'avc1.64001e', 640, 360, 25, NULL::int, NULL::int), ('audio', 'audio', 'mp4a.40.2', NULL, NULL, NULL, 2, 48000))
	AS k (name, kind, codecs, width, height, rate, channels, sample_rate);

INSERT INTO vvault_stream.assets (video_id, owner_id, access, state, generation) VALUES ('film', 'owner', 'public', 'ready', 1);
INSERT INTO vvault_stream.renditions (video_id, generation, name, kind, codecs, width, height, frame_rate_numerator, frame_rate_denominator,
	channels, sample_rate, language, label, is_default, object_key, timescale, init_size, index_size, first_offset, durations, sizes)
SELECT 'film', 1, k.name, k.kind, k.codecs, k.width, k.height, CASE WHEN k.width > 0 THEN 25 END, CASE WHEN k.width > 0 THEN 1 END,
	CASE k.kind WHEN 'audio' THEN 2 END, CASE k.kind WHEN 'audio' THEN 48000 END, CASE k.kind WHEN 'audio' THEN 'en' END, CASE k.kind WHEN 'audio' THEN 'English' END,
	k.kind = 'audio', format('film/1/%s-4711-1.mp4', k.name), 12800, 773, 21644, 22417, s.durations, s.sizes
FROM (VALUES ('144p', 'video', 'avc1.64000c', 256, 144, 30000), ('240p', 'video', 'avc1.640015', 426, 240, 60000), ('360p', 'video', 'avc1.64001e', 640, 360, 110000),
		('480p', 'video', 'avc1.64001e', 854, 480, 180000), ('720p', 'video', 'avc1.64001f', 1280, 720, 500000), ('1080p', 'video', 'avc1.640028', 1920, 1080, 900000),
		('audio', 'audio', 'mp4a.40.2', NULL, NULL, 64000), ('trick', 'trick', 'avc1.64000d', 320, 180, 20000)) AS k (name, kind, codecs, width, height, bytes),
	LATERAL (SELECT array_agg(CASE n WHEN 1800 THEN 33280 ELSE 51200 END ORDER BY n) AS durations, array_agg(k.bytes + n * 7919 % 65536 ORDER BY n) AS sizes
		FROM generate_series(1, 1800) n) s;
VACUUM ANALYZE;
