/*-------------------------------------------------------------------------
 *
 * engagement.c
 *		Engagement rates, view velocity, and the aggregate vvault_engagement.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "libpq/pqformat.h"
#include "utils/timestamp.h"

#include "score/aggstate.h"
#include "score/score.h"

#define AGGREGATE_NAME "vvault_engagement"

/* The sums behind a pooled rate; the number of rows tells none from zero. */
typedef struct EngagementState
{
	int64		rows;
	INT128		likes;
	INT128		views;
} EngagementState;

PG_FUNCTION_INFO_V1(vvault_engagement_rate);
PG_FUNCTION_INFO_V1(vvault_weighted_engagement);
PG_FUNCTION_INFO_V1(vvault_view_velocity);
PG_FUNCTION_INFO_V1(vvault_engagement_accum);
PG_FUNCTION_INFO_V1(vvault_engagement_accum_inv);
PG_FUNCTION_INFO_V1(vvault_engagement_combine);
PG_FUNCTION_INFO_V1(vvault_engagement_serialize);
PG_FUNCTION_INFO_V1(vvault_engagement_deserialize);
PG_FUNCTION_INFO_V1(vvault_engagement_final);

/*
 * Raise 22023 for a count below zero.
 */
void
vv_reject_negative(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not be negative", name),
			 errhint("Counts start at zero; a count that is not known is NULL.")));
}

/*
 * Likes per hundred views; 0 without views.
 */
double
vv_engagement_rate(int64 likes, int64 views)
{
	if (views == 0)
		return 0.0;
	return (double) likes / (double) views * 100.0;
}

/*
 * Likes and twice the comments per hundred views, as the scores count
 * engagement.  One unknown count of the two is taken as 0; NULL when both are
 * unknown, or the views.  0 without views.
 */
VvMeasure
vv_weighted_engagement(VvCount likes, VvCount comments, VvCount views)
{
	VvMeasure	result = {0.0, false};
	double		reactions = 0.0;

	if (views.isnull || (likes.isnull && comments.isnull))
	{
		result.isnull = true;
		return result;
	}
	if (views.value == 0)
		return result;

	/* in doubles: twice a count may not fit into 64 bits */
	if (!likes.isnull)
		reactions += (double) likes.value;
	if (!comments.isnull)
		reactions += 2.0 * (double) comments.value;
	result.value = reactions / (double) views.value * 100.0;
	return result;
}

/*
 * Views gained per hour; 0 when none were gained, and when no time or an
 * infinite time passed.  Finite for all counts: two int8 values are less than
 * 2^64 apart.
 */
double
vv_view_velocity(int64 views, int64 views_before, double elapsed_usec)
{
	uint64		gained;

	if (views <= views_before || elapsed_usec <= 0.0)
		return 0.0;
	gained = (uint64) views - (uint64) views_before;
	return (double) gained * (double) USECS_PER_HOUR / elapsed_usec;
}

/*
 * vvault_engagement_rate(likes bigint, views bigint) returns float8
 *
 * Likes per hundred views, in percent; 0 when views = 0.
 * NULL: strict.  Errors: 22023 for a negative count.
 * Source: the site's published formula.
 */
Datum
vvault_engagement_rate(PG_FUNCTION_ARGS)
{
	int64		likes = PG_GETARG_INT64(0);
	int64		views = PG_GETARG_INT64(1);

	vv_check_count("likes", likes);
	vv_check_count("views", views);
	PG_RETURN_FLOAT8(vv_engagement_rate(likes, views));
}

/*
 * A count argument that may be NULL; 22023 when it is negative.
 */
VvCount
vv_count_arg(FunctionCallInfo fcinfo, int n, const char *name)
{
	VvCount		count = {0, true};

	if (!PG_ARGISNULL(n))
	{
		count.value = PG_GETARG_INT64(n);
		count.isnull = false;
		vv_check_count(name, count.value);
	}
	return count;
}

/*
 * vvault.weighted_engagement(likes bigint, comments bigint, views bigint)
 *		returns float8
 *
 * (likes + 2 * comments) / views * 100, in percent; 0 when views = 0.
 * NULL: one of likes and comments counts as 0, both of them or views give
 * NULL.  Errors: 22023 for a negative count.
 * Source: the site's published formula.
 */
Datum
vvault_weighted_engagement(PG_FUNCTION_ARGS)
{
	VvMeasure	result;

	result = vv_weighted_engagement(vv_count_arg(fcinfo, 0, "likes"),
									vv_count_arg(fcinfo, 1, "comments"),
									vv_count_arg(fcinfo, 2, "views"));
	if (result.isnull)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result.value);
}

