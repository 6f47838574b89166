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
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "feed/columns.h"
#include "score/score.h"

#define VIEWS_SQL		"coalesce(v.views, -1)"
#define PUBLISHED_SQL	"coalesce(v.published_at, v.first_seen_at)"
#define CHANNEL_SQL		"\"left\"(v.channel_id, 64) COLLATE \"C\""

/*
 * Rows v of a region that an order shows: those of one kind, or of two kinds
 * side by side.
 */
#define OF_REGION(v)	" WHERE " v ".region OPERATOR(pg_catalog.=) $1"
#define ROWS_SQL(kind, shown) \
	" FROM vvault.videos v" OF_REGION("v") kind("v") VV_NOT_GONE shown
#define BOTH_SQL(kind, others, shown) \
	" FROM (SELECT w.* FROM vvault.videos w" OF_REGION("w") kind("w") others \
	") v WHERE true" VV_NOT_GONE shown
#define AND(kind) \
	" UNION ALL SELECT w.* FROM vvault.videos w" OF_REGION("w") kind("w")

#define ALL(v)			""
#define CHART(v)		" AND " v ".charted"
#define CHART_FRONT(v) \
	" AND " v ".charted AND NOT " v ".behind AND NOT " v ".behind_in_category"
#define BEHIND_IN_CHANNEL(v) \
	" AND " v ".charted AND " v ".behind AND NOT " v ".behind_in_category"
#define BEHIND_IN_CATEGORY(v) \
	" AND " v ".charted AND NOT " v ".behind AND " v ".behind_in_category"
#define BEHIND_IN_BOTH(v) \
	" AND " v ".charted AND " v ".behind AND " v ".behind_in_category"
#define OTHERS(v)		" AND NOT " v ".charted"
#define OTHERS_FRONT(v) " AND NOT " v ".charted AND NOT " v ".behind"

/*
 * The chart: all of it, and all but what is behind in its channel, in its
 * category, or in both. Each of these kinds is a range of the chart's indexes.
 */
#define WHOLE_CHART(shown) \
	BOTH_SQL(CHART_FRONT, AND(BEHIND_IN_CHANNEL) AND(BEHIND_IN_CATEGORY) \
			 AND(BEHIND_IN_BOTH), shown)
#define CHART_FOR_CHANNELS(shown) \
	BOTH_SQL(CHART_FRONT, AND(BEHIND_IN_CATEGORY), shown)
#define CHART_FOR_CATEGORIES(shown) \
	BOTH_SQL(CHART_FRONT, AND(BEHIND_IN_CHANNEL), shown)
#define CHART_FOR_BOTH(shown) \
	BOTH_SQL(CHART_FRONT, AND(BEHIND_IN_CHANNEL) AND(BEHIND_IN_CATEGORY), shown)

/* Which of them an order shows */
#define ANY				""
#define BEGUN			VV_BEGUN

#define ORDER_SQL(key)	" ORDER BY " key " DESC, v.video_id"

/*
 * The queries of a walk of indexes: of all rows, of those behind a cursor with
 * its own key, and of those with keys below it.
 */
#define WALK_QUERIES(name, columns, rows, key, type, limit) \
	.name##first = { \
		.sql = columns rows ORDER_SQL(key) limit, \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}, \
	.name##ties = { \
		.sql = columns rows " AND " key " OPERATOR(pg_catalog.=) $2" \
		" AND v.video_id OPERATOR(pg_catalog.>) $3" ORDER_SQL(key) limit, \
		.nargs = 3, .argtypes = {TEXTOID, type, TEXTOID}, \
		.index_order = true, \
	}, \
	.name##rest = { \
		.sql = columns rows " AND " key " OPERATOR(pg_catalog.<) $2" \
		ORDER_SQL(key) limit, \
		.nargs = 2, .argtypes = {TEXTOID, type}, .index_order = true, \
	}

#define PAGE_QUERIES(name, rows, key, type) \
	WALK_QUERIES(name, VV_VIDEO_COLUMNS_SQL key, rows, key, type, " LIMIT 1001")

/* Columns of the queries for vv_read_ranked() */
#define RANKED_SQL(key) \
	"SELECT v.video_id, " key ", v.channel_id, v.category_id, " PUBLISHED_SQL
#define COL_VIDEO_ID	0
#define COL_KEY			1
#define COL_CHANNEL_ID	2
#define COL_CATEGORY_ID	3
#define COL_PUBLISHED	4

/* Such a query of all rows of some kind, in the order or by views. */
#define IN_ORDER(key, rows) { \
		.sql = RANKED_SQL(key) rows ORDER_SQL(key), \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}
#define BY_VIEWS(key, rows) { \
		.sql = RANKED_SQL(key) rows ORDER_SQL(VIEWS_SQL), \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}

