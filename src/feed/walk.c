/*-------------------------------------------------------------------------
 *
 * walk.c
 *		A feed walked from its top, of which not every video is shown.
 *
 * A limit of so many videos to a channel is about the whole feed, not about a
 * page: a video is shown where fewer of its channel stand before it, shown or
 * not. So a walk counts from the top on, wherever the page begins. The same
 * goes for a category, and where both limits are given a video must meet
 * each. A video whose channel is not known is of no channel.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/walk.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

/* How many videos of a group came by. */
typedef struct GroupCount
{
	const char *name;
	int			n;
	char		status;
} GroupCount;

#define SH_PREFIX groups
#define SH_ELEMENT_TYPE GroupCount
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A walk on its way. */
typedef struct Walker
{
	MemoryContext context;		/* of what it gathers */
	MemoryContext row;			/* of one row, until the next one comes */
	VvFeedWalk *walk;
	groups_hash *channels;
	groups_hash *categories;

	/* the rows of an order that moves, until they are sorted */
	VvRankedVideo *rows;
	int			n;
	int			size;
} Walker;

/*
 * Counts a video of a group; returns how many came before it.
 */
static int
count_in(Walker *walker, groups_hash *groups, const char *name)
{
	bool		found;
	GroupCount *group = groups_insert(groups, name, &found);

	if (!found)
	{
		group->name = MemoryContextStrdup(walker->context, name);
		group->n = 0;
	}
	return group->n++;
}

static bool
within_limits(Walker *walker, const VvRankedVideo *video)
{
	const VvFeedLimits *limits = &walker->walk->limits;
	bool		within = true;

	if (limits->per_channel > 0 && video->channel_id[0] != '\0')
		within = count_in(walker, walker->channels, video->channel_id) <
			limits->per_channel;
	if (limits->per_category > 0 &&
		count_in(walker, walker->categories, psprintf("%d", video->category_id)) >=
		limits->per_category)
		within = false;
	return within;
}

static void
keep(Walker *walker, VvRankedVideo *place, const VvRankedVideo *video)
{
	*place = *video;
	place->video_id = MemoryContextStrdup(walker->context, video->video_id);
	place->channel_id = MemoryContextStrdup(walker->context,
											video->channel_id);
}

/*
 * The next video comes by. Returns whether more are wanted.
 */
static bool
come_by(Walker *walker, const VvRankedVideo *video)
{
	VvFeedWalk *walk = walker->walk;

	if (within_limits(walker, video) &&
		(walk->after == NULL ||
		 vv_ranks_before(walk->order->keytype, walk->after->key,
						 walk->after->video_id, video->key,
						 video->video_id)))
		keep(walker, &walk->videos[walk->n++], video);
	return walk->n < walk->wanted;
}

/*
 * A row of the order's own query: where the order stands still it comes in its
 * place, else it is kept for later.
 */
static bool
take_row(const Datum *values, const bool *isnull pg_attribute_unused(),
		 void *arg)
{
	Walker	   *walker = (Walker *) arg;
	VvFeedWalk *walk = walker->walk;
	MemoryContext old;
	VvRankedVideo video;
	bool		more = true;

	MemoryContextReset(walker->row);
	old = MemoryContextSwitchTo(walker->row);
	vv_ranked_video(walk->order, walk->as_of, values, &video);
	if (!walk->order->moves)
		more = come_by(walker, &video);
	else
	{
		if (walker->n == walker->size)
		{
			walker->size *= 2;
			walker->rows = repalloc_huge(walker->rows,
										 sizeof(VvRankedVideo) * walker->size);
		}
		keep(walker, &walker->rows[walker->n++], &video);
	}
	MemoryContextSwitchTo(old);
	return more;
}

static int
compare_videos(const void *a, const void *b, void *arg)
{
	const VvRankedVideo *one = (const VvRankedVideo *) a;
	const VvRankedVideo *other = (const VvRankedVideo *) b;
	const VvOrder *order = (const VvOrder *) arg;

	if (vv_ranks_before(order->keytype, one->key, one->video_id,
						other->key, other->video_id))
		return -1;
	return 1;
}

/*
 * Walks the rows of one of an order's queries and finds the page. What it
 * finds lives in the current memory context. The caller is connected to SPI.
 */
void
vv_walk(VvFeedWalk *walk, VvQuery *query, const Datum *args)
{
	Walker		walker = {
		.context = CurrentMemoryContext,
		.row = AllocSetContextCreate(CurrentMemoryContext, "vvault walk",
									 ALLOCSET_SMALL_SIZES),
		.walk = walk,
		.channels = groups_create(CurrentMemoryContext, 128, NULL),
		.categories = groups_create(CurrentMemoryContext, 32, NULL),
		.size = 256,
	};

	walk->videos = palloc(sizeof(VvRankedVideo) * walk->wanted);
	walk->n = 0;
	walker.rows = palloc(sizeof(VvRankedVideo) * walker.size);
	(void) vv_query_run(query, args, 0, take_row, &walker);
	qsort_arg(walker.rows, walker.n, sizeof(VvRankedVideo), compare_videos,
			  unconstify(VvOrder *, walk->order));
	for (int i = 0; i < walker.n && come_by(&walker, &walker.rows[i]); i++)
		;
}
