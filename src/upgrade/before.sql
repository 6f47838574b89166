-- To 0.3.0, before anything else: what changes.awk does not find by itself,
-- such as new columns of tables that are there, and what has to go. It runs
-- after every older version: what that version may lack is changed IF EXISTS.

-- vvault_trending() has further arguments: one function for each name.
DROP FUNCTION IF EXISTS @extschema@.vvault_trending(text, integer, text, text);
-- Momentum takes a category, and has another baseline.
DROP FUNCTION IF EXISTS vvault.snapshot_momentum(bigint, bigint, interval, integer, integer, bigint, double precision);
DROP FUNCTION IF EXISTS @extschema@.vvault_momentum_score(bigint, bigint, interval, integer, integer, bigint, double precision);
ALTER TABLE vvault.region_defaults ALTER momentum_baseline SET DEFAULT 0.37;
UPDATE vvault.region_defaults SET momentum_baseline = 0.37;
-- The log of ingests decides nothing any more.
DROP TRIGGER IF EXISTS ingests_inserted ON vvault.ingests;
DROP TRIGGER IF EXISTS ingests_deleted ON vvault.ingests;
DROP TRIGGER IF EXISTS ingests_updated_from ON vvault.ingests;
DROP TRIGGER IF EXISTS ingests_updated_to ON vvault.ingests;
DROP TRIGGER IF EXISTS ingests_truncated ON vvault.ingests;
DROP FUNCTION IF EXISTS vvault.ingests_changed();
DROP INDEX IF EXISTS vvault.ingests_chart_idx;

-- Charts: which are whole, and what of a video they wrote.
ALTER TABLE vvault.videos ADD IF NOT EXISTS snapshot_at timestamptz;
ALTER TABLE vvault.snapshots ADD IF NOT EXISTS complete boolean NOT NULL DEFAULT false;
DROP FUNCTION IF EXISTS vvault.add_snapshots(text, timestamptz, integer, vvault.chart_item[]);
DROP FUNCTION IF EXISTS @extschema@.vvault_ingest(text, json, timestamptz, integer);

-- Videos: views that are not known, broadcasts, and what is gone.
ALTER TABLE vvault.videos ALTER views DROP NOT NULL, ALTER views DROP DEFAULT,
	ADD IF NOT EXISTS live text CHECK (live IN ('live', 'upcoming')),
	ADD IF NOT EXISTS scheduled_at timestamptz, ADD IF NOT EXISTS gone_at timestamptz;
ALTER TYPE vvault.chart_item ADD ATTRIBUTE live text, ADD ATTRIBUTE scheduled_at timestamptz;
DROP INDEX vvault.videos_views_idx;
CREATE INDEX videos_views_idx ON vvault.videos (region, (coalesce(views, -1)) DESC, video_id);

-- Crowds: the chart's indexes keep what is behind apart.
ALTER TABLE vvault.videos ADD IF NOT EXISTS behind boolean NOT NULL DEFAULT false,
	ADD IF NOT EXISTS behind_in_category boolean NOT NULL DEFAULT false;
DROP INDEX IF EXISTS vvault.videos_engagement_idx, vvault.videos_virality_idx, vvault.videos_momentum_idx, vvault.videos_hot_idx,
	vvault.videos_trending_idx, vvault.videos_charted_newest_idx;
