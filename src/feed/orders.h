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
#include "feed/past.h"

/*
 * An order: the greatest key comes first, and of equal keys the least
 * video_id. Every kind of key is 64 bits, passed by value.
 */
typedef struct VvOrder
{
	const char *name;
	Oid			keytype;
	bool		moves;			/* with the clock: it has no index of its own */
	bool		shows_others;	/* the region's videos that are in no chart
								 * too */

	/*
	 * Pages of it, where it does not move: from the top, and behind a cursor
	 * those with the same key and then those with keys below it.
	 */
	VvQuery		first;
	VvQuery		ties;
	VvQuery		rest;

	/* The same where a crowd is in the chart, for an order of the chart. */
	VvQuery		crowded_first;
	VvQuery		crowded_ties;
	VvQuery		crowded_rest;

	/*
	 * Rows for vv_read_ranked(): all from the top, and all but what is behind
	 * in its channel, in its category, or in both. Where the order moves they
	 * come by views. One that shows others has the first two.
	 */
	VvQuery		whole;
	VvQuery		for_channels;
	VvQuery		for_categories;
	VvQuery		for_both;

	/* The same of the instant $2 */
	VvPastQuery past;

	/*
	 * Where the order moves: what is behind in the chart, of a channel or
	 * category
	 */
	VvQuery		behind;
	VvQuery		behind_in_category;

	/*
	 * Where it shows others: the chart by views, without what is behind as
	 * above; the others without what is behind, as above for pages; those of
	 * some channels; the first so many of each category.
	 */
	VvQuery		chart_for_channels;
	VvQuery		chart_for_categories;
	VvQuery		chart_for_both;
	VvQuery		others_first;
	VvQuery		others_ties;
	VvQuery		others_rest;
	VvQuery		others_of_channels;
	VvQuery		others_of_categories;
} VvOrder;

/* A video by its place in an order. */
typedef struct VvRankedVideo
{
	int64		key;
	const char *video_id;
	const char *channel_id;		/* empty where it is not known */
	int			category_id;
	double		base;			/* where the order moves: what its key is made */
	TimestampTz published_at;	/* of */
} VvRankedVideo;

typedef struct VvRankedVideos
{
	MemoryContext context;
	VvRankedVideo *videos;
	int			n;
	int			size;
} VvRankedVideos;

/* Called for each row; false ends the query. */
typedef bool (*VvRankedAction) (const VvRankedVideo *video, void *arg);

extern VvOrder *vv_find_order(const char *name);
extern void vv_read_ranked(const VvOrder *order, TimestampTz as_of,
						   VvQuery *query, const Datum *args, uint64 limit,
						   VvRankedAction action, void *arg);
extern void vv_begin_ranked(VvRankedVideos *list);
extern void vv_keep_ranked(VvRankedVideos *list, const VvRankedVideo *video);
extern bool vv_add_ranked(const VvRankedVideo *video, void *arg);
extern void vv_sort_ranked(const VvOrder *order, VvRankedVideos *list);
extern bool vv_ranks_before(const VvOrder *order, int64 key,
							const char *video_id, int64 other_key,
							const char *other_id);

#endif							/* VVAULT_ORDERS_H */
