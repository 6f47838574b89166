-- The catalog's tables. A region is the unit of work, of consistency and of
-- scale: it leads every key and never changes in a row.

CREATE TABLE vvault.categories (
	id integer PRIMARY KEY,
	name text NOT NULL
);
COMMENT ON TABLE vvault.categories IS
'Names of YouTube''s categories, from vvault_ingest_categories(). Dumped.';

CREATE TABLE vvault.videos (
	region text COLLATE "C" NOT NULL
		CHECK (region ~ '^[A-Z][A-Z0-9_]{1,7}$'),
	video_id text COLLATE "C" NOT NULL
		CHECK (octet_length(video_id) BETWEEN 1 AND 64),
	charted boolean NOT NULL DEFAULT true,
	rank integer CHECK (rank > 0),
	chart_length integer CHECK (chart_length > 0),
	title text NOT NULL DEFAULT '',
	channel_id text NOT NULL DEFAULT '',
	channel_title text NOT NULL DEFAULT '',
	category_id integer NOT NULL DEFAULT 0,
	content_language text,
	thumbnail_url text NOT NULL DEFAULT '',
	published_at timestamptz CHECK (published_at >= '0001-01-01 00:00Z' AND published_at < '9999-12-31 00:00Z'),
	duration text,
	tags text[] NOT NULL DEFAULT '{}',
	views bigint CHECK (views >= 0),
	likes bigint CHECK (likes >= 0),
	comments bigint CHECK (comments >= 0),
	velocity double precision NOT NULL DEFAULT 0
		CHECK (velocity >= 0 AND velocity < 'Infinity'),
	virality_score double precision NOT NULL DEFAULT 0
		CHECK (virality_score >= 0 AND virality_score <= 100),
	momentum_score double precision NOT NULL DEFAULT 0
		CHECK (momentum_score >= 0 AND momentum_score <= 100),
	first_seen_at timestamptz NOT NULL DEFAULT now()
		CHECK (first_seen_at >= '0001-01-01 00:00Z' AND first_seen_at < '9999-12-31 00:00Z'),
	fetched_at timestamptz NOT NULL DEFAULT now()
		CHECK (fetched_at >= '0001-01-01 00:00Z' AND fetched_at < '9999-12-31 00:00Z'),
	engagement_rate double precision GENERATED ALWAYS AS
		(@extschema@.vvault_engagement_rate(likes, views)) STORED,
	hot_score double precision GENERATED ALWAYS AS
		(@extschema@.vvault_hot_score(likes, coalesce(published_at, first_seen_at))) STORED,
	trending_base double precision GENERATED ALWAYS AS
		(@extschema@.vvault_trending_base(velocity, views, likes, comments)) STORED,
	snapshot_at timestamptz,
	live text CHECK (live IN ('live', 'upcoming')),
	scheduled_at timestamptz,
	gone_at timestamptz,
	behind boolean NOT NULL DEFAULT false,
	behind_in_category boolean NOT NULL DEFAULT false,
	PRIMARY KEY (region, video_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_analyze_scale_factor = 0.05);
COMMENT ON TABLE vvault.videos IS
'One row for each video in each region that charts or charted it: the newest figures known there. Dumped.';
COMMENT ON COLUMN vvault.videos.charted IS 'whether it is in the region''s latest chart';
COMMENT ON COLUMN vvault.videos.rank IS 'its place in that chart from 1, NULL where not charted';
COMMENT ON COLUMN vvault.videos.chart_length IS 'the places that chart has';
COMMENT ON COLUMN vvault.videos.views IS 'NULL where not known';
COMMENT ON COLUMN vvault.videos.likes IS 'NULL where hidden by the owner';
COMMENT ON COLUMN vvault.videos.comments IS 'NULL where hidden by the owner';
COMMENT ON COLUMN vvault.videos.content_language IS 'language of the sound, else of the text, as YouTube tells it';
COMMENT ON COLUMN vvault.videos.duration IS 'ISO 8601 as YouTube tells it';
COMMENT ON COLUMN vvault.videos.fetched_at IS 'when these figures were observed';
COMMENT ON COLUMN vvault.videos.velocity IS 'views per hour up to its last observation, over velocity_min_span at least';
COMMENT ON COLUMN vvault.videos.trending_base IS 'the part of its trending score that does not move with the clock';
COMMENT ON COLUMN vvault.videos.engagement_rate IS 'likes / views in percent, NULL where likes are hidden';
COMMENT ON COLUMN vvault.videos.live IS
'live while it is broadcast, upcoming for a premiere or a stream that is to come, NULL for any other video';
COMMENT ON COLUMN vvault.videos.scheduled_at IS 'when such a one is to begin or was to';
COMMENT ON COLUMN vvault.videos.gone_at IS
'when a refresh did not find it any more, NULL for a video that is there; lists of videos leave it out';
COMMENT ON COLUMN vvault.videos.snapshot_at IS
'its newest observation in vvault.snapshots when a chart last wrote this row, NULL where none ever did; figures are of that observation unless fetched_at is later';
COMMENT ON COLUMN vvault.videos.behind IS
'whether its channel is a crowd of which at least ten others stand before it in every order. Derived';
COMMENT ON COLUMN vvault.videos.behind_in_category IS
'whether it is in the chart, and its category a crowd of which at least ten others there stand before it in every order. Derived';

CREATE TABLE vvault.snapshots (
	region text COLLATE "C" NOT NULL
		CHECK (region ~ '^[A-Z][A-Z0-9_]{1,7}$'),
	video_id text COLLATE "C" NOT NULL
		CHECK (octet_length(video_id) BETWEEN 1 AND 64),
	fetched_at timestamptz NOT NULL CHECK (fetched_at >= '0001-01-01 00:00Z' AND fetched_at < '9999-12-31 00:00Z'),
	rank integer CHECK (rank > 0),
	chart_length integer CHECK (chart_length > 0),
	category_id integer NOT NULL DEFAULT 0,
	views bigint CHECK (views >= 0),
	likes bigint CHECK (likes >= 0),
	comments bigint CHECK (comments >= 0),
	velocity double precision NOT NULL DEFAULT 0
		CHECK (velocity >= 0 AND velocity < 'Infinity'),
	virality_score double precision NOT NULL DEFAULT 0
		CHECK (virality_score >= 0 AND virality_score <= 100),
	momentum_score double precision NOT NULL DEFAULT 0
		CHECK (momentum_score >= 0 AND momentum_score <= 100),
	complete boolean NOT NULL DEFAULT false,
	PRIMARY KEY (region, video_id, fetched_at)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE vvault.snapshots IS
'What each chart said of each of its videos. Dumped.';
COMMENT ON COLUMN vvault.snapshots.rank IS
'the place that the response gave it, NULL for an observation that no chart made';
COMMENT ON COLUMN vvault.snapshots.complete IS
'whether its chart was said to be complete, however short';
COMMENT ON COLUMN vvault.snapshots.velocity IS 'views per hour since the newest observation that is velocity_min_span older';
COMMENT ON COLUMN vvault.snapshots.views IS 'NULL where the response had no statistics';
COMMENT ON COLUMN vvault.snapshots.category_id IS
'the video''s category then, so that a day''s statistics need no other table';
-- One index of both would serve a search for a video's observations, too, and
-- where there are no statistics yet it would be taken for it.
CREATE INDEX snapshots_chart_idx ON vvault.snapshots (region, fetched_at) WHERE rank IS NOT NULL;
CREATE INDEX snapshots_refresh_idx ON vvault.snapshots (region, fetched_at) WHERE rank IS NULL;

CREATE TABLE vvault.blocked_videos (
	video_id text COLLATE "C" PRIMARY KEY,
	reason text NOT NULL DEFAULT '',
	blocked_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vvault.blocked_videos IS
'Videos taken down by vvault_block(): vvault_ingest() skips them. Dumped.';

CREATE TABLE vvault.ingests (
	region text COLLATE "C" NOT NULL,
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	fetched_at timestamptz NOT NULL,
	first_rank integer NOT NULL,
	chart_length integer,
	accepted integer NOT NULL,
	created integer NOT NULL,
	rejected integer NOT NULL,
	ingested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (region, id)
);
COMMENT ON TABLE vvault.ingests IS
'The log: one row for each call of vvault_ingest(). Nothing else depends on it. Dumped.';

CREATE TABLE vvault.rejected_items (
	region text COLLATE "C" NOT NULL,
	id uuid NOT NULL DEFAULT gen_random_uuid(),
	fetched_at timestamptz NOT NULL,
	item_index integer NOT NULL,
	video_id text,
	reason text NOT NULL,
	item text NOT NULL,
	rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (region, id)
);
COMMENT ON TABLE vvault.rejected_items IS
'Items of responses that vvault_ingest() refused, as they came. Dumped.';

SELECT pg_catalog.pg_extension_config_dump('vvault.categories', '');
SELECT pg_catalog.pg_extension_config_dump('vvault.videos', '');
SELECT pg_catalog.pg_extension_config_dump('vvault.snapshots', '');
SELECT pg_catalog.pg_extension_config_dump('vvault.blocked_videos', '');
SELECT pg_catalog.pg_extension_config_dump('vvault.ingests', '');
SELECT pg_catalog.pg_extension_config_dump('vvault.rejected_items', '');

-- Derived tables: written by the triggers in derived.sql alone, not dumped.

CREATE TABLE vvault.video_regions (
	video_id text COLLATE "C" PRIMARY KEY,
	regions text[] COLLATE "C" NOT NULL
);
COMMENT ON TABLE vvault.video_regions IS
'All enabled regions that list a video, sorted. Derived from vvault.videos; written only when a set changes.';

CREATE TABLE vvault.charts (
	region text COLLATE "C" NOT NULL,
	fetched_at timestamptz NOT NULL,
	videos integer NOT NULL,
	complete boolean NOT NULL,
	whole boolean NOT NULL,
	PRIMARY KEY (region, fetched_at)
) WITH (fillfactor = 80);
COMMENT ON TABLE vvault.charts IS
'Every chart there is: an instant at which snapshots of a region have ranks. The latest one that is whole is the region''s chart. Derived from vvault.snapshots.';
COMMENT ON COLUMN vvault.charts.videos IS 'how many videos it has';
COMMENT ON COLUMN vvault.charts.complete IS 'whether it was said to be complete';
COMMENT ON COLUMN vvault.charts.whole IS
'whether it can be the region''s chart: said to be complete, or not far shorter than the three before it; any other is history alone';

CREATE TABLE vvault.category_stats (
	region text COLLATE "C" NOT NULL,
	category_id integer NOT NULL,
	videos bigint NOT NULL,
	viral bigint NOT NULL,
	score_sum bigint NOT NULL,
	PRIMARY KEY (region, category_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE vvault.category_stats IS
'Videos, viral videos and the exact sum of virality scores (in millionths) by region and category. Derived from vvault.videos.';

CREATE TABLE vvault.daily_videos (
	region text COLLATE "C" NOT NULL,
	day date NOT NULL,
	video_id text COLLATE "C" NOT NULL,
	category_id integer NOT NULL,
	virality_score double precision NOT NULL,
	PRIMARY KEY (region, day, video_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE vvault.daily_videos IS
'What vvault.daily_stats counts a video as on a day (UTC): its last observation of that day. Derived from vvault.snapshots.';

CREATE TABLE vvault.daily_stats (
	region text COLLATE "C" NOT NULL,
	day date NOT NULL,
	category_id integer NOT NULL,
	videos bigint NOT NULL,
	viral bigint NOT NULL,
	score_sum bigint NOT NULL,
	closed boolean NOT NULL DEFAULT false,
	PRIMARY KEY (region, day, category_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE vvault.daily_stats IS
'The same by region, day (UTC) and category. Derived from vvault.snapshots; days closed by vvault_prune() have no snapshots any more and are dumped.';
SELECT pg_catalog.pg_extension_config_dump('vvault.daily_stats', 'WHERE closed');

CREATE TABLE vvault.feed_versions (
	region text COLLATE "C" NOT NULL,
	written_by text COLLATE "C" NOT NULL,
	version uuid NOT NULL,
	changed_at timestamptz NOT NULL,
	PRIMARY KEY (region, written_by)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 20, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE vvault.feed_versions IS
'A region''s feed is as old as all its versions here: one row for each region whose writers change it. Its row (W, W) is the lock of writers of region W. Not dumped.';
