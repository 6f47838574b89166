/*-------------------------------------------------------------------------
 *
 * threshold.c
 *		The top of an order that moves with the clock, without sorting it.
 *
 * A trending score is a sum of two parts: one that stands still, kept in
 * videos.trending_base, and one that only falls with age. Each part has an
 * index in its own order, and both are read from the top, in turn. Whatever
 * neither scan has reached yet scores at most what a video would with the
 * last part seen in each: the threshold. Once enough videos are above it, no
 * other video can be among them. This is Fagin, Lotem and Naor's threshold
 * algorithm (2001); it is exact, and its worst case, where the two orders
 * oppose each other, reads every charted video of the region twice.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/threshold.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/query.h"
#include "feed/columns.h"
#include "score/score.h"

#define FETCH_ROWS	32

#define CHART_SQL \
	"FROM vvault.videos v WHERE v.region OPERATOR(pg_catalog.=) $1" \
	" AND v.charted AND NOT v.behind AND NOT v.behind_in_category" \
	VV_NOT_GONE VV_BEGUN
#define BEHIND_SQL(marks) \
	" UNION ALL SELECT v.*, v.ctid FROM vvault.videos v" \
	" WHERE v.region OPERATOR(pg_catalog.=) $1 AND v.charted AND " marks \
	VV_NOT_GONE VV_BEGUN

/* The same and what is behind, side by side. */
#define CROWDED_SQL \
	"FROM (SELECT v.*, v.ctid " CHART_SQL \
	BEHIND_SQL("v.behind AND NOT v.behind_in_category") \
	BEHIND_SQL("NOT v.behind AND v.behind_in_category") \
	BEHIND_SQL("v.behind AND v.behind_in_category") ") v"

#define SCAN_QUERY(key, rows) { \
		.sql = "SELECT v.video_id, v.trending_base," \
		" coalesce(v.published_at, v.first_seen_at), v.ctid " rows \
		" ORDER BY " key " DESC, v.video_id", \
		.nargs = 1, .argtypes = {TEXTOID}, .index_order = true, \
	}

/* By each part, of a chart without crowds and of one with them */
static VvQuery base_queries[2] = {
	SCAN_QUERY("v.trending_base", CHART_SQL),
	SCAN_QUERY("v.trending_base", CROWDED_SQL)
};

static VvQuery time_queries[2] = {
	SCAN_QUERY("coalesce(v.published_at, v.first_seen_at)", CHART_SQL),
	SCAN_QUERY("coalesce(v.published_at, v.first_seen_at)", CROWDED_SQL)
};

/* What both scans know of a video. */
typedef struct Candidate
{
	char	   *video_id;
	double		base;
	TimestampTz published_at;
	ItemPointerData place;
} Candidate;

/* One ordered scan, read in small batches. */
typedef struct OrderedScan
{
	Portal		portal;
	SPITupleTable *batch;
	uint64		nbatch;
	uint64		next;
	bool		started;		/* whether last is set */
	Candidate	last;			/* the last one read */
} OrderedScan;

/* The best videos so far, best first. */
typedef struct TopVideos
{
	MemoryContext context;
	VvScoredVideo *videos;
	int			n;
	int			limit;
} TopVideos;

/* Whether a is shown before b. */
static bool
ranks_before(double a_score, const char *a_id,
			 double b_score, const char *b_id)
{
	if (a_score != b_score)
		return a_score > b_score;
	return strcmp(a_id, b_id) < 0;
}

/*
 * Put a video where it belongs among the top, if it belongs there; the last
 * one may drop out.
 */
static void
consider(TopVideos *top, double score, const Candidate *candidate)
{
	const char *video_id = candidate->video_id;
	int			place = top->n;
	MemoryContext old;

	while (place > 0 &&
		   ranks_before(score, video_id, top->videos[place - 1].score,
						top->videos[place - 1].video_id))
		place--;
	if (place == top->limit)
		return;
	if (top->n == top->limit)
		pfree(top->videos[--top->n].video_id);
	memmove(&top->videos[place + 1], &top->videos[place],
			sizeof(VvScoredVideo) * (top->n - place));
	old = MemoryContextSwitchTo(top->context);
	top->videos[place].score = score;
	top->videos[place].video_id = pstrdup(video_id);
	top->videos[place].place = candidate->place;
	top->n++;
	MemoryContextSwitchTo(old);
}

