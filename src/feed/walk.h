/*-------------------------------------------------------------------------
 *
 * walk.h
 *		A feed walked from its top, of which not every video is shown.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WALK_H
#define VVAULT_WALK_H

#include "core/compat.h"

#include "feed/cursor.h"
#include "feed/orders.h"

/* At most so many videos of one channel and of one category; 0: any number */
typedef struct VvFeedLimits
{
	int			per_channel;
	int			per_category;
} VvFeedLimits;

/* A page of such a feed: what is asked for, and what was found. */
typedef struct VvFeedWalk
{
	const VvOrder *order;
	TimestampTz as_of;			/* the instant of an order that moves */
	VvFeedLimits limits;
	const VvFeedCursor *after;	/* NULL for the first page */
	int			wanted;			/* videos */

	VvRankedVideo *videos;
	int			n;
} VvFeedWalk;

extern void vv_walk(VvFeedWalk *walk, VvQuery *query, const Datum *args);

#endif							/* VVAULT_WALK_H */
