/*-------------------------------------------------------------------------
 *
 * virality.c
 *		The virality score and the aggregate vvault_virality, which takes it
 *		from the snapshots of one video.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "score/aggstate.h"
#include "score/score.h"

#define AGGREGATE_NAME "vvault_virality"

/* One snapshot of a video. */
typedef struct Observation
{
	TimestampTz fetched_at;
	int64		views;
	VvCount		likes;
	VvCount		comments;
} Observation;

/* What is kept of a snapshot that velocity may be measured against. */
typedef struct Earlier
{
	TimestampTz fetched_at;
	int64		views;
} Earlier;

/*
 * The latest snapshot, and those before it that may be the base of its
 * velocity or of that of one still to come: any in the last VV_RATE_MIN_SPAN,
 * and the newest of the older ones.  They come in any order and are thrown out
 * from time to time; nothing older than "floor" need be kept.
 */
typedef struct ViralityState
{
	MemoryContext context;		/* it lies in */
	VvMeasure	velocity_baseline;
	VvMeasure	engagement_baseline;
	Observation latest;
	TimestampTz floor;
	int64		nearlier;
	int64		capacity;
	Earlier    *earlier;
} ViralityState;

PG_FUNCTION_INFO_V1(vvault_virality_score);
PG_FUNCTION_INFO_V1(vvault_virality_accum);
PG_FUNCTION_INFO_V1(vvault_virality_combine);
PG_FUNCTION_INFO_V1(vvault_virality_serialize);
PG_FUNCTION_INFO_V1(vvault_virality_deserialize);
PG_FUNCTION_INFO_V1(vvault_virality_final);

/*
 * Add one part of the score, with its weight in percent, unless unknown.
 */
static void
add_part(double *sum, double *weights, double weight, VvMeasure part)
{
	if (part.isnull)
		return;
	*sum += weight * part.value;
	*weights += weight;
}

/*
 * A figure relative to its baseline: 100 at the baseline and above.
 */
static VvMeasure
relative_part(VvMeasure figure, double baseline)
{
	if (!figure.isnull)
		figure.value = fmin(100.0, 100.0 * figure.value / baseline);
	return figure;
}

/*
 * The virality score, 0 to 100: 35 % velocity, 25 % engagement, 25 % shares
 * and 15 % sentiment.  An unknown part drops out and the other weights scale
 * up to 1; NULL when all are unknown.  Figures are from 0, share_score and
 * sentiment_score up to 100, baselines finite and above 0: the caller sees to
 * that.
 */
VvMeasure
vv_virality_score(VvMeasure velocity, VvMeasure engagement,
				  double velocity_baseline, double engagement_baseline,
				  VvMeasure share_score, VvMeasure sentiment_score)
{
	VvMeasure	result = {0.0, true};
	double		sum = 0.0;
	double		weights = 0.0;

	/* whole percents: parts of 100 make exactly 100, whichever are known */
	add_part(&sum, &weights, 35.0, relative_part(velocity, velocity_baseline));
	add_part(&sum, &weights, 25.0,
			 relative_part(engagement, engagement_baseline));
	add_part(&sum, &weights, 25.0, share_score);
	add_part(&sum, &weights, 15.0, sentiment_score);

	if (weights > 0.0)
	{
		result.value = sum / weights;
		result.isnull = false;
	}
	return result;
}

/*
 * A float8 argument that may be NULL.
 */
static VvMeasure
measure_arg(FunctionCallInfo fcinfo, int n)
{
	VvMeasure	measure = {0.0, true};

	if (!PG_ARGISNULL(n))
	{
		measure.value = PG_GETARG_FLOAT8(n);
		measure.isnull = false;
	}
	return measure;
}

/*
 * Raise 22023 unless a part is unknown or from 0 to largest.
 */
