/*-------------------------------------------------------------------------
 *
 * momentum.h
 *		The momentum score as a plain C function.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MOMENTUM_H
#define VVAULT_MOMENTUM_H

#include "core/compat.h"

#include "score/score.h"

extern double vv_momentum_score(int64 views, VvCount views_before,
								VvMeasure elapsed_usec, int32 rank,
								int32 chart_length, VvCount likes,
								VvMeasure baseline);

#endif							/* VVAULT_MOMENTUM_H */
