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

typedef struct FeedFacts
{
	MemoryContext context;		/* of the texts */
	char	   *region_name;
	char	   *default_sort;
	int			page_limit;
	int			max_age;		/* seconds */
} FeedFacts;

extern void vv_feed_facts(text *region, const VvReply *reply,
						  FeedFacts *facts);
extern int	vv_page_size(int page_size);
extern TimestampTz vv_feed_clock(const FeedFacts *facts);

#endif							/* VVAULT_FACTS_H */