static void
check_part(const char *name, VvMeasure part, double largest)
{
	if (part.isnull || (part.value >= 0.0 && part.value <= largest))
		return;
	if (isinf(largest))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative or NaN", name),
				 errhint("Pass NULL for a part that is not known.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be between 0 and %g", name, largest),
			 errhint("Pass NULL for a part that is not known.")));
}

/*
 * Raise 22023 unless the baseline of a known part is finite and above 0.
 */
static void
check_baseline(const char *name, VvMeasure part, VvMeasure baseline)
{
	if (part.isnull)
		return;
	if (baseline.isnull || !isfinite(baseline.value) || baseline.value <= 0.0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number above 0", name),
				 errhint("Pass the baseline of the video's region, or NULL for the part.")));
}

/*
 * The virality score with its baselines checked.
 */
static Datum
checked_virality_score(FunctionCallInfo fcinfo, VvMeasure velocity,
					   VvMeasure engagement, VvMeasure velocity_baseline,
					   VvMeasure engagement_baseline, VvMeasure share_score,
					   VvMeasure sentiment_score)
{
	VvMeasure	score;

	check_baseline("velocity_baseline", velocity, velocity_baseline);
	check_baseline("engagement_baseline", engagement, engagement_baseline);
	score = vv_virality_score(velocity, engagement, velocity_baseline.value,
							  engagement_baseline.value, share_score,
							  sentiment_score);
	if (score.isnull)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(score.value);
}

/*
 * vvault_virality_score(velocity float8, engagement float8,
 *		velocity_baseline float8, engagement_baseline float8,
 *		share_score float8, sentiment_score float8) returns float8
 *
 * Virality, 0 to 100.  Velocity in views per hour and engagement in percent,
 * each with its baseline in the same unit; share_score and sentiment_score
 * from 0 to 100.
 * NULL: a NULL part drops out, all NULL give NULL.
 * Errors: 22023 for a part out of its range (an infinite velocity or
 * engagement counts 100), or a part whose baseline is not finite and above 0.
 * Source: the site's published formula.
 */
Datum
vvault_virality_score(PG_FUNCTION_ARGS)
{
	VvMeasure	velocity = measure_arg(fcinfo, 0);
	VvMeasure	engagement = measure_arg(fcinfo, 1);
	VvMeasure	share_score = measure_arg(fcinfo, 4);
	VvMeasure	sentiment_score = measure_arg(fcinfo, 5);

	check_part("velocity", velocity, get_float8_infinity());
	check_part("engagement", engagement, get_float8_infinity());
	check_part("share_score", share_score, 100.0);
	check_part("sentiment_score", sentiment_score, 100.0);
	return checked_virality_score(fcinfo, velocity, engagement,
								  measure_arg(fcinfo, 2),
								  measure_arg(fcinfo, 3),
								  share_score, sentiment_score);
}

/*
 * Order of two counts, an unknown one below all known.
 */
static int
compare_counts(VvCount a, VvCount b)
{
	if (a.isnull || b.isnull)
		return (int) b.isnull - (int) a.isnull;
	return (a.value > b.value) - (a.value < b.value);
}

/*
 * Of two snapshots at the same time, the one that wins: the larger by views,
 * then likes, then comments, so that their order never matters.
 */
static bool
observation_wins(const Observation *a, const Observation *b)
{
	int			order;

	if (a->views != b->views)
		return a->views > b->views;
	order = compare_counts(a->likes, b->likes);
	if (order == 0)
		order = compare_counts(a->comments, b->comments);
	return order > 0;
}

/*
 * The last instant at which a snapshot is old enough to measure one at "at"
 * against.
 */
static TimestampTz
old_enough(TimestampTz at)
{
	if (TIMESTAMP_IS_NOEND(at))
		return at - 1;
	if (at < DT_NOBEGIN + VV_RATE_MIN_SPAN)
		return DT_NOBEGIN;
	return at - VV_RATE_MIN_SPAN;
}

