/*-------------------------------------------------------------------------
 *
 * facts.h
 *		What a feed needs to know before it looks at a video.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_FACTS_H
#define VVAULT_FACTS_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#include "reply/reply.h"

/* What a page holds where the caller names no size. */
#define VV_DEFAULT_PAGE_SIZE	25

typedef struct VvFeedFacts
{
	MemoryContext context;		/* of the texts */
	char	   *region_name;
	char	   *default_sort;
	int			page_limit;
	int			max_age;		/* seconds */
	bool		crowded;		/* whether a crowd is in the chart */
} VvFeedFacts;

extern void vv_feed_facts(text *region, const VvReply *reply,
						  VvFeedFacts *facts);
extern int	vv_page_size(int page_size);
extern TimestampTz vv_feed_clock(const VvFeedFacts *facts);
extern TimestampTz vv_feed_step(const VvFeedFacts *facts, TimestampTz instant);

#endif							/* VVAULT_FACTS_H */
