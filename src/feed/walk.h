/*-------------------------------------------------------------------------
 *
 * walk.h
 *		A page of a feed that does not show every video.
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
	VvOrder    *order;
	TimestampTz as_of;			/* the instant of an order that moves */
	text	   *region;
	VvFeedLimits limits;
	VvQuery    *past;			/* the order's, of the feed as it was */
	TimestampTz then;			/* at this instant; NULL of the feed as it is */
	const VvFeedCursor *after;	/* NULL for the first page */
	int			wanted;			/* videos */

	VvRankedVideos page;
} VvFeedWalk;

extern void vv_walk(VvFeedWalk *walk);

#endif							/* VVAULT_WALK_H */
