/*-------------------------------------------------------------------------
 *
 * threshold.h
 *		The top of an order that moves with the clock, without sorting it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_THRESHOLD_H
#define VVAULT_THRESHOLD_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "storage/itemptr.h"

/* A video and its trending score as of some instant. */
typedef struct VvScoredVideo
{
	double		score;
	char	   *video_id;
	ItemPointerData place;		/* of its row, for the snapshot of the call */
} VvScoredVideo;

extern VvScoredVideo *vv_top_trending(text *region, bool crowded,
									  TimestampTz as_of,
									  const VvScoredVideo *after, int limit,
									  int *nfound);

#endif							/* VVAULT_THRESHOLD_H */
