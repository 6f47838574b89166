/*-------------------------------------------------------------------------
 *
 * trending.c
 *		The trending score, which is taken as of an instant, and the hot
 *		score, which never changes and so can be an index key.
 *
 * These order feeds, so they give a finite number for every input: a count
 * below zero is taken as zero, an infinite timestamp as the end of the
 * calendar.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "utils/timestamp.h"

#include "score/score.h"

/* Hot: seconds of age that ten times the likes make up for */
#define HOT_DECADE			45000.0

PG_FUNCTION_INFO_V1(vvault_trending_score);
PG_FUNCTION_INFO_V1(vvault_trending_base);
PG_FUNCTION_INFO_V1(vvault_hot_score);

/*
 * What recency contributes to the trending score: 25 points at most, halved
 * every 12 hours.
 */
double
vv_trending_recency(TimestampTz published_at, TimestampTz as_of)
{
	return 25.0 * exp2(-vv_age_hours(published_at, as_of) / VV_RECENCY_HALF_LIFE);
}

/*
 * What velocity and engagement contribute, which does not move with the
 * clock: 40 and 35 points at most.  recency is left at 0.
 */
VvTrendingPoints
vv_trending_base(double velocity, VvCount views, VvCount likes,
				 VvCount comments)
{
	VvTrendingPoints points = {0};
	VvMeasure	engagement = vv_weighted_engagement(likes, comments, views);

	points.velocity = 40.0 * Min(1.0, velocity / VV_FULL_VELOCITY);
	if (!engagement.isnull)
		points.engagement = 35.0 * Min(1.0, engagement.value / VV_FULL_ENGAGEMENT);
	return points;
}

/*
 * What velocity, engagement and recency contribute to the trending score.
 * elapsed_usec as vv_view_velocity() has it.
 */
VvTrendingPoints
vv_trending_points(int64 views, int64 views_before, double elapsed_usec,
				   int64 likes, int64 comments, TimestampTz published_at,
				   TimestampTz as_of)
{
	VvTrendingPoints points;
	VvCount		known_views = {Max(views, 0), false};
	VvCount		known_likes = {Max(likes, 0), false};
	VvCount		known_comments = {Max(comments, 0), false};
	double		velocity;

	velocity = vv_view_velocity(known_views.value, Max(views_before, 0),
								elapsed_usec);
	points = vv_trending_base(velocity, known_views, known_likes,
							  known_comments);
	points.recency = vv_trending_recency(published_at, as_of);
	return points;
}

/*
 * The trending score, 0 to 100: the sum of its points.
 */
double
vv_trending_score(int64 views, int64 views_before, double elapsed_usec,
				  int64 likes, int64 comments, TimestampTz published_at,
				  TimestampTz as_of)
{
	VvTrendingPoints points;

	points = vv_trending_points(views, views_before, elapsed_usec, likes,
								comments, published_at, as_of);
	return points.velocity + points.engagement + points.recency;
}

/*
 * The hot score: the decimal logarithm of the likes, at least 1, and the
 * publish time in units of 12.5 hours.  Unknown likes are taken as 1.
 */
double
vv_hot_score(VvCount likes, TimestampTz published_at)
{
	double		order = 0.0;

	if (!likes.isnull && likes.value > 1)
		order = vv_lg((double) likes.value);
	return order + vv_epoch_seconds(published_at) / HOT_DECADE;
}

/*
 * vvault_trending_score(views bigint, views_before bigint, elapsed interval,
 *		likes bigint, comments bigint, published_at timestamptz,
 *		as_of timestamptz) returns float8
 *
 * Trending, 0 to 100, as of an instant.
 * NULL: strict.  Errors: none.
 * Source: the site's published formula.
 */
Datum
vvault_trending_score(PG_FUNCTION_ARGS)
{
	double		elapsed_usec = vv_interval_usec(PG_GETARG_INTERVAL_P(2));

	PG_RETURN_FLOAT8(vv_trending_score(PG_GETARG_INT64(0),
									   PG_GETARG_INT64(1),
									   elapsed_usec,
									   PG_GETARG_INT64(3),
									   PG_GETARG_INT64(4),
									   PG_GETARG_TIMESTAMPTZ(5),
									   PG_GETARG_TIMESTAMPTZ(6)));
}

/*
 * vvault_trending_base(velocity float8, views bigint, likes bigint,
 *		comments bigint) returns float8
 *
 * The part of trending that does not move with the clock, 0 to 75.
 * NULL: see vv_trending_base().  Errors: 22023 for negative figures.
 * Source: the site's published formula.
 */
Datum
vvault_trending_base(PG_FUNCTION_ARGS)
{
	double		velocity = PG_ARGISNULL(0) ? 0.0 : PG_GETARG_FLOAT8(0);
	VvCount		views = vv_count_arg(fcinfo, 1, "views");
	VvCount		likes = vv_count_arg(fcinfo, 2, "likes");
	VvCount		comments = vv_count_arg(fcinfo, 3, "comments");
	VvTrendingPoints points;

	if (isnan(velocity) || velocity < 0.0)
		vv_reject_negative("velocity");
	points = vv_trending_base(velocity, views, likes, comments);
	PG_RETURN_FLOAT8(points.velocity + points.engagement);
}

/*
 * vvault_hot_score(likes bigint, published_at timestamptz) returns float8
 *
 * Hot, a number to order by: lg max(likes, 1) + t / 45000, t in seconds since
 * 1970; finite for every input.
 * NULL: likes count 1, published_at gives NULL.  Errors: none.
 * Source: the site's published formula.
 */
Datum
vvault_hot_score(PG_FUNCTION_ARGS)
{
	VvCount		likes = {1, true};

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(0))
	{
		likes.value = PG_GETARG_INT64(0);
		likes.isnull = false;
	}
	PG_RETURN_FLOAT8(vv_hot_score(likes, PG_GETARG_TIMESTAMPTZ(1)));
}
