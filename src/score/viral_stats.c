/*-------------------------------------------------------------------------
 *
 * viral_stats.c
 *		The aggregate vvault_viral_stats: how many videos, how many of them
 *		viral, their average score and the category most of them are of.
 *
 * Scores are summed as whole millionths of a point in 128 bits: such a sum
 * depends neither on the order of rows nor on rows that came and went, which
 * a sum of floats does.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "libpq/pqformat.h"

#include "score/aggstate.h"
#include "score/score.h"

#define AGGREGATE_NAME "vvault_viral_stats"

/* Columns of the type vvault.viral_stats */
#define STATS_COLUMNS 4

/* How many videos of one category there are. */
typedef struct CategoryCount
{
	int32		category_id;
	char		status;			/* for simplehash */
	int64		videos;
} CategoryCount;

#define SH_PREFIX categories
#define SH_ELEMENT_TYPE CategoryCount
#define SH_KEY_TYPE int32
#define SH_KEY category_id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * The counts so far.  categories is NULL until a row has a category; one that
 * has no row left is deleted.
 */
typedef struct ViralStatsState
{
	int64		total;
	int64		viral;
	int64		scored;			/* rows with a score */
	INT128		score_sum;		/* in 1 / VV_SCORE_SCALE */
	categories_hash *categories;
} ViralStatsState;

PG_FUNCTION_INFO_V1(vvault_viral_stats_accum);
PG_FUNCTION_INFO_V1(vvault_viral_stats_accum_inv);
PG_FUNCTION_INFO_V1(vvault_viral_stats_combine);
PG_FUNCTION_INFO_V1(vvault_viral_stats_serialize);
PG_FUNCTION_INFO_V1(vvault_viral_stats_deserialize);
PG_FUNCTION_INFO_V1(vvault_viral_stats_final);

/*
 * A score of 0 to 100 in whole units of 1 / VV_SCORE_SCALE, halves rounded
 * away from zero.
 */
int64
vv_fixed_score(double score)
{
	return (int64) round(score * (double) VV_SCORE_SCALE);
}

/*
 * Add (or with a negative number take away) videos of a category.
 */
static void
count_category(ViralStatsState *state, MemoryContext context,
			   int32 category_id, int64 videos)
{
	CategoryCount *entry;
	bool		found;

	if (state->categories == NULL)
		state->categories = categories_create(context, 8, NULL);
	entry = categories_insert(state->categories, category_id, &found);
	if (!found)
		entry->videos = 0;
	entry->videos += videos;
	if (entry->videos == 0)
		categories_delete_item(state->categories, entry);
}

/*
 * The score and the threshold of a row, checked; is the row viral?
 */
static bool
viral_row(FunctionCallInfo fcinfo, VvMeasure *score)
{
	double		threshold;

	score->isnull = PG_ARGISNULL(1);
	score->value = score->isnull ? 0.0 : PG_GETARG_FLOAT8(1);
	if (!(score->value >= 0.0 && score->value <= 100.0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score must be between 0 and 100"),
				 errhint("Pass NULL for a score that is not known.")));

	threshold = PG_ARGISNULL(3) ? NAN : PG_GETARG_FLOAT8(3);
	if (isnan(threshold))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("threshold must not be null or NaN"),
				 errhint("The threshold is the score from which a video counts as viral, such as 85.")));

	return !score->isnull && score->value >= threshold;
}

/*
 * Add the row of a transition to the state, sign = 1, or take it out again,
 * sign = -1.
 */
static void
count_row(FunctionCallInfo fcinfo, ViralStatsState *state,
		  MemoryContext context, int sign)
{
	VvMeasure	score;

	if (viral_row(fcinfo, &score))
		state->viral += sign;
	state->total += sign;
	if (!score.isnull)
	{
		state->scored += sign;
		int128_add_int64(&state->score_sum,
						 sign * vv_fixed_score(score.value));
	}
	if (!PG_ARGISNULL(2))
		count_category(state, context, PG_GETARG_INT32(2), sign);
}

/*
 * vvault.viral_stats_accum(internal, float8, integer, float8)
 *		returns internal
 *
 * Counts a row.  NULL: a NULL score counts in total and category only, a NULL
 * category nowhere in the categories.  Errors: 22023 for a score out of
 * 0..100, or a threshold that is NULL or NaN.
 */
Datum
vvault_viral_stats_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	ViralStatsState *state = VV_STATE_ARG(0);

	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(ViralStatsState));
	count_row(fcinfo, state, context, 1);
	PG_RETURN_POINTER(state);
}

/*
 * vvault.viral_stats_accum_inv(internal, float8, integer, float8)
 *		returns internal
 *
 * Takes a row that has left the window frame out of the counts again.
 */
Datum
vvault_viral_stats_accum_inv(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	ViralStatsState *state = VV_STATE_ARG(0);

	if (state == NULL)
		elog(ERROR, "inverse transition without a state");
	count_row(fcinfo, state, context, -1);
	PG_RETURN_POINTER(state);
}

/*
 * vvault.viral_stats_combine(internal, internal) returns internal
 *
 * Adds the counts of another part of the rows.
 */
