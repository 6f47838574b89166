/*-------------------------------------------------------------------------
 *
 * trending.c
 *		The feed of a region: the top of one index range, as JSON.
 *
 * A page of k videos reads k index entries of vvault.videos in the order of
 * the sort's index and probes vvault.video_regions k times. Behind a cursor
 * it reads first the rest of the videos with the cursor's own key and then
 * those below it: two ranges of the same index. The order by trending score
 * moves with the clock: threshold.c finds its top, and the page is then k
 * probes of the primary key.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "feed/columns.h"
#include "feed/cursor.h"
#include "feed/facts.h"
#include "feed/threshold.h"
#include "reply/reply.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_trending);

/* Behind what a page shows of a video stands its sort key. */
#define COL_SORT_KEY	VV_VIDEO_COLUMNS

#define FEED_SQL(key, charted, range) \
	VV_VIDEO_COLUMNS_SQL key \
	" FROM vvault.videos v" \
	" WHERE v.region OPERATOR(pg_catalog.=) $1" charted range \
	" ORDER BY " key " DESC, v.video_id LIMIT 1001"

#define FEED_QUERIES(key, keytype, charted) \
	.first = { \
		.sql = FEED_SQL(key, charted, ""), \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}, \
	.ties = { \
		.sql = FEED_SQL(key, charted, " AND " key \
						" OPERATOR(pg_catalog.=) $2 AND v.video_id" \
						" OPERATOR(pg_catalog.>) $3"), \
		.nargs = 3, .argtypes = {TEXTOID, keytype, TEXTOID}, \
		.index_order = true, \
	}, \
	.rest = { \
		.sql = FEED_SQL(key, charted, " AND " key \
						" OPERATOR(pg_catalog.<) $2"), \
		.nargs = 2, .argtypes = {TEXTOID, keytype}, .index_order = true, \
	}

#define ALL_ROWS		""
#define CHARTED_ROWS	" AND v.charted"

/* An order of the feed and the queries that walk its index, if it has one. */
typedef struct FeedSort
{
	const char *name;
	bool		moves;			/* with the clock: it has no index of its own */
	VvQuery		first;			/* from the top */
	VvQuery		ties;			/* behind a cursor: the same key */
	VvQuery		rest;			/* and then the keys below it */
} FeedSort;

static FeedSort feed_sorts[] = {
	{.name = "views", FEED_QUERIES("v.views", INT8OID, ALL_ROWS)},
	{.name = "newest",
	FEED_QUERIES("coalesce(v.published_at, v.first_seen_at)", TIMESTAMPTZOID, ALL_ROWS)},
	{.name = "engagement",
	FEED_QUERIES("coalesce(v.engagement_rate, 0)", FLOAT8OID, CHARTED_ROWS)},
	{.name = "trending", .moves = true},
	{.name = "virality", FEED_QUERIES("v.virality_score", FLOAT8OID, CHARTED_ROWS)},
	{.name = "momentum", FEED_QUERIES("v.momentum_score", FLOAT8OID, CHARTED_ROWS)},
	{.name = "hot", FEED_QUERIES("v.hot_score", FLOAT8OID, CHARTED_ROWS)},
};

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

