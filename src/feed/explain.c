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

PG_FUNCTION_INFO_V1(vvault_trending_explain);

static VvQuery video_query = {
	.sql = "SELECT v.velocity, v.views, v.likes, v.comments,"
	" coalesce(v.published_at, v.first_seen_at)"
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
	" JOIN vvault.effective_regions e"
	" ON e.region OPERATOR(pg_catalog.=) v.region AND e.enabled"
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
} VideoFigures;

typedef struct BestRegion
{
	MemoryContext context;
	text	   *region;
} BestRegion;

static bool
keep_region(const Datum *values, const bool *isnull, void *arg)
{
	BestRegion *best = (BestRegion *) arg;
	MemoryContext old = MemoryContextSwitchTo(best->context);

	(void) isnull;
	best->region = DatumGetTextPCopy(values[0]);
	MemoryContextSwitchTo(old);
	return false;
}

static VvCount
count_of(Datum value, bool isnull)
{
	VvCount		count = {isnull ? 0 : DatumGetInt64(value), isnull};

	return count;
}

static bool
keep_figures(const Datum *values, const bool *isnull, void *arg)
{
	VideoFigures *figures = (VideoFigures *) arg;

	figures->velocity = DatumGetFloat8(values[0]);
	figures->views = count_of(values[1], isnull[1]);
	figures->likes = count_of(values[2], isnull[2]);
	figures->comments = count_of(values[3], isnull[3]);
	figures->published_at = DatumGetTimestampTz(values[4]);
	return false;
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
	points.recency = vv_trending_recency(figures->published_at, as_of);

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
	BestRegion	best = {CurrentMemoryContext, NULL};
	VvFeedFacts facts;
	VideoFigures figures;
	TimestampTz as_of;
	Datum		args[2];

	if (region == NULL)
	{
		args[0] = PointerGetDatum(video_id);
		(void) vv_query_run(&best_region_query, args, 1, keep_region, &best);
		region = best.region;
	}
	if (region == NULL)
		return false;
	/* facts are known by a region's own tag, not by that of all */
	vv_feed_facts(region, PG_ARGISNULL(1) ? NULL : reply, &facts);
	as_of = vv_feed_clock(&facts);
	if (vv_reply_is_known(reply, facts.max_age,
						  facts.max_age > 0 ? facts.max_age : VV_STEP_MOMENT,
						  as_of))
		return true;
	args[0] = PointerGetDatum(region);
	args[1] = PointerGetDatum(video_id);
	if (vv_query_run(&video_query, args, 1, keep_figures, &figures) == 0)
		return false;

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
	.nargs = 2,
	.argtypes = {TEXTOID, TEXTOID},
	.region_arg = 2,
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
