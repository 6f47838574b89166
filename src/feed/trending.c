/*-------------------------------------------------------------------------
 *
 * trending.c
 *		The feed of a region: the top of one index range, as JSON.
 *
 * A page of k videos reads k index entries of vvault.videos in the order of
 * the sort's index and probes vvault.video_regions k times. Behind a cursor
 * it reads first the rest of the videos with the cursor's own key and then
 * those below it: two ranges of the same index. The order by trending score
 * moves with the clock: threshold.c finds its top and where its k rows are.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "feed/columns.h"
#include "feed/cursor.h"
#include "feed/facts.h"
#include "feed/orders.h"
#include "feed/past.h"
#include "feed/threshold.h"
#include "feed/walk.h"
#include "reply/reply.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_trending);

/* Behind what a page shows of a video stands its sort key. */
#define COL_SORT_KEY	VV_VIDEO_COLUMNS

/*
 * The videos of a page that were found elsewhere, in the order given.
 */
static VvQuery by_id_query = {
	.sql = VV_VIDEO_COLUMNS_SQL "u.n"
	" FROM ROWS FROM (pg_catalog.unnest($2)) WITH ORDINALITY AS u(video_id, n)"
	" CROSS JOIN LATERAL (SELECT w.* FROM vvault.videos w"
	"  WHERE w.region OPERATOR(pg_catalog.=) $1"
	"  AND w.video_id OPERATOR(pg_catalog.=) u.video_id LIMIT 1) v"
	" ORDER BY u.n",
	.nargs = 2,
	.argtypes = {TEXTOID, TEXTARRAYOID},
};

/*
 * The same where their rows are known: the primary key need not be searched.
 * Whatever else is at that place, in a child of the table, is another video.
 */
static VvQuery by_place_query = {
	.sql = VV_VIDEO_COLUMNS_SQL "u.n"
	" FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3))"
	"  WITH ORDINALITY AS u(video_id, place, n)"
	" CROSS JOIN LATERAL (SELECT w.* FROM vvault.videos w"
	"  WHERE w.ctid OPERATOR(pg_catalog.=) u.place"
	"  AND w.region OPERATOR(pg_catalog.=) $1"
	"  AND w.video_id OPERATOR(pg_catalog.=) u.video_id LIMIT 1) v"
	" ORDER BY u.n",
	.nargs = 3,
	.argtypes = {TEXTOID, TEXTARRAYOID, TIDARRAYOID},
};

/*
 * The same as by_id_query of the instant $3, with the regions that listed them then.
 */
static VvPastQuery past_by_id_query = {
	.sql = VV_VIDEO_COLUMNS_SQL "u.n,"
	" (SELECT pg_catalog.array_agg(o.region ORDER BY o.region)"
	"  FROM vvault.video_regions r JOIN vvault.videos o"
	"  ON " VV_SQL("o.region", "=", "ANY (r.regions)")
	"  AND " VV_SQL("o.video_id", "=", "r.video_id")
	"  WHERE " VV_SQL("r.video_id", "=", "v.video_id")
	"  AND " VV_SQL("o.first_seen_at", "<=", "$3") ")"
	" FROM ROWS FROM (pg_catalog.unnest($2)) WITH ORDINALITY AS u(video_id, n)"
	" JOIN " VV_VIDEOS_PAST("$3", " AND " VV_SQL("v.video_id", "=", "ANY ($2)"))
	" ON " VV_SQL("v.video_id", "=", "u.video_id") " ORDER BY u.n",
	.query = {.nargs = 3, .argtypes = {TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID}},
};

/* A page while it is written. */
typedef struct FeedPage
{
	MemoryContext context;
	StringInfo	out;
	int			page_size;
	int			n;				/* videos written */
	bool		more;			/* whether there is a video behind them */
	TimestampTz as_of;			/* the instant of an order that moves */
	VvFeedCursor last;			/* the last one written */
	VvRegionLookup regions;
	bool		past;			/* they come with the rows */
	const double *scores;		/* of the videos, where the order moves */
} FeedPage;

