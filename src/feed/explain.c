/*-------------------------------------------------------------------------
 *
 * explain.c
 *		Why a video trends as it does: the parts of its trending score, and
 *		the terms of its momentum.
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
#include "score/momentum.h"
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

/*
 * What the momentum that is shown was made of: the figures of the video's
 * last observation, or its own where that is gone, and those of a day before.
 * The latter as vvault.day_base() has them, which readers may not call.
 */
#define DAY_BEFORE \
	"(v.fetched_at OPERATOR(pg_catalog.-) '23:30'::pg_catalog.interval)"
#define SAME_VIDEO(alias) \
	alias ".region OPERATOR(pg_catalog.=) v.region" \
	" AND " alias ".video_id OPERATOR(pg_catalog.=) v.video_id"

static VvQuery momentum_query = {
	.sql = "SELECT v.momentum_score, e.momentum_baseline,"
	" CASE WHEN s.video_id IS NULL THEN v.views ELSE s.views END,"
	" CASE WHEN s.video_id IS NULL THEN v.likes ELSE s.likes END,"
	" coalesce(s.category_id, v.category_id),"
	" coalesce(s.rank, v.rank), coalesce(s.chart_length, v.chart_length),"
	" b.views, v.fetched_at OPERATOR(pg_catalog.-) b.fetched_at"
	" FROM vvault.videos v"
	" JOIN vvault.effective_regions e"
	" ON e.region OPERATOR(pg_catalog.=) v.region"
	" LEFT JOIN vvault.snapshots s ON " SAME_VIDEO("s")
	" AND s.fetched_at OPERATOR(pg_catalog.=) v.fetched_at"
	" LEFT JOIN LATERAL ("
	"  (SELECT p.views, p.fetched_at FROM vvault.snapshots p"
	"   WHERE " SAME_VIDEO("p") " AND p.views IS NOT NULL"
	"   AND p.fetched_at OPERATOR(pg_catalog.<=) " DAY_BEFORE
	"   ORDER BY p.fetched_at DESC LIMIT 1)"
	"  UNION ALL"
	"  (SELECT p.views, p.fetched_at FROM vvault.snapshots p"
	"   WHERE " SAME_VIDEO("p") " AND p.views IS NOT NULL"
	"   AND v.first_seen_at OPERATOR(pg_catalog.<=) " DAY_BEFORE
	"   AND p.fetched_at OPERATOR(pg_catalog.>) " DAY_BEFORE
	"   AND p.fetched_at OPERATOR(pg_catalog.<) v.fetched_at"
	"   ORDER BY p.fetched_at LIMIT 1)"
	"  LIMIT 1) b ON true"
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

/* A column's count, which may be NULL. */
static VvCount
count_of(Datum value, bool isnull)
{
	VvCount		count = {isnull ? 0 : DatumGetInt64(value), isnull};

	return count;
}

/* The columns of video_query. */
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

/*
 * The members "score" and "parts": velocity, engagement and recency, whose
 * points sum to the score.
 */
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

/*
 * A row of momentum_query; of one without views nothing can be explained.
 */
static bool
read_momentum(const VvRow *row, VvMomentumFacts *facts)
{
	const Datum *values = row->values;
	const bool *isnull = row->isnull;

	if (isnull[2])
		return false;
	facts->views = DatumGetInt64(values[2]);
	facts->likes = count_of(values[3], isnull[3]);
	facts->category_id = DatumGetInt32(values[4]);
	facts->rank = isnull[5] ? 0 : DatumGetInt32(values[5]);
	facts->chart_length = isnull[6] ? 0 : DatumGetInt32(values[6]);
	facts->views_before = count_of(values[7], isnull[7]);
	facts->elapsed_usec.isnull = isnull[8];
	facts->elapsed_usec.value = isnull[8] ? 0.0 :
		vv_interval_usec(DatumGetIntervalP(values[8]));
	return true;
}

/* A term of the momentum score. */
static void
append_term(StringInfo out, const char *name, double value, const char *unit,
			double points)
{
	if (out->data[out->len - 1] != '[')
		appendStringInfoChar(out, ',');
	appendStringInfo(out, "{\"term\":\"%s\"", name);
	vv_json_key(out, "value");
	vv_json_float(out, value);
	appendStringInfo(out, ",\"unit\":\"%s\"", unit);
	vv_json_key(out, "points");
	vv_json_float(out, points);
	appendStringInfoChar(out, '}');
}

/*
 * The terms of the momentum that is stored; their points sum to the raw value
 * of which the baseline scores 85.
 */
static void
append_momentum(StringInfo out, const Datum *args)
{
	VvMomentumFacts facts;
	VvMomentumTerms terms;
	VvRow		row;

	if (!vv_query_row(&momentum_query, args, &row))
		return;
	vv_json_key(out, "momentum");
	appendStringInfoChar(out, '{');
	vv_json_key(out, "score");
	vv_json_float(out, DatumGetFloat8(row.values[0]));
	vv_json_key(out, "baseline");
	vv_json_float(out, DatumGetFloat8(row.values[1]));
	vv_json_key(out, "terms");
	appendStringInfoChar(out, '[');
	if (read_momentum(&row, &facts))
	{
		terms = vv_momentum_terms(&facts);
		if (facts.views_before.isnull)
			append_term(out, "newcomer", (double) facts.views, "views",
						terms.growth);
		else
			append_term(out, "growth", terms.rate,
						"of the views a day ago", terms.growth);
		append_term(out, "category", facts.category_id, "category_id",
					terms.category);
		append_term(out, "place", terms.place, "of the chart",
					terms.sinking);
	}
	appendStringInfoString(out, "]}");
}

/* The reply of vvault_trending_explain. */
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
	append_momentum(out, args);
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
 * The parts of a trending score and the terms of a momentum. A NULL region is
 * the one where the video stands highest; NULL for a video that is not listed;
 * 22023 for an invalid region. Source: vvault.videos and vvault.snapshots.
 */
Datum
vvault_trending_explain(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &explain);
}
