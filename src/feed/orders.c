/*-------------------------------------------------------------------------
 *
 * orders.c
 *		The orders of a feed, and the queries that read videos in them.
 *
 * Those that stand still walk one index of vvault.videos each. The order by
 * trending score moves with the clock: see threshold.c.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/orders.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "feed/columns.h"
#include "score/score.h"

/* Which videos an order shows */
#define ALL_ROWS		""
#define CHARTED_ROWS	" AND v.charted"
#define BEGUN_ROWS		VV_BEGUN

#define WHERE_SQL(rows) \
	" WHERE v.region OPERATOR(pg_catalog.=) $1" VV_NOT_GONE rows
#define ORDER_SQL(key)	" ORDER BY " key " DESC, v.video_id"

#define PAGE_SQL(key, rows, range) \
	VV_VIDEO_COLUMNS_SQL key " FROM vvault.videos v" \
	WHERE_SQL(rows) range ORDER_SQL(key) " LIMIT 1001"

#define PAGE_QUERIES(key, type, rows) \
	.first = { \
		.sql = PAGE_SQL(key, rows, ""), \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}, \
	.ties = { \
		.sql = PAGE_SQL(key, rows, " AND " key \
						" OPERATOR(pg_catalog.=) $2 AND v.video_id" \
						" OPERATOR(pg_catalog.>) $3"), \
		.nargs = 3, .argtypes = {TEXTOID, type, TEXTOID}, \
		.index_order = true, \
	}, \
	.rest = { \
		.sql = PAGE_SQL(key, rows, " AND " key \
						" OPERATOR(pg_catalog.<) $2"), \
		.nargs = 2, .argtypes = {TEXTOID, type}, .index_order = true, \
	}

#define PUBLISHED_SQL	"coalesce(v.published_at, v.first_seen_at)"

#define RANKED_QUERY(key, type, rows) \
	.keytype = type, \
	.ranked = { \
		.sql = "SELECT v.video_id, " key ", v.channel_id, v.category_id, " \
		PUBLISHED_SQL " FROM vvault.videos v" \
		WHERE_SQL(rows) ORDER_SQL(key), \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}

/* Columns of such a query */
#define COL_VIDEO_ID	0
#define COL_KEY			1
#define COL_CHANNEL_ID	2
#define COL_CATEGORY_ID	3
#define COL_PUBLISHED	4

/* An order with an index. */
#define ORDER(key, type, rows) \
	RANKED_QUERY(key, type, rows), PAGE_QUERIES(key, type, rows)

static VvOrder orders[] = {
	{.name = "views", ORDER("coalesce(v.views, -1)", INT8OID, ALL_ROWS)},
	{.name = "newest", ORDER(PUBLISHED_SQL, TIMESTAMPTZOID, BEGUN_ROWS)},
	{.name = "engagement", ORDER("coalesce(v.engagement_rate, 0)", FLOAT8OID, CHARTED_ROWS)},
	{.name = "trending", .moves = true,
	RANKED_QUERY("v.trending_base", FLOAT8OID, CHARTED_ROWS BEGUN_ROWS)},
	{.name = "virality", ORDER("v.virality_score", FLOAT8OID, CHARTED_ROWS)},
	{.name = "momentum", ORDER("v.momentum_score", FLOAT8OID, CHARTED_ROWS BEGUN_ROWS)},
	{.name = "hot", ORDER("v.hot_score", FLOAT8OID, CHARTED_ROWS BEGUN_ROWS)},
};

/*
 * The order of that name; raises the error of one that is not there.
 */
VvOrder *
vv_find_order(const char *name)
{
	StringInfoData names;

	for (int i = 0; i < (int) lengthof(orders); i++)
	{
		if (strcmp(orders[i].name, name) == 0)
			return &orders[i];
	}

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(orders); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", orders[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid sort \"%.*s\"",
					pg_mbcliplen(name, strlen(name), 64), name),
			 errhint("The sorts are %s.", names.data)));
}

/*
 * Reads a row of an order's ranked query. The key of an order that moves is
 * made for as_of, so the rows come in no order then. The texts are copied.
 */
void
vv_ranked_video(const VvOrder *order, TimestampTz as_of, const Datum *values,
				VvRankedVideo *video)
{
	video->key = DatumGetInt64(values[COL_KEY]);
	if (order->moves)
	{
		double		score = DatumGetFloat8(values[COL_KEY]) +
		vv_trending_recency(DatumGetTimestampTz(values[COL_PUBLISHED]),
							as_of);

		video->key = DatumGetInt64(Float8GetDatum(score));
	}
	video->video_id = TextDatumGetCString(values[COL_VIDEO_ID]);
	video->channel_id = TextDatumGetCString(values[COL_CHANNEL_ID]);
	video->category_id = DatumGetInt32(values[COL_CATEGORY_ID]);
}

/*
 * Whether a video stands before another one. Keys that are numbers are never
 * NaN.
 */
bool
vv_ranks_before(Oid keytype, int64 key, const char *video_id,
				int64 other_key, const char *other_id)
{
	if (keytype == FLOAT8OID)
	{
		double		score = DatumGetFloat8(Int64GetDatum(key));
		double		other = DatumGetFloat8(Int64GetDatum(other_key));

		if (score != other)
			return score > other;
	}
	else if (key != other_key)
		return key > other_key;
	return strcmp(video_id, other_id) < 0;
}