/* What is asked for, its arguments checked. */
typedef struct FeedCall
{
	text	   *region;
	VvOrder    *order;
	bool		crowded;		/* whether a crowd is in the chart */
	VvFeedLimits limits;
	bool		past;			/* the feed as it was */
	TimestampTz then;			/* at this instant */
	Oid			function;		/* that was called */
	VvFeedCursor *after;		/* NULL for the first page */
	char	   *walk_name;		/* what a cursor is good for beside the region */
} FeedCall;

/*
 * A row of the page, until it is full; the row behind it says that there is a
 * next page.
 */
static bool
add_video(const Datum *values, const bool *isnull, void *arg)
{
	FeedPage   *page = (FeedPage *) arg;

	if (page->n == page->page_size)
	{
		page->more = true;
		return false;
	}
	appendStringInfoString(page->out, page->n > 0 ? ",{" : "{");
	vv_write_video(page->out, page->past ? NULL : &page->regions, values,
				   isnull);
	if (page->scores != NULL)
	{
		vv_json_key(page->out, "trending_score");
		vv_json_float(page->out, page->scores[page->n]);
	}
	appendStringInfoChar(page->out, '}');
	if (++page->n == page->page_size)
	{
		MemoryContext old = MemoryContextSwitchTo(page->context);

		/* every kind of sort key is 64 bits, passed by value */
		page->last.key = DatumGetInt64(values[COL_SORT_KEY]);
		page->last.video_id = TextDatumGetCString(values[VV_COL_VIDEO_ID]);
		MemoryContextSwitchTo(old);
	}
	return true;
}

/* The places of the top of a page as an array. */
static Datum
places_of(const VvScoredVideo *top, int n)
{
	Datum	   *places = palloc(sizeof(Datum) * (n + 1));

	for (int i = 0; i < n; i++)
		places[i] = PointerGetDatum(&top[i].place);
	return PointerGetDatum(construct_array(places, n, TIDOID,
										   sizeof(ItemPointerData), false,
										   TYPALIGN_SHORT));
}

/*
 * Writes the videos of a page by their ids; one more than the page holds is
 * the next page's. top is NULL where their rows are not known.
 */
static void
write_by_id(const FeedCall *call, const VvRankedVideo *videos,
			const VvScoredVideo *top, int n, FeedPage *page)
{
	VvQuery    *query = &by_id_query;
	double	   *scores = palloc(sizeof(double) * (n + 1));
	Datum	   *ids = palloc(sizeof(Datum) * (n + 1));
	Datum		args[3];

	page->more = n > page->page_size;
	n = Min(n, page->page_size);
	for (int i = 0; i < n; i++)
	{
		ids[i] = CStringGetTextDatum(videos[i].video_id);
		scores[i] = DatumGetFloat8(Int64GetDatum(videos[i].key));
	}
	if (call->order->moves)
		page->scores = scores;
	args[0] = PointerGetDatum(call->region);
	args[1] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false,
											  TYPALIGN_INT));
	if (call->past)
	{
		query = vv_past_query(&past_by_id_query, call->function);
		args[2] = TimestampTzGetDatum(call->then);
	}
	else if (top != NULL)
	{
		query = &by_place_query;
		args[2] = places_of(top, n);
	}
	(void) vv_query_run(query, args, 0, add_video, page);
	if (page->more)
		page->last.key = videos[n - 1].key;
}

/*
 * The page of an order that moves.
 */
static void
write_top(const FeedCall *call, FeedPage *page)
{
	VvScoredVideo last;
	VvScoredVideo *top;
	VvRankedVideo *videos;
	int			n;

	if (call->after != NULL)
	{
		last.score = DatumGetFloat8(Int64GetDatum(call->after->key));
		last.video_id = call->after->video_id;
	}
	top = vv_top_trending(call->region, call->crowded, page->as_of,
						  call->after == NULL ? NULL : &last,
						  page->page_size + 1, &n);
	videos = palloc(sizeof(VvRankedVideo) * (n + 1));
	for (int i = 0; i < n; i++)
	{
		videos[i].key = DatumGetInt64(Float8GetDatum(top[i].score));
		videos[i].video_id = top[i].video_id;
	}
	write_by_id(call, videos, top, n, page);
}

/*
 * The page of a feed that does not show every video, or as it was.
 */
