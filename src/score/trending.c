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

/* Trending: figures that make 100, in views per hour and percent */
#define FULL_VELOCITY		10000.0
#define FULL_ENGAGEMENT		5.0

/* Trending: hours in which recency halves */
#define RECENCY_HALF_LIFE	12.0

/* Hot: seconds of age that ten times the likes make up for */
#define HOT_DECADE			45000.0

PG_FUNCTION_INFO_V1(vvault_trending_score);
PG_FUNCTION_INFO_V1(vvault_hot_score);

/*
 * What velocity, engagement and recency contribute to the trending score: 40,
 * 35 and 25 points at most.  elapsed_usec as vv_view_velocity() has it.
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
	double		engagement;
	double		age;

	velocity = vv_view_velocity(known_views.value, Max(views_before, 0),
								elapsed_usec);
	engagement = vv_weighted_engagement(known_likes, known_comments,
										known_views).value;
	age = vv_age_hours(published_at, as_of);

	points.velocity = 40.0 * fmin(1.0, velocity / FULL_VELOCITY);
	points.engagement = 35.0 * fmin(1.0, engagement / FULL_ENGAGEMENT);
	points.recency = 25.0 * exp2(-age / RECENCY_HALF_LIFE);
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
		order = log10((double) likes.value);
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
