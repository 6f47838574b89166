/*-------------------------------------------------------------------------
 *
 * momentum.h
 *		The momentum score as plain C functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MOMENTUM_H
#define VVAULT_MOMENTUM_H

#include "core/compat.h"

#include "score/score.h"

/* What is known of a video when its chart comes in. */
typedef struct VvMomentumFacts
{
	int64		views;
	VvCount		views_before;	/* a day ago; unknown of a newcomer */
	VvMeasure	elapsed_usec;
	int32		rank;
	int32		chart_length;
	VvCount		likes;
	int32		category_id;
} VvMomentumFacts;

/* The raw value is the sum of all but the place. */
typedef struct VvMomentumTerms
{
	double		place;			/* 0 at the top of the chart, 1 at its end */
	double		rate;			/* growth in a day; 0 of a newcomer */
	double		growth;			/* or what stands in for it in a newcomer */
	double		category;
	double		sinking;
} VvMomentumTerms;

extern VvMomentumTerms vv_momentum_terms(const VvMomentumFacts *facts);
extern double vv_momentum_score(const VvMomentumTerms *terms,
								VvMeasure baseline);

#endif							/* VVAULT_MOMENTUM_H */
