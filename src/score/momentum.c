/*-------------------------------------------------------------------------
 *
 * momentum.c
 *		The momentum score: will a charted video stay, and will it grow?
 *
 * One closed formula over what is known of a video when a chart comes in.
 * With lg the logarithm to base 10 and
 *
 *		R = (rank - 1/2) / chart_length		place in the chart, 0 at the top;
 *											1/2 where unknown, 1 at most
 *		r = gain / (views_before + 1000)	growth in 24 hours; gain is
 *											views - views_before scaled to a
 *											day, 0 at least
 *
 * the raw value of a video is
 *
 *		lg(min(r, 10) + 0.06)							seen before
 *		1.0 - 1.3 sqrt(R) - 0.3 (lg(views + 1000) - 5.5)
 *			+ 0.1 (lg((likes + 10) / (views + 1000)) + 1.5)
 *														a newcomer
 *
 * less 24 max(0, R - 0.65)^2 for both: who has sunk that deep falls off the
 * chart soon, however it grows.  The score maps the raw value to 0 to 100 by
 * a logistic curve on which the region's baseline stands at 85.
 *
 * All constants below come from one fit on the daily US charts of 13 Sept to
 * 22 Oct 2017.  docs/scores.md tells how, what was measured on other days,
 * and what was tried and left out; bench/scores/run.sh repeats it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/timestamp.h"

#include "score/momentum.h"

/* Fitted: see the header comment. */
static const double newcomer_level = 1.0;	/* a newcomer at the very top */
static const double newcomer_rank_weight = 1.3; /* per square root of R */
static const double newcomer_views_weight = 0.3;	/* per power of ten */
static const double newcomer_likes_weight = 0.1;	/* per power of ten */
static const double growth_floor = 0.06;	/* daily growth lost in noise */
static const double sinking_weight = 24.0;
static const double sinking_start = 0.65;	/* R where the penalty starts */

/*
 * Chosen, not fitted.  The views and likes added keep small counts from
 * swinging the ratios; growth beyond tenfold a day says no more; middle_views
 * and middle_likes (lg of both) are round values near the median of a
 * newcomer, so that unknown likes count as ordinary ones.
 */
static const double added_views = 1000.0;
static const double added_likes = 10.0;
static const double growth_cap = 10.0;
static const double middle_views = 5.5;
static const double middle_likes = -1.5;
static const double unknown_place = 0.5;

/*
 * Calibration.  The baseline is a raw value that 15.5 % of the rows of those
 * charts and 14.0 % of those of Nov 2017 reach; ln(85 / 15) puts it at 85.
 * The slope is chosen so that the middle of a chart scores near 60.
 */
static const double default_baseline = 0.46;
static const double logit_of_85 = 1.7346010553881064;
static const double slope = 1.2;

PG_FUNCTION_INFO_V1(vvault_momentum_score);

/*
 * Place in the chart: 0 at the top, 1 at the bottom.
 */
static double
chart_place(int32 rank, int32 chart_length)
{
	if (rank < 1 || chart_length < 1)
		return unknown_place;
	return Min((rank - 0.5) / chart_length, 1.0);
}

/*
 * What the growth of a video seen before says.  An unknown time between the
 * two observations is taken as a day, one below an hour as an hour: counts
 * are updated in jumps, which a short time would blow up.
 */
static double
growth_term(int64 views, int64 views_before, VvMeasure elapsed_usec)
{
	double		gain = Max((double) views - (double) views_before, 0.0);
	double		days = 1.0;
	double		growth;

	if (!elapsed_usec.isnull)
	{
		if (elapsed_usec.value <= 0.0)
			gain = 0.0;
		days = Max(elapsed_usec.value, (double) USECS_PER_HOUR) /
			(double) USECS_PER_DAY;
	}

	growth = gain / (((double) views_before + added_views) * days);
	return vv_lg(Min(growth, growth_cap) + growth_floor);
}

/*
 * What stands in for growth while a video has no earlier observation: it
 * entered high, with few views still and many likes for them.
 */
static double
newcomer_term(int64 views, VvCount likes, double place)
{
	double		counted = (double) views + added_views;
	double		term;

	term = newcomer_level - newcomer_rank_weight * sqrt(place) -
		newcomer_views_weight * (vv_lg(counted) - middle_views);
	if (!likes.isnull)
		term += newcomer_likes_weight *
			(vv_lg(((double) likes.value + added_likes) / counted) -
			 middle_likes);
	return term;
}

/*
 * Momentum of a video in a region's chart, 0 to 100.
 *
 * Unknown views_before make it a newcomer; an unknown time between is one
 * day; a rank or chart length below 1 is unknown; unknown likes drop out; an
 * unknown baseline is the shipped one.  Counts must not be negative and the
 * baseline must be finite: the caller has checked that.  Raises nothing; the
 * result is finite for every input.
 */
double
vv_momentum_score(int64 views, VvCount views_before, VvMeasure elapsed_usec,
				  int32 rank, int32 chart_length, VvCount likes,
				  VvMeasure baseline)
{
	double		place = chart_place(rank, chart_length);
	double		sunk = Max(place - sinking_start, 0.0);
	double		raw;

	if (views_before.isnull)
		raw = newcomer_term(views, likes, place);
	else
		raw = growth_term(views, views_before.value, elapsed_usec);
	raw -= sinking_weight * sunk * sunk;
	raw -= baseline.isnull ? default_baseline : baseline.value;

	return 100.0 / (1.0 + exp2(M_LOG2E * (-logit_of_85 - slope * raw)));
}

/*
 * vvault_momentum_score(views, views_before, elapsed, rank, chart_length,
 *						 likes, baseline) -> float8
 *
 * Range: 0 to 100, 85 being reached by 15 % of a region's rows on average.
 * NULL: NULL views give NULL; for the others see vv_momentum_score.
 * Errors: 22023 for a negative count or a baseline that is not finite.
 * Source: docs/scores.md.
 */
Datum
vvault_momentum_score(PG_FUNCTION_ARGS)
{
	VvCount		views = vv_count_arg(fcinfo, 0, "views");
	VvCount		views_before = vv_count_arg(fcinfo, 1, "views_before");
	VvCount		likes = vv_count_arg(fcinfo, 5, "likes");
	VvMeasure	elapsed_usec = {0.0, true};
	VvMeasure	baseline = {0.0, true};
	int32		rank = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	int32		chart_length = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4);

	if (!PG_ARGISNULL(2))
	{
		elapsed_usec.value = vv_interval_usec(PG_GETARG_INTERVAL_P(2));
		elapsed_usec.isnull = false;
	}
	if (!PG_ARGISNULL(6))
	{
		baseline.value = PG_GETARG_FLOAT8(6);
		baseline.isnull = false;
		if (!isfinite(baseline.value))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("baseline must be finite"),
					 errhint("Leave it out to take the shipped one.")));
	}

	if (views.isnull)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(vv_momentum_score(views.value, views_before,
									   elapsed_usec, rank, chart_length,
									   likes, baseline));
}
