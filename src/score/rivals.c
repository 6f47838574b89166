/*-------------------------------------------------------------------------
 *
 * rivals.c
 *		Ranking formulas of other sites, to be measured against.
 *
 * Each follows its origin's published formula, written down here from that
 * formula and not from any code.  They are total: an argument below what a
 * logarithm takes is raised to it, an age below zero is taken as zero, an
 * infinite timestamp as the end of the calendar.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "utils/timestamp.h"

#include "score/score.h"

/* The power of age by which Hacker News and Lemmy let a score sink */
#define GRAVITY		1.8

PG_FUNCTION_INFO_V1(vvault_reddit_hot);
PG_FUNCTION_INFO_V1(vvault_hacker_news);
PG_FUNCTION_INFO_V1(vvault_lemmy_hot);
PG_FUNCTION_INFO_V1(vvault_peertube_hot);

/*
 * Decimal logarithm of a number, at least that of 1.
 */
static double
lg_from_one(double value)
{
	return log10(fmax(value, 1.0));
}

/*
 * What Hacker News and Lemmy divide by; at least 2 ^ 1.8.
 */
static double
age_penalty(TimestampTz published_at, TimestampTz as_of)
{
	return pow(vv_age_hours(published_at, as_of) + 2.0, GRAVITY);
}

/*
 * Reddit: the decimal logarithm of the score with the score's sign, and the
 * publish time in units of 12.5 hours.
 */
double
vv_reddit_hot(int64 score, TimestampTz published_at)
{
	double		order = lg_from_one(fabs((double) score));

	if (score < 0)
		order = -order;
	return order + vv_epoch_seconds(published_at) / 45000.0;
}

/*
 * Hacker News: the points without the author's own, sinking with age.
 */
double
vv_hacker_news(int64 points, TimestampTz published_at, TimestampTz as_of)
{
	return ((double) points - 1.0) / age_penalty(published_at, as_of);
}

/*
 * Lemmy: the logarithm of the score, at least 2, sinking with age.
 */
double
vv_lemmy_hot(int64 score, TimestampTz published_at, TimestampTz as_of)
{
	return log10(fmax((double) score + 2.0, 2.0)) /
		age_penalty(published_at, as_of);
}

/*
 * PeerTube: weighted logarithms of the counts, and the publish time in units
 * of about 13 hours.
 */
double
vv_peertube_hot(int64 likes, int64 dislikes, int64 views, int64 comments,
				TimestampTz published_at)
{
	return 150.0 * lg_from_one((double) likes - 1.0) -
		150.0 * lg_from_one((double) dislikes - 1.0) +
		16.0 * lg_from_one((double) views + 1.0) +
		100.0 * lg_from_one((double) comments) +
		vv_epoch_seconds(published_at) / 47000.0;
}

/*
 * vvault_reddit_hot(score bigint, published_at timestamptz) returns float8
 *
 * sign(score) * lg max(|score|, 1) + t / 45000, t in seconds since 1970.
 * NULL: strict.  Errors: none.
 * Source: Reddit's published "hot" ranking.
 */
Datum
vvault_reddit_hot(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(vv_reddit_hot(PG_GETARG_INT64(0),
								   PG_GETARG_TIMESTAMPTZ(1)));
}

/*
 * vvault_hacker_news(points bigint, published_at timestamptz,
 *		as_of timestamptz) returns float8
 *
 * (points - 1) / (h + 2) ^ 1.8, h the age in hours, at least 0.
 * NULL: strict.  Errors: none.
 * Source: Hacker News' published ranking.
 */
Datum
vvault_hacker_news(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(vv_hacker_news(PG_GETARG_INT64(0),
									PG_GETARG_TIMESTAMPTZ(1),
									PG_GETARG_TIMESTAMPTZ(2)));
}

/*
 * vvault_lemmy_hot(score bigint, published_at timestamptz,
 *		as_of timestamptz) returns float8
 *
 * lg max(2, score + 2) / (h + 2) ^ 1.8, h the age in hours, at least 0.
 * NULL: strict.  Errors: none.
 * Source: Lemmy's published "hot" ranking.
 */
Datum
vvault_lemmy_hot(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(vv_lemmy_hot(PG_GETARG_INT64(0),
								  PG_GETARG_TIMESTAMPTZ(1),
								  PG_GETARG_TIMESTAMPTZ(2)));
}

/*
 * vvault_peertube_hot(likes bigint, dislikes bigint, views bigint,
 *		comments bigint, published_at timestamptz) returns float8
 *
 * 150 lg(likes - 1) - 150 lg(dislikes - 1) + 16 lg(views + 1) +
 * 100 lg(comments) + t / 47000, each logarithm of at least 1.
 * NULL: strict.  Errors: none.
 * Source: PeerTube's published "hot" ranking.
 */
Datum
vvault_peertube_hot(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(vv_peertube_hot(PG_GETARG_INT64(0),
									 PG_GETARG_INT64(1),
									 PG_GETARG_INT64(2),
									 PG_GETARG_INT64(3),
									 PG_GETARG_TIMESTAMPTZ(4)));
}
