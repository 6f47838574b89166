/*-------------------------------------------------------------------------
 *
 * auc.c
 *		The aggregate vvault_auc: how well a score tells the rows that have a
 *		label from those that have not.
 *
 * It is the probability that a random positive row scores above a random
 * negative one, ties counting half: the rank-sum statistic of Mann and
 * Whitney over the number of pairs.  The state keeps the scores of either
 * label; the final function sorts copies of them and counts pairs in exact
 * 128-bit integers, ties twice a half.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "score/aggstate.h"

#define AGGREGATE_NAME "vvault_auc"

#define INITIAL_SCORES 64

/* A growing list of scores. */
typedef struct ScoreList
{
	int64		n;
	int64		allocated;
	double	   *values;
} ScoreList;

typedef struct AucState
{
	ScoreList	positive;
	ScoreList	negative;
} AucState;

/* NaN is equal to itself and above all numbers, as ORDER BY has it. */
#define ST_SORT sort_scores
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) \
	((int) float8_gt(*(a), *(b)) - (int) float8_lt(*(a), *(b)))
#define ST_SCOPE static
#define ST_DECLARE
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

PG_FUNCTION_INFO_V1(vvault_auc_accum);
PG_FUNCTION_INFO_V1(vvault_auc_combine);
PG_FUNCTION_INFO_V1(vvault_auc_serialize);
PG_FUNCTION_INFO_V1(vvault_auc_deserialize);
PG_FUNCTION_INFO_V1(vvault_auc_final);

/*
 * Make room for so many more scores; a list's memory at least doubles.
 */
static void
reserve_scores(ScoreList *list, MemoryContext context, int64 more)
{
	int64		needed = list->n + more;
	int64		allocated = Max(list->allocated * 2, INITIAL_SCORES);

	if (needed <= list->allocated)
		return;
	allocated = Max(allocated, needed);
	if (list->values == NULL)
		list->values = MemoryContextAllocHuge(context,
											  allocated * sizeof(double));
	else
		list->values = repalloc_huge(list->values,
									 allocated * sizeof(double));
	list->allocated = allocated;
}

/*
 * Append the scores of another list.
 */
static void
append_scores(ScoreList *list, MemoryContext context, const ScoreList *other)
{
	if (other->n == 0)
		return;
	reserve_scores(list, context, other->n);
	memcpy(list->values + list->n, other->values, other->n * sizeof(double));
	list->n += other->n;
}

/*
 * vvault.auc_accum(internal, float8, boolean) returns internal
 *
 * Keeps a score.  NULL: a row with a NULL is skipped.
 */
Datum
vvault_auc_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	AucState   *state = VV_STATE_ARG(0);

	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(AucState));

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		bool		label = PG_GETARG_BOOL(2);
		ScoreList  *list = label ? &state->positive : &state->negative;

		reserve_scores(list, context, 1);
		list->values[list->n++] = PG_GETARG_FLOAT8(1);
	}
	PG_RETURN_POINTER(state);
}

/*
 * vvault.auc_combine(internal, internal) returns internal
 *
 * Takes in the scores of another part of the rows.
 */
Datum
vvault_auc_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	AucState   *state = VV_STATE_ARG(0);
	AucState   *other = VV_STATE_ARG(1);

	if (other != NULL)
	{
		if (state == NULL)
			state = MemoryContextAllocZero(context, sizeof(AucState));
		append_scores(&state->positive, context, &other->positive);
		append_scores(&state->negative, context, &other->negative);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* The number of scores, then each. */
static void
send_scores(StringInfo buf, const ScoreList *list)
{
	pq_sendint64(buf, list->n);
	for (int64 i = 0; i < list->n; i++)
		pq_sendfloat8(buf, list->values[i]);
}

/*
 * What send_scores() wrote; an error if it is more than there are bytes for.
 */
static void
get_scores(StringInfo buf, ScoreList *list)
{
	int64		n = pq_getmsgint64(buf);
	int64		left = (buf->len - buf->cursor) / (int64) sizeof(double);

	/* before memory is taken for them */
	vv_require_state(n >= 0 && n <= left, AGGREGATE_NAME);
	reserve_scores(list, CurrentMemoryContext, n);
	for (int64 i = 0; i < n; i++)
		list->values[i] = pq_getmsgfloat8(buf);
	list->n = n;
}

/*
 * vvault.auc_serialize(internal) returns bytea
 *
 * Errors: 54000 for more than some 130 million scores.
 */
Datum
vvault_auc_serialize(PG_FUNCTION_ARGS)
{
	AucState   *state = (AucState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	pq_begintypsend(&buf);
	send_scores(&buf, &state->positive);
	send_scores(&buf, &state->negative);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * vvault.auc_deserialize(bytea, internal) returns internal
 *
 * Errors: 22P03 or 08P01 for bytes that are no state.
 */
Datum
vvault_auc_deserialize(PG_FUNCTION_ARGS)
{
	AucState   *state;
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	vv_read_state(&buf, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(AucState));
	get_scores(&buf, &state->positive);
	get_scores(&buf, &state->negative);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/*
 * A sorted copy of a list, which itself stays as it is: a window function may
 * go on with it.
 */
static double *
sorted_copy(const ScoreList *list)
{
	double	   *values;

	values = MemoryContextAllocHuge(CurrentMemoryContext,
									list->n * sizeof(double));
	memcpy(values, list->values, list->n * sizeof(double));
	sort_scores(values, list->n);
	return values;
}

/*
 * Twice the number of pairs in which the positive row scores higher, a tie
 * counting half.
 */
static INT128
count_pairs(const double *positive, int64 positives,
			const double *negative, int64 negatives)
{
	INT128		pairs = int64_to_int128(0);
	int64		below = 0;		/* negatives under the positive at hand */
	int64		not_above = 0;	/* and those not over it */

	for (int64 i = 0; i < positives; i++)
	{
		while (below < negatives && float8_lt(negative[below], positive[i]))
			below++;
		not_above = Max(not_above, below);
		while (not_above < negatives &&
			   float8_le(negative[not_above], positive[i]))
			not_above++;
		int128_add_int64(&pairs, below);
		int128_add_int64(&pairs, not_above);
	}
	return pairs;
}

/*
 * vvault.auc_final(internal) returns float8
 *
 * From 0 to 1, 0.5 for a score that tells nothing.  NULL when one of the
 * labels has no row.
 */
Datum
vvault_auc_final(PG_FUNCTION_ARGS)
{
	AucState   *state = VV_STATE_ARG(0);
	INT128		all = int64_to_int128(0);
	INT128		pairs;
	double	   *positive;
	double	   *negative;

	if (state == NULL || state->positive.n == 0 || state->negative.n == 0)
		PG_RETURN_NULL();

	positive = sorted_copy(&state->positive);
	negative = sorted_copy(&state->negative);
	pairs = count_pairs(positive, state->positive.n,
						negative, state->negative.n);
	pfree(positive);
	pfree(negative);

	int128_add_int64_mul_int64(&all, state->positive.n, 2 * state->negative.n);
	PG_RETURN_FLOAT8(vv_int128_to_double(pairs) / vv_int128_to_double(all));
}