/*
 * By time; of equal times the larger views first, as they count.
 */
static int
compare_earlier(const void *a, const void *b)
{
	const Earlier *x = (const Earlier *) a;
	const Earlier *y = (const Earlier *) b;

	if (x->fetched_at != y->fetched_at)
		return x->fetched_at < y->fetched_at ? -1 : 1;
	return (x->views < y->views) - (x->views > y->views);
}

/*
 * Put the earlier snapshots in order and throw out what can be no base.
 */
static void
tidy(ViralityState *state)
{
	TimestampTz limit = old_enough(state->latest.fetched_at);
	int64		kept = 0;

	if (state->nearlier == 0)
		return;
	qsort(state->earlier, state->nearlier, sizeof(Earlier), compare_earlier);
	for (int64 i = 0; i < state->nearlier; i++)
	{
		Earlier    *earlier = &state->earlier[i];

		if (kept > 0 &&
			earlier->fetched_at == state->earlier[kept - 1].fetched_at)
			continue;
		/* of those that are old enough the newest alone */
		if (earlier->fetched_at <= limit)
			kept = 0;
		state->earlier[kept++] = *earlier;
	}
	state->nearlier = kept;
	if (state->earlier[0].fetched_at <= limit)
		state->floor = state->earlier[0].fetched_at;
}

/*
 * Keep an earlier snapshot.
 */
static void
keep_earlier(ViralityState *state, TimestampTz fetched_at, int64 views)
{
	if (state->nearlier == state->capacity)
	{
		tidy(state);
		if (state->earlier == NULL)
		{
			state->capacity = 4;
			state->earlier =
				MemoryContextAlloc(state->context,
								   state->capacity * sizeof(Earlier));
		}
		else if (state->nearlier > state->capacity / 2)
		{
			state->capacity *= 2;
			state->earlier = repalloc_huge(state->earlier,
										   state->capacity * sizeof(Earlier));
		}
	}
	state->earlier[state->nearlier].fetched_at = fetched_at;
	state->earlier[state->nearlier++].views = views;
}

/*
 * Take a snapshot into the state, if it may count.
 */
static void
observe(ViralityState *state, const Observation *seen)
{
	if (seen->fetched_at > state->latest.fetched_at)
	{
		TimestampTz before = state->latest.fetched_at;

		if (before <= old_enough(seen->fetched_at))
		{
			state->nearlier = 0;
			state->floor = before;
		}
		keep_earlier(state, before, state->latest.views);
		state->latest = *seen;
	}
	else if (seen->fetched_at == state->latest.fetched_at)
	{
		if (observation_wins(seen, &state->latest))
			state->latest = *seen;
	}
	else if (seen->fetched_at >= state->floor)
		keep_earlier(state, seen->fetched_at, seen->views);
}

/*
 * What the latest snapshot is measured against: the newest that is old enough,
 * else the oldest.  NULL where there is no other.
 */
static const Earlier *
velocity_base(const ViralityState *state)
{
	TimestampTz limit = old_enough(state->latest.fetched_at);
	const Earlier *base = NULL;

	for (int64 i = 0; i < state->nearlier; i++)
	{
		const Earlier *other = &state->earlier[i];
		bool		better;

		if (base == NULL)
			better = true;
		else if (other->fetched_at == base->fetched_at)
			better = other->views > base->views;
		else if (base->fetched_at <= limit)
			better = other->fetched_at <= limit &&
				other->fetched_at > base->fetched_at;
		else
			better = other->fetched_at < base->fetched_at;
		if (better)
			base = other;
	}
	return base;
}

/*
 * Raise 22023 when two rows of one aggregate name different baselines.
 */
static void
check_same_baseline(const char *name, VvMeasure a, VvMeasure b)
{
	if (a.isnull == b.isnull && (a.isnull || float8_eq(a.value, b.value)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows of a group", name),
			 errhint("Group by what the baseline depends on, such as the region.")));
}

