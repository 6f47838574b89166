/*-------------------------------------------------------------------------
 *
 * explain.c
 *		Why a video trends as it does: the parts of its trending score.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "feed/facts.h"
#include "reply/reply.h"
#include "score/score.h"
#include "site/regions.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_trending_explain);

static VvQuery video_query = {
	.sql = "SELECT v.velocity, v.views, v.likes, v.comments,"
	" coalesce(v.published_at, v.first_seen_at),"
	" coalesce(v.live OPERATOR(pg_catalog.=) 'upcoming', false)"
	" FROM vvault.videos v"
	" WHERE v.region OPERATOR(pg_catalog.=) $1"
	" AND v.video_id OPERATOR(pg_catalog.=) $2",
	.nargs = 2,
	.argtypes = {TEXTOID, TEXTOID},
};

static VvQuery best_region_query = {
	.sql = "SELECT v.region FROM vvault.video_regions r"
	" CROSS JOIN LATERAL pg_catalog.unnest(r.regions) AS u(region)"
	" JOIN vvault.videos v"
	" ON v.region OPERATOR(pg_catalog.=) u.region"
	" AND v.video_id OPERATOR(pg_catalog.=) r.video_id"
	" WHERE r.video_id OPERATOR(pg_catalog.=) $1"
	" ORDER BY v.rank, v.region LIMIT 1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

typedef struct VideoFigures
{
	double		velocity;
	VvCount		views;
	VvCount		likes;
	VvCount		comments;
	TimestampTz published_at;
	bool		upcoming;
} VideoFigures;

static VvCount
count_of(Datum value, bool isnull)
{
	VvCount		count = {isnull ? 0 : DatumGetInt64(value), isnull};

	return count;
}

static void
read_figures(const VvRow *row, VideoFigures *figures)
{
	figures->velocity = DatumGetFloat8(row->values[0]);
	figures->views = count_of(row->values[1], row->isnull[1]);
	figures->likes = count_of(row->values[2], row->isnull[2]);
	figures->comments = count_of(row->values[3], row->isnull[3]);
	figures->published_at = DatumGetTimestampTz(row->values[4]);
	figures->upcoming = DatumGetBool(row->values[5]);
}

/*
 * Appends a part; an unknown value is null.
 */
static void
append_part(StringInfo out, const char *name, VvMeasure value,
			const char *unit, double baseline, double weight, double points)
{
	if (out->data[out->len - 1] != '[')
		appendStringInfoChar(out, ',');
	appendStringInfo(out, "{\"part\":\"%s\"", name);
	vv_json_key(out, "value");
	if (value.isnull)
		appendStringInfoString(out, "null");
	else
		vv_json_float(out, value.value);
	appendStringInfo(out, ",\"unit\":\"%s\"", unit);
	vv_json_key(out, "baseline");
	vv_json_float(out, baseline);
	vv_json_key(out, "weight");
	vv_json_float(out, weight);
	vv_json_key(out, "points");
	vv_json_float(out, points);
	appendStringInfoChar(out, '}');
}

static void
append_parts(StringInfo out, const VideoFigures *figures, TimestampTz as_of)
{
	VvMeasure	velocity = {figures->velocity, false};
	VvMeasure	age = {vv_age_hours(figures->published_at, as_of), false};
	VvTrendingPoints points;

	points = vv_trending_base(figures->velocity, figures->views,
							  figures->likes, figures->comments);
	points.recency = figures->upcoming ? 0 :
		vv_trending_recency(figures->published_at, as_of);

	vv_json_key(out, "score");
	vv_json_float(out, points.velocity + points.engagement + points.recency);
	vv_json_key(out, "parts");
	appendStringInfoChar(out, '[');
	append_part(out, "velocity", velocity, "views per hour",
				VV_FULL_VELOCITY, 0.40, points.velocity);
	append_part(out, "engagement",
				vv_weighted_engagement(figures->likes, figures->comments,
									   figures->views),
				"percent", VV_FULL_ENGAGEMENT, 0.35, points.engagement);
	append_part(out, "recency", age, "hours", VV_RECENCY_HALF_LIFE, 0.25,
				points.recency);
	appendStringInfoChar(out, ']');
}

static bool
write_explanation(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	text	   *video_id = PG_GETARG_TEXT_PP(0);
	text	   *region = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	VvFeedFacts facts;
	VideoFigures figures;
	VvRow		row;
	TimestampTz as_of;
	Datum		args[2];

	if (region == NULL)
	{
		args[0] = PointerGetDatum(video_id);
		if (!vv_query_row(&best_region_query, args, &row))
			return false;
		region = DatumGetTextPP(row.values[0]);
	}
	/* facts are known by a region's own tag, not by that of all */
	vv_feed_facts(region, PG_ARGISNULL(1) ? NULL : reply, &facts);
	as_of = vv_feed_clock(&facts);
	if (vv_reply_is_known(reply, facts.max_age,
						  vv_moving_step(facts.max_age),
						  as_of))
		return true;
	args[0] = PointerGetDatum(region);
	args[1] = PointerGetDatum(video_id);
	if (!vv_query_row(&video_query, args, &row))
		return false;
	read_figures(&row, &figures);

	appendStringInfoChar(out, '{');
	vv_json_key(out, "video_id");
	vv_json_text(out, VARDATA_ANY(video_id), VARSIZE_ANY_EXHDR(video_id));
	vv_json_key(out, "region");
	vv_json_text(out, VARDATA_ANY(region), VARSIZE_ANY_EXHDR(region));
	vv_json_key(out, "as_of");
	vv_json_timestamptz(out, as_of);
	append_parts(out, &figures, as_of);
	appendStringInfoChar(out, '}');
	return true;
}

static const VvReplier explain = {
	.name = "vvault_trending_explain",
	.source = &vv_feeds,
	.nargs = 2,
	.argtypes = {TEXTOID, TEXTOID},
	.scope_arg = 2,
	.write = write_explanation,
};

/*
 * vvault_trending_explain(video_id text, region text DEFAULT NULL)
 *	returns json
 *
 * The parts of a trending score. A NULL region is the one where the video
 * stands highest; NULL for a video that is not listed; 22023 for an invalid
 * region. Source: vvault.videos.
 */
Datum
vvault_trending_explain(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &explain);
}