/*
 * vvault_view_velocity(views bigint, views_before bigint, elapsed interval)
 *		returns float8
 *
 * Views gained per hour, never negative; 0 when elapsed is zero, negative or
 * infinite.  A day of the interval counts 24 hours and a month 30 days.
 * NULL: strict.  Errors: none, for any counts.
 * Source: the site's published formula.
 */
Datum
vvault_view_velocity(PG_FUNCTION_ARGS)
{
	double		elapsed_usec = vv_interval_usec(PG_GETARG_INTERVAL_P(2));

	PG_RETURN_FLOAT8(vv_view_velocity(PG_GETARG_INT64(0), PG_GETARG_INT64(1),
									  elapsed_usec));
}

/*
 * vvault.engagement_accum(internal, bigint, bigint) returns internal
 *
 * Adds a row to the sums.  NULL: a row with a NULL count is skipped.
 * Errors: 22023 for a negative count.
 */
Datum
vvault_engagement_accum(PG_FUNCTION_ARGS)
{
	EngagementState *state = VV_STATE_ARG(0);

	if (state == NULL)
		state = MemoryContextAllocZero(vv_agg_context(fcinfo),
									   sizeof(EngagementState));

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		int64		likes = PG_GETARG_INT64(1);
		int64		views = PG_GETARG_INT64(2);

		vv_check_count("likes", likes);
		vv_check_count("views", views);
		state->rows++;
		int128_add_int64(&state->likes, likes);
		int128_add_int64(&state->views, views);
	}
	PG_RETURN_POINTER(state);
}

/*
 * vvault.engagement_accum_inv(internal, bigint, bigint) returns internal
 *
 * Takes a row that has left the window frame out of the sums again.
 */
Datum
vvault_engagement_accum_inv(PG_FUNCTION_ARGS)
{
	EngagementState *state = VV_STATE_ARG(0);

	if (state == NULL)
		elog(ERROR, "inverse transition without a state");

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		state->rows--;
		int128_add_int64(&state->likes, -PG_GETARG_INT64(1));
		int128_add_int64(&state->views, -PG_GETARG_INT64(2));
	}
	PG_RETURN_POINTER(state);
}

/*
 * vvault.engagement_combine(internal, internal) returns internal
 *
 * Adds the sums of another part of the rows.
 */
Datum
vvault_engagement_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	EngagementState *state = VV_STATE_ARG(0);
	EngagementState *other = VV_STATE_ARG(1);

	if (other != NULL)
	{
		if (state == NULL)
			state = MemoryContextAllocZero(context, sizeof(EngagementState));
		state->rows += other->rows;
		vv_int128_add(&state->likes, other->likes);
		vv_int128_add(&state->views, other->views);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/*
 * vvault.engagement_serialize(internal) returns bytea
 */
Datum
vvault_engagement_serialize(PG_FUNCTION_ARGS)
{
	EngagementState *state = (EngagementState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->rows);
	vv_send_int128(&buf, state->likes);
	vv_send_int128(&buf, state->views);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * vvault.engagement_deserialize(bytea, internal) returns internal
 *
 * Errors: 22P03 or 08P01 for bytes that are no state.
 */
Datum
vvault_engagement_deserialize(PG_FUNCTION_ARGS)
{
	EngagementState *state;
	StringInfoData buf;
	int64		rows;

	(void) vv_agg_context(fcinfo);
	vv_read_state(&buf, PG_GETARG_BYTEA_PP(0));
	state = palloc(sizeof(EngagementState));
	state->rows = pq_getmsgint64(&buf);
	state->likes = vv_get_int128(&buf);
	state->views = vv_get_int128(&buf);
	pq_getmsgend(&buf);

	rows = state->rows;
	vv_require_state(rows >= 0 &&
					 vv_int128_within(state->likes, rows, PG_INT64_MAX) &&
					 vv_int128_within(state->views, rows, PG_INT64_MAX),
					 AGGREGATE_NAME);
	PG_RETURN_POINTER(state);
}

/*
 * vvault.engagement_final(internal) returns float8
 *
 * The pooled rate in percent.  NULL when no row had both counts; 0 when all
 * views are 0.
 */
Datum
vvault_engagement_final(PG_FUNCTION_ARGS)
{
	EngagementState *state = VV_STATE_ARG(0);
	double		views;

	if (state == NULL || state->rows == 0)
		PG_RETURN_NULL();
	views = vv_int128_to_double(state->views);
	if (views == 0.0)
		PG_RETURN_FLOAT8(0.0);
	PG_RETURN_FLOAT8(vv_int128_to_double(state->likes) / views * 100.0);
}