/* Such a query of the instant $2; rows are those of a present one. */
#define IN_THE_PAST(key, kind, shown) { \
		.sql = RANKED_SQL(key) " FROM " VV_VIDEOS_PAST("$2", "") \
		" WHERE true" kind("v") shown ORDER_SQL(key), \
		.query = {.nargs = 2, .argtypes = {TEXTOID, TIMESTAMPTZOID}}, \
	}

/* An order of the chart that stands still */
#define CHART_ORDER(key, type, shown) \
	.keytype = type, \
	PAGE_QUERIES(, ROWS_SQL(CHART_FRONT, shown), key, type), \
	PAGE_QUERIES(crowded_, WHOLE_CHART(shown), key, type), \
	.for_channels = IN_ORDER(key, CHART_FOR_CHANNELS(shown)), \
	.for_categories = IN_ORDER(key, CHART_FOR_CATEGORIES(shown)), \
	.for_both = IN_ORDER(key, CHART_FOR_BOTH(shown)), \
	.whole = IN_ORDER(key, WHOLE_CHART(shown)), \
	.past = IN_THE_PAST(key, CHART, shown)

/* An order of the chart that moves; its key is a part of what it sorts by. */
#define MOVING_ORDER(key, shown) \
	.keytype = FLOAT8OID, .moves = true, \
	.for_channels = BY_VIEWS(key, CHART_FOR_CHANNELS(shown)), \
	.for_categories = BY_VIEWS(key, CHART_FOR_CATEGORIES(shown)), \
	.for_both = BY_VIEWS(key, WHOLE_CHART(shown)), \
	.whole = BY_VIEWS(key, WHOLE_CHART(shown)), \
	.past = IN_THE_PAST(key, CHART, shown), \
	.behind = { \
		.sql = RANKED_SQL(key) ROWS_SQL(CHART, shown) \
		" AND v.behind AND " CHANNEL_SQL " OPERATOR(pg_catalog.=) $2", \
		.nargs = 2, .argtypes = {TEXTOID, TEXTOID}, .index_probes = true, \
	}, \
	.behind_in_category = { \
		.sql = RANKED_SQL(key) ROWS_SQL(CHART, shown) \
		" AND v.behind_in_category" \
		" AND v.category_id OPERATOR(pg_catalog.=) $2", \
		.nargs = 2, .argtypes = {TEXTOID, INT4OID}, .index_probes = true, \
	}

/* An order of all videos that stands still */
#define FULL_ORDER(key, type, shown) \
	.keytype = type, .shows_others = true, \
	PAGE_QUERIES(, ROWS_SQL(ALL, shown), key, type), \
	.for_channels = IN_ORDER(key, BOTH_SQL(CHART_FRONT, AND(BEHIND_IN_CATEGORY) \
										   AND(OTHERS_FRONT), shown)), \
	.whole = IN_ORDER(key, ROWS_SQL(ALL, shown)), \
	.past = IN_THE_PAST(key, ALL, shown), \
	.chart_for_channels = BY_VIEWS(key, CHART_FOR_CHANNELS(shown)), \
	.chart_for_categories = BY_VIEWS(key, CHART_FOR_CATEGORIES(shown)), \
	.chart_for_both = BY_VIEWS(key, CHART_FOR_BOTH(shown)), \
	WALK_QUERIES(others_, RANKED_SQL(key), ROWS_SQL(OTHERS_FRONT, shown), key, type, ""), \
	.others_of_channels = { \
		.sql = RANKED_SQL(key) ROWS_SQL(OTHERS_FRONT, shown) \
		" AND " CHANNEL_SQL " OPERATOR(pg_catalog.=) ANY ($2)", \
		.nargs = 2, .argtypes = {TEXTOID, TEXTARRAYOID}, .index_probes = true, \
	}, \
	.others_of_categories = { \
		.sql = "SELECT o.* FROM vvault.category_stats c CROSS JOIN LATERAL (" \
		RANKED_SQL(key) ROWS_SQL(OTHERS, shown) \
		" AND v.category_id OPERATOR(pg_catalog.=) c.category_id" \
		ORDER_SQL(key) " LIMIT $2) o" OF_REGION("c"), \
		.nargs = 2, .argtypes = {TEXTOID, INT4OID}, .index_order = true, \
	}