static FeedSort *
find_sort(const char *name)
{
	StringInfoData names;

	for (int i = 0; i < (int) lengthof(feed_sorts); i++)
	{
		if (strcmp(feed_sorts[i].name, name) == 0)
			return &feed_sorts[i];
	}

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(feed_sorts); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "",
						 feed_sorts[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid sort \"%.*s\"",
					pg_mbcliplen(name, strlen(name), 64), name),
			 errhint("The sorts are %s.", names.data)));
}

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
	const VvScoredVideo *scores;	/* of the videos, where the order moves */
} FeedPage;

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
	vv_write_video(page->out, &page->regions, values, isnull);
	if (page->scores != NULL)
	{
		vv_json_key(page->out, "trending_score");
		vv_json_float(page->out, page->scores[page->n].score);
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

static void
write_trending(text *region, TimestampTz as_of, const VvFeedCursor *after,
			   FeedPage *page)
{
	VvScoredVideo last;
	VvScoredVideo *top;
	Datum	   *ids;
	Datum		args[2];
	int			n;

	if (after != NULL)
	{
		last.score = DatumGetFloat8(Int64GetDatum(after->key));
		last.video_id = after->video_id;
	}
	top = vv_top_trending(region, as_of, after == NULL ? NULL : &last,
						  page->page_size + 1, &n);
	page->more = n > page->page_size;
	n = Min(n, page->page_size);
	page->scores = top;

	ids = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = CStringGetTextDatum(top[i].video_id);
	args[0] = PointerGetDatum(region);
	args[1] = PointerGetDatum(construct_array(ids, n, TEXTOID, -1, false,
											  TYPALIGN_INT));
	(void) vv_query_run(&by_id_query, args, 0, add_video, page);

	page->last.as_of = as_of;
	if (page->more)
		page->last.key = DatumGetInt64(Float8GetDatum(top[n - 1].score));
}

static void
write_videos(FeedSort *sort, text *region, const VvFeedCursor *after,
			 FeedPage *page)
{
	Datum		args[3];

	args[0] = PointerGetDatum(region);
	if (after == NULL)
	{
		(void) vv_query_run(&sort->first, args, page->page_size + 1,
							add_video, page);
		return;
	}
	args[1] = Int64GetDatum(after->key);
	args[2] = CStringGetTextDatum(after->video_id);
	(void) vv_query_run(&sort->ties, args, page->page_size + 1,
						add_video, page);
	if (!page->more)
		(void) vv_query_run(&sort->rest, args, page->page_size + 1 - page->n,
							add_video, page);
}

/*
 * Whether a cursor's key can be one of this order. No video has the key NaN.
 */
static bool
valid_key(const FeedSort *sort, int64 key)
{
	if (sort->moves || sort->rest.argtypes[1] == FLOAT8OID)
		return !isnan(DatumGetFloat8(Int64GetDatum(key)));
	return true;
}

static void
write_page(FeedSort *sort, text *region, const VvFeedFacts *facts,
		   const VvFeedCursor *after, FeedPage *page)
{
	StringInfo	out = page->out;

	appendStringInfoChar(out, '{');
	vv_json_key(out, "region");
	vv_json_text(out, VARDATA_ANY(region), VARSIZE_ANY_EXHDR(region));
	vv_json_key(out, "region_name");
	vv_json_text(out, facts->region_name, strlen(facts->region_name));
	vv_json_key(out, "videos");
	appendStringInfoChar(out, '[');
	vv_region_lookup_begin(&page->regions);
	if (sort->moves)
		write_trending(region, page->as_of, after, page);
	else
		write_videos(sort, region, after, page);
	vv_region_lookup_end(&page->regions);
	appendStringInfoChar(out, ']');
	vv_json_key(out, "total");
	vv_json_int(out, page->n);
	vv_json_key(out, "sort");
	vv_json_text(out, sort->name, strlen(sort->name));
	if (sort->moves)
	{
		vv_json_key(out, "as_of");
		vv_json_timestamptz(out, page->as_of);
	}
	vv_json_key(out, "next_cursor");
	if (page->more)
		appendStringInfo(out, "\"%s\"",
						 vv_cursor_encode(text_to_cstring(region), sort->name,
										  &page->last));
	else
		appendStringInfoString(out, "null");
	appendStringInfoChar(out, '}');
}

static bool
write_feed(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	text	   *region = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	int			page_size = PG_ARGISNULL(1) ? VV_DEFAULT_PAGE_SIZE : PG_GETARG_INT32(1);
	VvFeedFacts facts;
	FeedPage	page = {.context = CurrentMemoryContext, .out = out};
	FeedSort   *sort;
	VvFeedCursor after;
	bool		has_cursor = !PG_ARGISNULL(3);
	int			step = 0;

	vv_feed_facts(region, reply, &facts);
	if (page_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid page_size %d", page_size),
				 errhint("A page has from 1 to %d videos.",
						 facts.page_limit)));
	sort = find_sort(PG_ARGISNULL(2) ? facts.default_sort :
					 text_to_cstring(PG_GETARG_TEXT_PP(2)));
	if (has_cursor &&
		(!vv_cursor_decode(PG_GETARG_TEXT_PP(3), text_to_cstring(region),
						   sort->name, &after) ||
		 !valid_key(sort, after.key)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cursor"),
				 errhint("Pass the next_cursor of a page with the same region and sort.")));

	/* a cursor brings its instant along */
	page.as_of = has_cursor ? after.as_of : vv_feed_clock(&facts);
	page.page_size = Min(page_size, facts.page_limit);
	if (sort->moves && !has_cursor)
		step = vv_moving_step(facts.max_age);
	if (vv_reply_is_known(reply, facts.max_age, step, page.as_of))
		return true;
	write_page(sort, region, &facts, has_cursor ? &after : NULL, &page);
	return true;
}

static const VvReplier trending = {
	.name = "vvault_trending",
	.source = &vv_feeds,
	.nargs = 4,
	.argtypes = {TEXTOID, INT4OID, TEXTOID, TEXTOID},
	.scope_arg = 1,
	.write = write_feed,
};

/*
 * vvault_trending(region text, page_size int DEFAULT 25,
 *				   sort text DEFAULT NULL, cursor text DEFAULT NULL)
 *	returns json
 *
 * One page of a region's feed. page_size 1 and up, cut to the page limit; a
 * NULL page_size, sort or cursor is the default. 22023 for an invalid region,
 * page_size, sort or cursor. Source: vvault.videos and vvault.video_regions.
 */
Datum
vvault_trending(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &trending);
}