/*
 * The state with this snapshot and these baselines: a new one, or that given.
 */
static ViralityState *
state_with(MemoryContext context, ViralityState *state,
		   const Observation *seen, VvMeasure velocity_baseline,
		   VvMeasure engagement_baseline)
{
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(ViralityState));
		state->context = context;
		state->velocity_baseline = velocity_baseline;
		state->engagement_baseline = engagement_baseline;
		state->latest = *seen;
		state->floor = DT_NOBEGIN;
		return state;
	}
	check_same_baseline("velocity_baseline", state->velocity_baseline,
						velocity_baseline);
	check_same_baseline("engagement_baseline", state->engagement_baseline,
						engagement_baseline);
	observe(state, seen);
	return state;
}

/*
 * vvault.virality_accum(internal, timestamptz, bigint, bigint, bigint,
 *		float8, float8) returns internal
 *
 * Takes a snapshot into the state.  NULL: a row without fetched_at or views
 * is skipped.  Errors: 22023 for a negative count, or baselines that differ
 * from those of an earlier row.
 */
Datum
vvault_virality_accum(PG_FUNCTION_ARGS)
{
	ViralityState *state = VV_STATE_ARG(0);
	Observation seen;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	seen.fetched_at = PG_GETARG_TIMESTAMPTZ(1);
	seen.views = vv_count_arg(fcinfo, 2, "views").value;
	seen.likes = vv_count_arg(fcinfo, 3, "likes");
	seen.comments = vv_count_arg(fcinfo, 4, "comments");
	state = state_with(vv_agg_context(fcinfo), state, &seen,
					   measure_arg(fcinfo, 5), measure_arg(fcinfo, 6));
	PG_RETURN_POINTER(state);
}

/*
 * vvault.virality_combine(internal, internal) returns internal
 *
 * Takes in the snapshots of another part of the rows.  Errors: 22023 when
 * the baselines of the two differ.
 */