static VvOrder orders[] = {
	{.name = "views", FULL_ORDER(VIEWS_SQL, INT8OID, ANY)},
	{.name = "newest", FULL_ORDER(PUBLISHED_SQL, TIMESTAMPTZOID, BEGUN)},
	{.name = "engagement", CHART_ORDER("coalesce(v.engagement_rate, 0)", FLOAT8OID, ANY)},
	{.name = "trending", MOVING_ORDER("v.trending_base", BEGUN)},
	{.name = "virality", CHART_ORDER("v.virality_score", FLOAT8OID, ANY)},
	{.name = "momentum", CHART_ORDER("v.momentum_score", FLOAT8OID, BEGUN)},
	{.name = "hot", CHART_ORDER("v.hot_score", FLOAT8OID, BEGUN)},
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

/* A query whose rows are read as ranked videos. */
typedef struct RankedReader
{
	const VvOrder *order;
	TimestampTz as_of;
	MemoryContext row;			/* of one row, until the next one comes */
	VvRankedAction action;
	void	   *arg;
} RankedReader;

/*
 * A row becomes a ranked video for the caller's action; the key of an order
 * that moves is made here.
 */
static bool
read_row(const Datum *values, const bool *isnull pg_attribute_unused(),
		 void *arg)
{
	RankedReader *reader = (RankedReader *) arg;
	MemoryContext old;
	VvRankedVideo video = {0};

	MemoryContextReset(reader->row);
	old = MemoryContextSwitchTo(reader->row);
	video.key = DatumGetInt64(values[COL_KEY]);
	if (reader->order->moves)
	{
		video.base = DatumGetFloat8(values[COL_KEY]);
		video.published_at = DatumGetTimestampTz(values[COL_PUBLISHED]);
		video.key = DatumGetInt64(Float8GetDatum(video.base +
												 vv_trending_recency(video.published_at,
																	 reader->as_of)));
	}
	video.video_id = TextDatumGetCString(values[COL_VIDEO_ID]);
	video.channel_id = TextDatumGetCString(values[COL_CHANNEL_ID]);
	video.category_id = DatumGetInt32(values[COL_CATEGORY_ID]);
	MemoryContextSwitchTo(old);
	return reader->action(&video, reader->arg);
}

/*
 * Reads rows of one of an order's queries of ranked videos; limit is 0 for all.
 * The texts of a video are gone when its action returns. The keys of an order
 * that moves are made for as_of. The caller is connected to SPI.
 */
void
vv_read_ranked(const VvOrder *order, TimestampTz as_of, VvQuery *query,
			   const Datum *args, uint64 limit, VvRankedAction action,
			   void *arg)
{
	RankedReader reader = {
		.order = order,
		.as_of = as_of,
		.row = AllocSetContextCreate(CurrentMemoryContext, "vvault row",
									 ALLOCSET_SMALL_SIZES),
		.action = action,
		.arg = arg,
	};

	(void) vv_query_run(query, args, limit, read_row, &reader);
	MemoryContextDelete(reader.row);
}

/*
 * Begins a list that lives in the current memory context.
 */
void
vv_begin_ranked(VvRankedVideos *list)
{
	list->context = CurrentMemoryContext;
	list->n = 0;
	list->size = 8;
	list->videos = palloc(sizeof(VvRankedVideo) * list->size);
}

/*
 * Appends a copy of a video to a list.
 */
void
vv_keep_ranked(VvRankedVideos *list, const VvRankedVideo *video)
{
	VvRankedVideo *place;

	if (list->n == list->size)
	{
		list->size *= 2;
		list->videos = repalloc_huge(list->videos,
									 sizeof(VvRankedVideo) * list->size);
	}
	place = &list->videos[list->n++];
	*place = *video;
	place->video_id = MemoryContextStrdup(list->context, video->video_id);
	place->channel_id = MemoryContextStrdup(list->context, video->channel_id);
}

/*
 * The same as an action for vv_read_ranked().
 */
bool
vv_add_ranked(const VvRankedVideo *video, void *arg)
{
	vv_keep_ranked((VvRankedVideos *) arg, video);
	return true;
}

/*
 * Whether a video with this key and id stands before that one. Keys that are
 * numbers are never NaN.
 */
bool
vv_ranks_before(const VvOrder *order, int64 key, const char *video_id,
				int64 other_key, const char *other_id)
{
	if (order->keytype == FLOAT8OID)
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

/* As an order ranks them, for qsort_arg(). */
static int
compare_videos(const void *a, const void *b, void *arg)
{
	const VvRankedVideo *one = (const VvRankedVideo *) a;
	const VvRankedVideo *other = (const VvRankedVideo *) b;

	return vv_ranks_before((const VvOrder *) arg, one->key, one->video_id,
						   other->key, other->video_id) ? -1 : 1;
}

/*
 * Puts a list into the order.
 */
void
vv_sort_ranked(const VvOrder *order, VvRankedVideos *list)
{
	qsort_arg(list->videos, list->n, sizeof(VvRankedVideo), compare_videos,
			  unconstify(VvOrder *, order));
}