Datum
vvault_viral_stats_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	ViralStatsState *state = VV_STATE_ARG(0);
	ViralStatsState *other = VV_STATE_ARG(1);

	if (other != NULL)
	{
		if (state == NULL)
			state = MemoryContextAllocZero(context, sizeof(ViralStatsState));
		state->total += other->total;
		state->viral += other->viral;
		state->scored += other->scored;
		vv_int128_add(&state->score_sum, other->score_sum);

		if (other->categories != NULL)
		{
			categories_iterator position;
			CategoryCount *entry;

			categories_start_iterate(other->categories, &position);
			while ((entry = categories_iterate(other->categories,
											   &position)) != NULL)
				count_category(state, context, entry->category_id,
							   entry->videos);
		}
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/*
 * Write the number of categories and each of them.
 */
static void
send_categories(StringInfo buf, categories_hash *categories)
{
	categories_iterator position;
	CategoryCount *entry;

	if (categories == NULL)
	{
		pq_sendint32(buf, 0);
		return;
	}
	pq_sendint32(buf, categories->members);
	categories_start_iterate(categories, &position);
	while ((entry = categories_iterate(categories, &position)) != NULL)
	{
		pq_sendint32(buf, entry->category_id);
		pq_sendint64(buf, entry->videos);
	}
}

/*
 * vvault.viral_stats_serialize(internal) returns bytea
 */
Datum
vvault_viral_stats_serialize(PG_FUNCTION_ARGS)
{
	ViralStatsState *state = (ViralStatsState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->total);
	pq_sendint64(&buf, state->viral);
	pq_sendint64(&buf, state->scored);
	vv_send_int128(&buf, state->score_sum);
	send_categories(&buf, state->categories);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * Read the categories; each comes once, and all together have no more videos
 * than there are.
 */
static void
get_categories(StringInfo buf, ViralStatsState *state)
{
	uint32		n = pq_getmsgint(buf, sizeof(int32));
	int64		left = state->total;

	while (n-- > 0)
	{
		int32		category_id = (int32) pq_getmsgint(buf, sizeof(int32));
		int64		videos = pq_getmsgint64(buf);

		vv_require_state(videos > 0 && videos <= left &&
						 (state->categories == NULL ||
						  categories_lookup(state->categories,
											category_id) == NULL),
						 AGGREGATE_NAME);
		left -= videos;
		count_category(state, CurrentMemoryContext, category_id, videos);
	}
}

/*
 * vvault.viral_stats_deserialize(bytea, internal) returns internal
 *
 * Errors: 22P03 or 08P01 for bytes that are no state.
 */
Datum
vvault_viral_stats_deserialize(PG_FUNCTION_ARGS)
{
	ViralStatsState *state;
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	vv_read_state(&buf, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(ViralStatsState));
	state->total = pq_getmsgint64(&buf);
	state->viral = pq_getmsgint64(&buf);
	state->scored = pq_getmsgint64(&buf);
	state->score_sum = vv_get_int128(&buf);
	vv_require_state(state->viral >= 0 && state->viral <= state->scored &&
					 state->scored <= state->total &&
					 vv_int128_within(state->score_sum, state->scored,
									  100 * VV_SCORE_SCALE),
					 AGGREGATE_NAME);
	get_categories(&buf, state);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/*
 * The category with most videos, of equal ones that with the smallest id;
 * false when no row has a category.
 */
static bool
top_category(ViralStatsState *state, int32 *category_id)
{
	categories_iterator position;
	CategoryCount *entry;
	CategoryCount *top = NULL;

	if (state->categories == NULL)
		return false;
	categories_start_iterate(state->categories, &position);
	while ((entry = categories_iterate(state->categories, &position)) != NULL)
	{
		if (top == NULL || entry->videos > top->videos ||
			(entry->videos == top->videos &&
			 entry->category_id < top->category_id))
			top = entry;
	}
	if (top == NULL)
		return false;
	*category_id = top->category_id;
	return true;
}

/*
 * The row type to return, looked up once per query.
 */
static TupleDesc
stats_tupdesc(FunctionCallInfo fcinfo)
{
	MemoryContext old;
	TupleDesc	tupdesc;

	if (fcinfo->flinfo->fn_extra != NULL)
		return (TupleDesc) fcinfo->flinfo->fn_extra;

	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != STATS_COLUMNS)
		elog(ERROR, "unexpected row type of vvault.viral_stats");
	tupdesc = BlessTupleDesc(tupdesc);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = tupdesc;
	return tupdesc;
}

/*
 * vvault.viral_stats_final(internal) returns vvault.viral_stats
 *
 * (0, 0, NULL, NULL) for no rows.
 */
Datum
vvault_viral_stats_final(PG_FUNCTION_ARGS)
{
	ViralStatsState empty = {0};
	ViralStatsState *state = VV_STATE_ARG(0);
	Datum		values[STATS_COLUMNS] = {0};
	bool		nulls[STATS_COLUMNS] = {false};
	int32		category_id;

	if (state == NULL)
		state = &empty;

	values[0] = Int64GetDatum(state->total);
	values[1] = Int64GetDatum(state->viral);
	nulls[2] = state->scored == 0;
	if (!nulls[2])
		values[2] = Float8GetDatum(vv_int128_to_double(state->score_sum) /
								   ((double) state->scored *
									(double) VV_SCORE_SCALE));
	nulls[3] = !top_category(state, &category_id);
	if (!nulls[3])
		values[3] = Int32GetDatum(category_id);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(stats_tupdesc(fcinfo),
													  values, nulls)));
}
