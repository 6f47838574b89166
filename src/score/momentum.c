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
 *		lg(min(r, 10) + 0.08) + 0.2 [music]				seen before
 *		1.0 - 1.6 sqrt(R) - 0.35 (lg(views + 1000) - 5.5)
 *			+ 0.05 (lg((likes + 10) / (views + 1000)) + 1.5)
 *			+ 0.4 [music]								a newcomer
 *
 * and for both - 0.1 [sports, news] - 0.8 ln(1 + exp((R - 0.80) / 0.05)): who
 * has sunk that deep falls off the chart soon, however it grows.  The score
 * maps the raw value to 0 to 100 by a logistic curve on which the region's
 * baseline stands at 85.
 *
 * All constants below come from the daily US charts of 13 Sept to 22 Oct
 * 2017.  docs/scores.md tells how, what was measured on other days, and what
 * was tried and left out; bench/scores/run.sh repeats it.
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
static const double newcomer_rank_weight = 1.6; /* per square root of R */
static const double newcomer_views_weight = 0.35;	/* per power of ten */
static const double newcomer_likes_weight = 0.05;	/* per power of ten */
static const double newcomer_music = 0.4;
static const double growth_floor = 0.08;	/* daily growth lost in noise */
static const double grown_music = 0.2;
static const double topical = 0.1;	/* sports and news are soon over */
static const double sinking_weight = 0.8;
static const double sinking_start = 0.80;	/* R where the penalty starts */

/*
 * Chosen, not fitted.  The views and likes added keep small counts from
 * swinging the ratios; growth beyond tenfold a day says no more; middle_views
 * and middle_likes (lg of both) are round values near the median of a
 * newcomer, so that unknown likes count as ordinary ones.  The penalty bends
 * over some tenths of the chart, as no place is the last one that is safe.
 */
static const double added_views = 1000.0;
static const double added_likes = 10.0;
static const double growth_cap = 10.0;
static const double middle_views = 5.5;
static const double middle_likes = -1.5;
static const double unknown_place = 0.5;
static const double sinking_bend = 0.05;

/* YouTube's categories that tell something. */
enum
{
	CATEGORY_MUSIC = 10,
	CATEGORY_SPORTS = 17,
	CATEGORY_NEWS = 25
};

/*
 * Calibration.  The baseline is a raw value that 15.8 % of the rows of those
 * charts and 14.3 % of those of Nov 2017 reach; ln(85 / 15) puts it at 85.
 * The slope is chosen so that the middle of a chart scores near 60.
 */
static const double default_baseline = 0.37;
static const double logit_of_85 = 1.7346010553881064;
static const double slope = 1.2;

PG_FUNCTION_INFO_V1(vvault_momentum);

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
 * How much a video seen before grows in a day, of the views it had.  An
 * unknown time between the two observations is taken as a day, one below an
 * hour as an hour: counts are updated in jumps, which a short time would blow
 * up.
 */
static double
daily_growth(const VvMomentumFacts *facts)
{
	double		before = (double) facts->views_before.value;
	double		gain = Max((double) facts->views - before, 0.0);
	double		days = 1.0;

	if (!facts->elapsed_usec.isnull)
	{
		if (facts->elapsed_usec.value <= 0.0)
			gain = 0.0;
		days = Max(facts->elapsed_usec.value, (double) USECS_PER_HOUR) /
			(double) USECS_PER_DAY;
	}
	return gain / ((before + added_views) * days);
}

/*
 * What stands in for growth in a newcomer's first day: it entered high, with
 * few views still and many likes for them.
 */
static double
newcomer_term(const VvMomentumFacts *facts, double place)
{
	double		counted = (double) facts->views + added_views;
	double		term;

	term = newcomer_level - newcomer_rank_weight * sqrt(place) -
		newcomer_views_weight * (vv_lg(counted) - middle_views);
	if (!facts->likes.isnull)
		term += newcomer_likes_weight *
			(vv_lg(((double) facts->likes.value + added_likes) / counted) -
			 middle_likes);
	return term;
}

/*
 * What the category says.
 */