static void
write_some(const FeedCall *call, FeedPage *page)
{
	VvFeedWalk	walk = {
		.order = call->order,
		.as_of = page->as_of,
		.region = call->region,
		.limits = call->limits,
		.after = call->after,
		.wanted = page->page_size + 1,
	};

	if (call->past)
	{
		walk.past = vv_past_query(&call->order->past, call->function);
		walk.then = call->then;
	}
	vv_walk(&walk);
	write_by_id(call, walk.page.videos, NULL, walk.page.n, page);
}

/*
 * The page of an order that has an index.
 */
static void
write_range(const FeedCall *call, FeedPage *page)
{
	VvOrder    *order = call->order;
	bool		crowded = call->crowded && !order->shows_others;
	Datum		args[3];

	args[0] = PointerGetDatum(call->region);
	if (call->after == NULL)
	{
		(void) vv_query_run(crowded ? &order->crowded_first : &order->first,
							args, page->page_size + 1, add_video, page);
		return;
	}
	args[1] = Int64GetDatum(call->after->key);
	args[2] = CStringGetTextDatum(call->after->video_id);
	(void) vv_query_run(crowded ? &order->crowded_ties : &order->ties,
						args, page->page_size + 1, add_video, page);
	if (!page->more)
		(void) vv_query_run(crowded ? &order->crowded_rest : &order->rest,
							args, page->page_size + 1 - page->n, add_video,
							page);
}

/* The rows of the page, by the way that fits the order and the limits. */
static void
write_videos(const FeedCall *call, FeedPage *page)
{
	vv_region_lookup_begin(&page->regions);
	page->last.as_of = call->order->moves ? page->as_of : 0;
	page->past = call->past;
	if (call->past || call->limits.per_channel > 0 ||
		call->limits.per_category > 0)
		write_some(call, page);
	else if (call->order->moves)
		write_top(call, page);
	else
		write_range(call, page);
	vv_region_lookup_end(&page->regions);
}

/* The reply, from the region to the cursor of the next page. */
static void
write_page(const FeedCall *call, const VvFeedFacts *facts, FeedPage *page)
{
	StringInfo	out = page->out;
	text	   *region = call->region;

	appendStringInfoChar(out, '{');
	vv_json_key(out, "region");
	vv_json_text(out, VARDATA_ANY(region), VARSIZE_ANY_EXHDR(region));
	vv_json_key(out, "region_name");
	vv_json_text(out, facts->region_name, strlen(facts->region_name));
	vv_json_key(out, "videos");
	appendStringInfoChar(out, '[');
	write_videos(call, page);
	appendStringInfoChar(out, ']');
	vv_json_key(out, "total");
	vv_json_int(out, page->n);
	vv_json_key(out, "sort");
	vv_json_text(out, call->order->name, strlen(call->order->name));
	if (call->order->moves)
	{
		vv_json_key(out, "as_of");
		vv_json_timestamptz(out, page->as_of);
	}
	vv_json_key(out, "next_cursor");
	if (page->more)
		appendStringInfo(out, "\"%s\"",
						 vv_cursor_encode(text_to_cstring(region),
										  call->walk_name, &page->last));
	else
		appendStringInfoString(out, "null");
	appendStringInfoChar(out, '}');
}

/*
 * The argument n that limits how many videos of some group a feed shows, 0
 * where it is not given.
 */
static int
limit_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	int			limit = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);

	if (!PG_ARGISNULL(n) && limit < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s %d", name, limit),
				 errhint("It is the most videos that a feed shows of one, from 1; without it there is no limit.")));
	return limit;
}

/*
 * Whether a cursor's key can be one of this order. No video has the key NaN.
 */
static bool
valid_key(const VvOrder *order, int64 key)
{
	return order->keytype != FLOAT8OID ||
		!isnan(DatumGetFloat8(Int64GetDatum(key)));
}

/* The error for every cursor that is not of this walk. */
static void
invalid_cursor(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid cursor"),
			 errhint("Pass the next_cursor of a page with the same region, sort and limits.")));
}

/*
 * The argument n that is a cursor; NULL where it is not given.
 */
