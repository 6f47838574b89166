/*-------------------------------------------------------------------------
 *
 * video.c
 *		One video with all its regions and its history, as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "reply/reply.h"
#include "site/settings.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_video);

/* The set of regions leads to the rows by their primary keys. */
#define FROM_VIDEO_ROWS \
	" FROM vvault.video_regions r" \
	" CROSS JOIN LATERAL pg_catalog.unnest(r.regions) AS u(region)" \
	" JOIN vvault.videos v" \
	" ON v.region OPERATOR(pg_catalog.=) u.region" \
	" AND v.video_id OPERATOR(pg_catalog.=) r.video_id" \
	" WHERE r.video_id OPERATOR(pg_catalog.=) $1"

static VvQuery video_query = {
	.sql = "SELECT v.video_id, v.title, v.channel_title, v.channel_id,"
	" v.category_id,"
	" (SELECT c.name FROM vvault.categories c"
	"  WHERE c.id OPERATOR(pg_catalog.=) v.category_id),"
	" v.content_language, v.thumbnail_url, v.published_at, v.duration, v.tags,"
	" v.live, v.scheduled_at, v.gone_at"
	FROM_VIDEO_ROWS
	" ORDER BY v.fetched_at DESC, v.region LIMIT 1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static const VvJsonColumn video_columns[] = {
	VV_JSON_COLUMN("video_id", TEXT),
	VV_JSON_COLUMN("title", TEXT),
	VV_JSON_COLUMN("channel_title", TEXT),
	VV_JSON_COLUMN("channel_id", TEXT),
	VV_JSON_COLUMN("category_id", INT4),
	VV_JSON_COLUMN("category", TEXT),
	VV_JSON_COLUMN("content_language", TEXT),
	VV_JSON_COLUMN("thumbnail_url", TEXT),
	VV_JSON_COLUMN("published_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("duration", TEXT),
	VV_JSON_COLUMN("tags", TEXT_ARRAY),
	VV_JSON_COLUMN("live", TEXT),
	VV_JSON_COLUMN("scheduled_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("gone_at", TIMESTAMPTZ),
};

static VvQuery regions_query = {
	.sql = "SELECT v.region, v.charted, v.rank, v.chart_length, v.views,"
	" v.likes, v.comments, v.engagement_rate, v.virality_score,"
	" v.momentum_score, v.first_seen_at, v.fetched_at"
	FROM_VIDEO_ROWS
	" ORDER BY v.region",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static const VvJsonColumn region_columns[] = {
	VV_JSON_COLUMN("region", TEXT),
	VV_JSON_COLUMN("charted", BOOL),
	VV_JSON_COLUMN("rank", INT4),
	VV_JSON_COLUMN("chart_length", INT4),
	VV_JSON_COLUMN("views", INT8),
	VV_JSON_COLUMN("likes", INT8),
	VV_JSON_COLUMN("comments", INT8),
	VV_JSON_COLUMN("engagement_rate", FLOAT8),
	VV_JSON_COLUMN("virality_score", FLOAT8),
	VV_JSON_COLUMN("momentum_score", FLOAT8),
	VV_JSON_COLUMN("first_seen_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("fetched_at", TIMESTAMPTZ),
};

/* No region gives more than the whole may hold, so the work is bounded. */
static VvQuery history_query = {
	.sql = "SELECT h.* FROM (SELECT s.* FROM vvault.video_regions r"
	" CROSS JOIN LATERAL pg_catalog.unnest(r.regions) AS u(region)"
	" CROSS JOIN LATERAL (SELECT n.region, n.fetched_at, n.rank, n.views,"
	"  n.likes, n.comments, n.virality_score, n.momentum_score"
	"  FROM vvault.snapshots n"
	"  WHERE n.region OPERATOR(pg_catalog.=) u.region"
	"  AND n.video_id OPERATOR(pg_catalog.=) r.video_id"
	"  ORDER BY n.fetched_at DESC LIMIT 500) s"
	" WHERE r.video_id OPERATOR(pg_catalog.=) $1"
	" ORDER BY s.fetched_at DESC, s.region LIMIT 500) h"
	" ORDER BY h.fetched_at, h.region",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static const VvJsonColumn history_columns[] = {
	VV_JSON_COLUMN("region", TEXT),
	VV_JSON_COLUMN("fetched_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("rank", INT4),
	VV_JSON_COLUMN("views", INT8),
	VV_JSON_COLUMN("likes", INT8),
	VV_JSON_COLUMN("comments", INT8),
	VV_JSON_COLUMN("virality_score", FLOAT8),
	VV_JSON_COLUMN("momentum_score", FLOAT8),
};

/* The members of the video's own row. */
static bool
append_video(const Datum *values, const bool *isnull, void *arg)
{
	vv_json_row((StringInfo) arg, video_columns, lengthof(video_columns),
				values, isnull);
	return false;
}

/* The reply of vvault_video. */
static bool
write_video(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	Datum		args[1] = {PG_GETARG_DATUM(0)};

	if (vv_reply_is_known(reply, vv_setting_int("feed_max_age"), 0, 0))
		return true;
	appendStringInfoChar(out, '{');
	if (vv_query_run(&video_query, args, 1, append_video, out) == 0)
		return false;
	vv_json_key(out, "regions");
	(void) vv_query_json_array(&regions_query, args, out, region_columns,
							   lengthof(region_columns));
	vv_json_key(out, "history");
	(void) vv_query_json_array(&history_query, args, out, history_columns,
							   lengthof(history_columns));
	appendStringInfoChar(out, '}');
	return true;
}

static const VvReplier video = {
	.name = "vvault_video",
	.source = &vv_feeds,
	.nargs = 1,
	.argtypes = {TEXTOID},
	.write = write_video,
};

/*
 * vvault_video(video_id text) returns json
 *
 * One video; NULL where no region lists it. No errors of its own. Source:
 * vvault.video_regions, vvault.videos and vvault.snapshots.
 */
Datum
vvault_video(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &video);
}
