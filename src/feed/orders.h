/*-------------------------------------------------------------------------
 *
 * orders.h
 *		The orders of a feed, and the queries that read videos in them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_ORDERS_H
#define VVAULT_ORDERS_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#include "core/query.h"

/*
 * An order: the greatest key comes first, and of equal keys the least
 * video_id. Every kind of key is 64 bits, passed by value.
 */
typedef struct VvOrder
{
	const char *name;
	Oid			keytype;
	bool		moves;			/* with the clock: it has no index of its own */

	/* The feed as it is, one walk of an index; none where the order moves. */
	VvQuery		first;			/* from the top */
	VvQuery		ties;			/* behind a cursor: the same key */
	VvQuery		rest;			/* and then the keys below it */

	/* All its videos from the top, as vv_ranked_video() reads them. */
	VvQuery		ranked;
} VvOrder;

/* A video by its place in an order. */
typedef struct VvRankedVideo
{
	int64		key;
	const char *video_id;
	const char *channel_id;		/* empty where it is not known */
	int			category_id;
} VvRankedVideo;

extern VvOrder *vv_find_order(const char *name);
extern void vv_ranked_video(const VvOrder *order, TimestampTz as_of,
							const Datum *values, VvRankedVideo *video);
extern bool vv_ranks_before(Oid keytype, int64 key, const char *video_id,
							int64 other_key, const char *other_id);

#endif							/* VVAULT_ORDERS_H */