Datum
vvault_virality_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = vv_agg_context(fcinfo);
	ViralityState *state = VV_STATE_ARG(0);
	ViralityState *other = VV_STATE_ARG(1);
	Observation seen = {.likes.isnull = true,.comments.isnull = true};

	if (other != NULL)
	{
		state = state_with(context, state, &other->latest,
						   other->velocity_baseline,
						   other->engagement_baseline);
		for (int64 i = 0; i < other->nearlier; i++)
		{
			seen.fetched_at = other->earlier[i].fetched_at;
			seen.views = other->earlier[i].views;
			observe(state, &seen);
		}
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* A measure that may be NULL. */
static void
send_measure(StringInfo buf, VvMeasure measure)
{
	pq_sendbyte(buf, measure.isnull);
	pq_sendfloat8(buf, measure.value);
}

/* What send_measure() wrote. */
static VvMeasure
get_measure(StringInfo buf)
{
	VvMeasure	measure;

	measure.isnull = vv_get_flag(buf, AGGREGATE_NAME);
	measure.value = pq_getmsgfloat8(buf);
	return measure;
}

/* A count that may be NULL. */
static void
send_count(StringInfo buf, VvCount count)
{
	pq_sendbyte(buf, count.isnull);
	pq_sendint64(buf, count.value);
}

/* What send_count() wrote; an error below 0. */
static VvCount
get_count(StringInfo buf)
{
	VvCount		count;

	count.isnull = vv_get_flag(buf, AGGREGATE_NAME);
	count.value = pq_getmsgint64(buf);
	vv_require_state(count.value >= 0, AGGREGATE_NAME);
	return count;
}

/* One observation, field by field. */
static void
send_observation(StringInfo buf, const Observation *seen)
{
	pq_sendint64(buf, seen->fetched_at);
	pq_sendint64(buf, seen->views);
	send_count(buf, seen->likes);
	send_count(buf, seen->comments);
}

/* What send_observation() wrote. */
static void
get_observation(StringInfo buf, Observation *seen)
{
	seen->fetched_at = pq_getmsgint64(buf);
	seen->views = pq_getmsgint64(buf);
	vv_require_state(seen->views >= 0, AGGREGATE_NAME);
	seen->likes = get_count(buf);
	seen->comments = get_count(buf);
}

/*
 * The earlier snapshots of a state: in order, and before the latest.
 */
static void
get_earlier(StringInfo buf, ViralityState *state)
{
	int64		n = pq_getmsgint64(buf);
	TimestampTz before = 0;

	vv_require_state(n >= 0 && n <= (buf->len - buf->cursor) /
					 (int64) sizeof(Earlier), AGGREGATE_NAME);
	state->floor = DT_NOBEGIN;
	for (int64 i = 0; i < n; i++)
	{
		TimestampTz fetched_at = pq_getmsgint64(buf);
		int64		views = pq_getmsgint64(buf);

		vv_require_state(views >= 0 &&
						 fetched_at < state->latest.fetched_at &&
						 (i == 0 || fetched_at > before),
						 AGGREGATE_NAME);
		keep_earlier(state, fetched_at, views);
		before = fetched_at;
	}
}

/*
 * vvault.virality_serialize(internal) returns bytea
 */
Datum
vvault_virality_serialize(PG_FUNCTION_ARGS)
{
	ViralityState *state = (ViralityState *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	pq_begintypsend(&buf);
	send_measure(&buf, state->velocity_baseline);
	send_measure(&buf, state->engagement_baseline);
	send_observation(&buf, &state->latest);
	tidy(state);
	pq_sendint64(&buf, state->nearlier);
	for (int64 i = 0; i < state->nearlier; i++)
	{
		pq_sendint64(&buf, state->earlier[i].fetched_at);
		pq_sendint64(&buf, state->earlier[i].views);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/*
 * vvault.virality_deserialize(bytea, internal) returns internal
 *
 * Errors: 22P03 or 08P01 for bytes that are no state.
 */
Datum
vvault_virality_deserialize(PG_FUNCTION_ARGS)
{
	ViralityState *state;
	StringInfoData buf;

	(void) vv_agg_context(fcinfo);
	vv_read_state(&buf, PG_GETARG_BYTEA_PP(0));
	state = palloc0(sizeof(ViralityState));
	state->context = CurrentMemoryContext;
	state->velocity_baseline = get_measure(&buf);
	state->engagement_baseline = get_measure(&buf);
	get_observation(&buf, &state->latest);
	get_earlier(&buf, state);
	pq_getmsgend(&buf);
	PG_RETURN_POINTER(state);
}

/*
 * vvault.virality_final(internal) returns float8
 *
 * The virality score of the latest snapshot.  NULL when no row had both a
 * time and views.  Errors: 22023 for a baseline that is needed and not finite
 * and above 0.
 */
Datum
vvault_virality_final(PG_FUNCTION_ARGS)
{
	ViralityState *state = VV_STATE_ARG(0);
	VvMeasure	velocity = {0.0, false};
	VvMeasure	engagement;
	VvMeasure	unknown = {0.0, true};
	VvCount		views = {0, false};
	Observation *latest;
	const Earlier *base;

	if (state == NULL)
		PG_RETURN_NULL();

	latest = &state->latest;
	views.value = latest->views;
	base = velocity_base(state);
	if (base != NULL)
		velocity.value =
			vv_view_velocity(latest->views, base->views,
							 Max(vv_elapsed_usec(base->fetched_at,
												 latest->fetched_at),
								 (double) VV_RATE_MIN_SPAN));
	engagement = vv_weighted_engagement(latest->likes, latest->comments,
										views);
	return checked_virality_score(fcinfo, velocity, engagement,
								  state->velocity_baseline,
								  state->engagement_baseline,
								  unknown, unknown);
}
