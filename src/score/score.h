/*-------------------------------------------------------------------------
 *
 * score.h
 *		The scores as plain C functions: numbers in, number out.
 *
 * Nothing here reads a table, a clock or a setting, and nothing here raises
 * an error unless its comment says so.  The SQL functions of this folder are
 * thin wrappers, so that C code of other folders gets the very same figures
 * without going through fmgr.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SCORE_H
#define VVAULT_SCORE_H

#include "core/compat.h"

#include <math.h>

#include "datatype/timestamp.h"
#include "fmgr.h"

/* A count (views, likes, comments) that may be unknown. */
typedef struct VvCount
{
	int64		value;
	bool		isnull;
} VvCount;

/* A real-valued figure that may be unknown. */
typedef struct VvMeasure
{
	double		value;
	bool		isnull;
} VvMeasure;

/* What each part contributes to a trending score; they sum to the score. */
typedef struct VvTrendingPoints
{
	double		velocity;		/* 0 to 40 */
	double		engagement;		/* 0 to 35 */
	double		recency;		/* 0 to 25 */
} VvTrendingPoints;

/* Trending: figures that make 100, in views per hour and percent */
#define VV_FULL_VELOCITY		10000.0
#define VV_FULL_ENGAGEMENT		5.0

/* Trending: hours in which recency halves */
#define VV_RECENCY_HALF_LIFE	12.0

/*
 * A rate of views needs a base of time.  The setting velocity_min_span, from
 * which ingest takes it, ships with the same half hour.
 */
#define VV_RATE_MIN_SPAN	(INT64CONST(30) * USECS_PER_MINUTE)

/* Exact sums of scores are kept in integers of this many units per point. */
#define VV_SCORE_SCALE	INT64CONST(1000000)

/* timing.c */
extern double vv_epoch_seconds(TimestampTz at);
extern double vv_elapsed_usec(TimestampTz from, TimestampTz until);
extern double vv_interval_usec(const Interval *elapsed);
extern double vv_age_hours(TimestampTz published_at, TimestampTz as_of);

/* engagement.c */
extern void vv_reject_negative(const char *name);
extern VvCount vv_count_arg(FunctionCallInfo fcinfo, int n, const char *name);
extern double vv_engagement_rate(int64 likes, int64 views);
extern VvMeasure vv_weighted_engagement(VvCount likes, VvCount comments,
										VvCount views);
extern double vv_view_velocity(int64 views, int64 views_before,
							   double elapsed_usec);

/* virality.c */
extern VvMeasure vv_virality_score(VvMeasure velocity, VvMeasure engagement,
								   double velocity_baseline,
								   double engagement_baseline,
								   VvMeasure share_score,
								   VvMeasure sentiment_score);

/* trending.c */
extern double vv_trending_recency(TimestampTz published_at,
								  TimestampTz as_of);
extern VvTrendingPoints vv_trending_base(double velocity, VvCount views,
										 VvCount likes, VvCount comments);
extern VvTrendingPoints vv_trending_points(int64 views, int64 views_before,
										   double elapsed_usec, int64 likes,
										   int64 comments,
										   TimestampTz published_at,
										   TimestampTz as_of);
extern double vv_trending_score(int64 views, int64 views_before,
								double elapsed_usec, int64 likes,
								int64 comments, TimestampTz published_at,
								TimestampTz as_of);
extern double vv_hot_score(VvCount likes, TimestampTz published_at);

/* rivals.c */
extern double vv_reddit_hot(int64 score, TimestampTz published_at);
extern double vv_hacker_news(int64 points, TimestampTz published_at,
							 TimestampTz as_of);
extern double vv_lemmy_hot(int64 score, TimestampTz published_at,
						   TimestampTz as_of);
extern double vv_peertube_hot(int64 likes, int64 dislikes, int64 views,
							  int64 comments, TimestampTz published_at);

/* viral_stats.c */
extern int64 vv_fixed_score(double score);

/*
 * The decimal logarithm. The C library's log10 takes several times as long as
 * its log2; the difference is in the last bit.
 */
static inline double
vv_lg(double x)
{
	return log2(x) * 0.30102999566398119521;
}

/* Raise 22023 for a count below zero. */
static inline void
vv_check_count(const char *name, int64 value)
{
	if (unlikely(value < 0))
		vv_reject_negative(name);
}

#endif							/* VVAULT_SCORE_H */