/* The next rows of the cursor; the ones before are freed. */
static void
read_batch(OrderedScan *scan)
{
	if (scan->batch != NULL)
		SPI_freetuptable(scan->batch);
	SPI_cursor_fetch(scan->portal, true, FETCH_ROWS);
	scan->batch = SPI_tuptable;
	scan->nbatch = SPI_processed;
	scan->next = 0;
}

/*
 * Reads the next video of a scan; false at its end.
 */
static bool
read_candidate(OrderedScan *scan, Candidate *candidate)
{
	TupleDesc	desc;
	HeapTuple	tuple;
	bool		isnull;

	if (scan->next == scan->nbatch)
	{
		/* a short batch was the last one */
		if (scan->batch != NULL && scan->nbatch < FETCH_ROWS)
			return false;
		read_batch(scan);
		if (scan->nbatch == 0)
			return false;
	}
	desc = scan->batch->tupdesc;
	tuple = scan->batch->vals[scan->next++];
	candidate->video_id =
		TextDatumGetCString(SPI_getbinval(tuple, desc, 1, &isnull));
	candidate->base =
		DatumGetFloat8(SPI_getbinval(tuple, desc, 2, &isnull));
	candidate->published_at =
		DatumGetTimestampTz(SPI_getbinval(tuple, desc, 3, &isnull));
	candidate->place = *(ItemPointer)
		DatumGetPointer(SPI_getbinval(tuple, desc, 4, &isnull));
	if (scan->started)
		pfree(scan->last.video_id);
	scan->last = *candidate;
	scan->started = true;
	return true;
}

/* Whether the scan by base has passed this video. */
static bool
seen_by_base(const OrderedScan *scan, const Candidate *candidate)
{
	return scan->started &&
		!ranks_before(scan->last.base, scan->last.video_id,
					  candidate->base, candidate->video_id);
}

/* Whether the scan by time has passed this video. */
static bool
seen_by_time(const OrderedScan *scan, const Candidate *candidate)
{
	if (!scan->started)
		return false;
	if (candidate->published_at != scan->last.published_at)
		return candidate->published_at > scan->last.published_at;
	return strcmp(candidate->video_id, scan->last.video_id) <= 0;
}

/* The candidate's trending score at that instant. */
static double
score_of(const Candidate *candidate, TimestampTz as_of)
{
	return candidate->base +
		vv_trending_recency(candidate->published_at, as_of);
}

/*
 * The best videos of a region by trending score as of an instant: at most
 * limit of them, best first, those behind the given one where it is not NULL.
 * crowded is whether a crowd is in the chart.
 * The caller is connected to SPI.
 */
VvScoredVideo *
vv_top_trending(text *region, bool crowded, TimestampTz as_of,
				const VvScoredVideo *after, int limit, int *nfound)
{
	TopVideos	top = {.context = CurrentMemoryContext, .limit = limit};
	OrderedScan scans[2] = {{0}};
	Datum		args[1] = {PointerGetDatum(region)};
	bool		more = true;

	top.videos = palloc(sizeof(VvScoredVideo) * (limit + 1));
	scans[0].portal = vv_query_open(&base_queries[crowded], args);
	scans[1].portal = vv_query_open(&time_queries[crowded], args);

	while (more)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < 2 && more; i++)
		{
			Candidate	candidate;
			double		score;

			/* the end of either scan means that every video was seen */
			more = read_candidate(&scans[i], &candidate);
			if (!more)
				break;
			if (i == 0 ? seen_by_time(&scans[1], &candidate) :
				seen_by_base(&scans[0], &candidate))
				continue;
			score = score_of(&candidate, as_of);
			if (after != NULL &&
				!ranks_before(after->score, after->video_id,
							  score, candidate.video_id))
				continue;
			consider(&top, score, &candidate);
		}
		if (more && top.n == limit &&
			top.videos[limit - 1].score > scans[0].last.base +
			vv_trending_recency(scans[1].last.published_at, as_of))
			break;
	}

	for (int i = 0; i < 2; i++)
	{
		if (scans[i].batch != NULL)
			SPI_freetuptable(scans[i].batch);
		SPI_cursor_close(scans[i].portal);
	}
	*nfound = top.n;
	return top.videos;
}