static VvFeedCursor *
cursor_argument(FunctionCallInfo fcinfo, int n, const FeedCall *call)
{
	VvFeedCursor *cursor = palloc(sizeof(VvFeedCursor));

	if (PG_ARGISNULL(n))
		return NULL;
	if (!vv_cursor_decode(PG_GETARG_TEXT_PP(n), text_to_cstring(call->region),
						  call->walk_name, cursor) ||
		!valid_key(call->order, cursor->key))
		invalid_cursor();
	return cursor;
}

/* The size of a page from 1 to the setting page_limit; 22023 below. */
static int
page_size_argument(FunctionCallInfo fcinfo, int n, const VvFeedFacts *facts)
{
	int			page_size = PG_ARGISNULL(n) ? VV_DEFAULT_PAGE_SIZE : PG_GETARG_INT32(n);

	if (page_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid page_size %d", page_size),
				 errhint("A page has from 1 to %d videos.",
						 facts->page_limit)));
	return Min(page_size, facts->page_limit);
}

/*
 * All arguments but region and page_size; whatever is wrong with one is an
 * error.
 */
static void
read_call(FunctionCallInfo fcinfo, const VvFeedFacts *facts, FeedCall *call)
{
	call->order = vv_find_order(PG_ARGISNULL(2) ? facts->default_sort :
								text_to_cstring(PG_GETARG_TEXT_PP(2)));
	call->crowded = facts->crowded;
	call->limits.per_channel = limit_argument(fcinfo, 4, "per_channel");
	call->limits.per_category = limit_argument(fcinfo, 5, "per_category");
	call->walk_name = pstrdup(call->order->name);
	if (call->limits.per_channel > 0 || call->limits.per_category > 0)
		call->walk_name = psprintf("%s/%d/%d", call->order->name,
								   call->limits.per_channel,
								   call->limits.per_category);
	call->after = cursor_argument(fcinfo, 3, call);
	call->function = fcinfo->flinfo->fn_oid;
	call->past = !PG_ARGISNULL(6);
	if (call->past)
	{
		call->then = PG_GETARG_TIMESTAMPTZ(6);
		vv_check_past(call->region, call->then);
	}
}

/* The reply of vvault_trending. */
static bool
write_feed(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	FeedCall	call = {.region = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0)};
	FeedPage	page = {.context = CurrentMemoryContext, .out = out};
	VvFeedFacts facts;
	int			step = 0;

	vv_feed_facts(call.region, reply, &facts);
	page.page_size = page_size_argument(fcinfo, 1, &facts);
	read_call(fcinfo, &facts, &call);

	/* a cursor brings its instant along */
	if (call.past)
		page.as_of = vv_feed_step(&facts, call.then);
	else if (call.after != NULL)
		page.as_of = call.after->as_of;
	else
		page.as_of = vv_feed_clock(&facts);
	if (call.order->moves && call.after != NULL &&
		call.after->as_of != page.as_of)
		invalid_cursor();
	if (call.order->moves && call.after == NULL && !call.past)
		step = vv_moving_step(facts.max_age);
	if (vv_reply_is_known(reply, facts.max_age, step, page.as_of))
		return true;
	write_page(&call, &facts, &page);
	return true;
}

static const VvReplier trending = {
	.name = "vvault_trending",
	.source = &vv_feeds,
	.nargs = 7,
	.argtypes = {TEXTOID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID,
	TIMESTAMPTZOID},
	.scope_arg = 1,
	.write = write_feed,
};

/*
 * vvault_trending(region text, page_size int DEFAULT 25,
 *				   sort text DEFAULT NULL, cursor text DEFAULT NULL,
 *				   per_channel int DEFAULT NULL,
 *				   per_category int DEFAULT NULL,
 *				   as_of timestamptz DEFAULT NULL)
 *	returns json
 *
 * One page of a region's feed. page_size 1 and up, cut to the page limit; a
 * NULL page_size, sort or cursor is the default. per_channel and per_category
 * are the most videos of one channel or category that the feed shows, 1 and
 * up; NULL is any number. as_of is an instant that has passed and whose
 * snapshots are there, NULL for the feed as it is. 22023 for an invalid
 * argument. Source: vvault.videos and vvault.video_regions, of the past
 * vvault.snapshots and vvault.charts too.
 */
Datum
vvault_trending(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &trending);
}