static double
category_term(int32 category_id, bool newcomer)
{
	switch (category_id)
	{
		case CATEGORY_MUSIC:
			return newcomer ? newcomer_music : grown_music;
		case CATEGORY_SPORTS:
		case CATEGORY_NEWS:
			return -topical;
		default:
			return 0.0;
	}
}

/*
 * How near the end of the chart a video is: nothing up to where sinking
 * starts, and a straight line from there on, with a soft bend.
 */
static double
sinking_term(double place)
{
	return -sinking_weight *
		log1p(exp((place - sinking_start) / sinking_bend));
}

/*
 * The terms of the raw value.
 *
 * Unknown views_before make it a newcomer; an unknown time between is one
 * day; a rank or chart length below 1 is unknown; unknown likes drop out; a
 * category below 1 is unknown.  Counts must not be negative: the caller has
 * checked that.  All terms are finite for every input.
 */
VvMomentumTerms
vv_momentum_terms(const VvMomentumFacts *facts)
{
	double		place = chart_place(facts->rank, facts->chart_length);
	bool		newcomer = facts->views_before.isnull;
	VvMomentumTerms terms;

	terms.place = place;
	terms.rate = newcomer ? 0.0 : daily_growth(facts);
	terms.growth = newcomer ? newcomer_term(facts, place) :
		vv_lg(Min(terms.rate, growth_cap) + growth_floor);
	terms.category = category_term(facts->category_id, newcomer);
	terms.sinking = sinking_term(place);
	return terms;
}

/*
 * Momentum of a video in a region's chart, 0 to 100, out of its terms.  An
 * unknown baseline is the shipped one; it must be finite.
 */
double
vv_momentum_score(const VvMomentumTerms *terms, VvMeasure baseline)
{
	double		raw = terms->growth + terms->category + terms->sinking;

	raw -= baseline.isnull ? default_baseline : baseline.value;
	return 100.0 / (1.0 + exp2(M_LOG2E * (-logit_of_85 - slope * raw)));
}

/*
 * An argument of a SQL function that is a baseline.
 */
static VvMeasure
baseline_arg(FunctionCallInfo fcinfo, int n)
{
	VvMeasure	baseline = {0.0, true};

	if (PG_ARGISNULL(n))
		return baseline;
	baseline.value = PG_GETARG_FLOAT8(n);
	baseline.isnull = false;
	if (!isfinite(baseline.value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("baseline must be finite"),
				 errhint("Leave it out to take the shipped one.")));
	return baseline;
}

/*
 * vvault_momentum_score(views, views_before, elapsed, rank, chart_length,
 *						 likes, baseline, category_id) -> float8
 *
 * Range: 0 to 100, 85 being reached by 15 % of a region's rows on average.
 * NULL: NULL views give NULL; for the others see vv_momentum_terms.
 * Errors: 22023 for a negative count or a baseline that is not finite.
 * Source: docs/scores.md.
 */
Datum
vvault_momentum(PG_FUNCTION_ARGS)
{
	VvCount		views = vv_count_arg(fcinfo, 0, "views");
	VvMomentumFacts facts;
	VvMomentumTerms terms;
	VvMeasure	baseline;

	facts.views = views.value;
	facts.views_before = vv_count_arg(fcinfo, 1, "views_before");
	facts.elapsed_usec.isnull = PG_ARGISNULL(2);
	facts.elapsed_usec.value = PG_ARGISNULL(2) ? 0.0 :
		vv_interval_usec(PG_GETARG_INTERVAL_P(2));
	facts.rank = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	facts.chart_length = PG_ARGISNULL(4) ? 0 : PG_GETARG_INT32(4);
	facts.likes = vv_count_arg(fcinfo, 5, "likes");
	baseline = baseline_arg(fcinfo, 6);
	facts.category_id = PG_ARGISNULL(7) ? 0 : PG_GETARG_INT32(7);

	if (views.isnull)
		PG_RETURN_NULL();
	terms = vv_momentum_terms(&facts);
	PG_RETURN_FLOAT8(vv_momentum_score(&terms, baseline));
}
