/*-------------------------------------------------------------------------
 *
 * walk.c
 *		A page of a feed that does not show every video.
 *
 * A limit of so many videos to a channel is about the whole feed, not about a
 * page: a video is shown where fewer of its channel stand before it, shown or
 * not. The same goes for a category, and where both limits are given a video
 * must meet each. A video whose channel is not known is of no channel.
 *
 * So a walk counts from the top on. It reads indexes that keep apart what is
 * behind in its channel or category (videos/crowds.sql), so it passes over few
 * videos. What one limit leaves out counts for the other: for both, only what is
 * behind in both is passed over. A
 * page of the chart is always found that way: a chart is short. Where an order
 * shows the others too, those that are in no chart, only the first page is. For
 * one behind a cursor the chart is read whole and the others from the cursor
 * on; what stands before a video in its channel is then looked up. For limits
 * of categories the first of the others of each category are read.
 *
 * All of that rests on the ten videos that stand before each that is behind.
 * For more of a channel or category the order is walked from its top with all
 * that is in it.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/walk.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "score/score.h"

/* So many at least stand before what is behind, in each order and channel. */
#define BEFORE_BEHIND	10

/* The beginning of a channel's id that is indexed, in characters */
#define CHANNEL_INDEXED	64

/* Videos of a channel or category by name. */
typedef struct VideoGroup
{
	const char *name;
	int			n;				/* that came by */
	VvRankedVideos videos;		/* that may stand before another one */
	char		status;
} VideoGroup;

#define SH_PREFIX groups
#define SH_ELEMENT_TYPE VideoGroup
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(table, key) \
	hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(table, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A walk that counts what comes by. */
typedef struct Counter
{
	VvFeedWalk *walk;
	MemoryContext context;
	groups_hash *channels;
	groups_hash *categories;
} Counter;

/*
 * Counts a video of a group; returns how many came before it.
 */
static int
count_in(Counter *counter, groups_hash *groups, const char *name)
{
	bool		found;
	VideoGroup *group = groups_insert(groups, name, &found);

	if (!found)
	{
		group->name = MemoryContextStrdup(counter->context, name);
		group->n = 0;
	}
	return group->n++;
}

/*
 * May the video be shown, after those its channel and its category have
 * already?
 */
static bool
within_limits(Counter *counter, const VvRankedVideo *video)
{
	const VvFeedLimits *limits = &counter->walk->limits;
	char		category[12];
	bool		within = true;

	if (limits->per_channel > 0 && video->channel_id[0] != '\0')
		within = count_in(counter, counter->channels, video->channel_id) <
			limits->per_channel;
	if (limits->per_category > 0)
	{
		pg_ltoa(video->category_id, category);
		if (count_in(counter, counter->categories, category) >=
			limits->per_category)
			within = false;
	}
	return within;
}

/*
 * Whether a video is none of the pages before.
 */
static bool
is_behind_cursor(const VvFeedWalk *walk, const VvRankedVideo *video)
{
	return walk->after == NULL ||
		vv_ranks_before(walk->order, walk->after->key, walk->after->video_id,
						video->key, video->video_id);
}

/*
 * The next video of the feed comes by. Returns whether to go on.
 */
static bool
come_by(const VvRankedVideo *video, void *arg)
{
	Counter    *counter = (Counter *) arg;
	VvFeedWalk *walk = counter->walk;

	if (within_limits(counter, video) && is_behind_cursor(walk, video))
		vv_keep_ranked(&walk->page, video);
	return walk->page.n < walk->wanted;
}

/* Nothing is shown yet. */
static void
begin_counting(VvFeedWalk *walk, Counter *counter)
{
	counter->walk = walk;
	counter->context = CurrentMemoryContext;
	counter->channels = groups_create(CurrentMemoryContext, 64, NULL);
	counter->categories = groups_create(CurrentMemoryContext, 32, NULL);
	vv_begin_ranked(&walk->page);
}

/*
 * Walks a list that has the feed from its top.
 */
static void
walk_list(VvFeedWalk *walk, VvRankedVideos *list)
{
	Counter		counter;

	begin_counting(walk, &counter);
	vv_sort_ranked(walk->order, list);
	for (int i = 0; i < list->n && come_by(&list->videos[i], &counter); i++)
		;
}

/* A list of videos with their keys, in no order. */
static void
read_list(VvFeedWalk *walk, VvQuery *query, Datum argument,
		  VvRankedVideos *list)
{
	Datum		args[2] = {PointerGetDatum(walk->region), argument};

	vv_read_ranked(walk->order, walk->as_of, query, args, 0, vv_add_ranked,
				   list);
}

/*
 * Walks what a query has of an order that stands still, from the top.
 */
static void
walk_query(VvFeedWalk *walk, VvQuery *query)
{
	Datum		args[1] = {PointerGetDatum(walk->region)};
	Counter		counter;

	begin_counting(walk, &counter);
	vv_read_ranked(walk->order, 0, query, args, 0, come_by, &counter);
}

/*
 * Channels
 */

/* The beginning of a channel's id, as its indexes have it */
static Datum
indexed_part(const char *channel_id)
{
	int			len = pg_mbcharcliplen(channel_id, strlen(channel_id),
									   CHANNEL_INDEXED);

	return PointerGetDatum(cstring_to_text_with_len(channel_id, len));
}

/*
 * The group of a channel; makes an empty one where there is none.
 */
static VideoGroup *
channel_of(groups_hash *channels, const VvRankedVideo *video)
{
	bool		found;
	VideoGroup *group = groups_insert(channels, video->channel_id, &found);

	if (!found)
	{
		group->n = 0;
		vv_begin_ranked(&group->videos);
	}
	return group;
}

/*
 * Groups a list by channels. What the groups have of the videos is the list's.
 */
static groups_hash *
group_by_channel(const VvRankedVideos *list)
{
	groups_hash *channels = groups_create(CurrentMemoryContext, 256, NULL);

	for (int i = 0; i < list->n; i++)
	{
		if (list->videos[i].channel_id[0] != '\0')
			vv_keep_ranked(&channel_of(channels, &list->videos[i])->videos,
						   &list->videos[i]);
	}
	return channels;
}

/*
 * Orders for qsort() by each part of a key that moves, the greatest first, as
 * the parts' indexes have them.
 */
static int
compare_bases(const void *a, const void *b)
{
	const VvRankedVideo *one = (const VvRankedVideo *) a;
	const VvRankedVideo *other = (const VvRankedVideo *) b;

	if (one->base != other->base)
		return one->base > other->base ? -1 : 1;
	return strcmp(one->video_id, other->video_id);
}

/* The newest first, of equals the first by id. */
static int
compare_published(const void *a, const void *b)
{
	const VvRankedVideo *one = (const VvRankedVideo *) a;
	const VvRankedVideo *other = (const VvRankedVideo *) b;

	if (one->published_at != other->published_at)
		return one->published_at > other->published_at ? -1 : 1;
	return strcmp(one->video_id, other->video_id);
}

/* What a video's age adds to its score at the instant of the walk. */
static double
recency_of(const VvFeedWalk *walk, const VvRankedVideo *video)
{
	return vv_trending_recency(video->published_at, walk->as_of);
}

/*
 * Whether what is behind in a channel or category may be among its first, where
 * the order moves: it is behind in either part of the key, but perhaps not in their sum.
 */
static bool
may_catch_up(const VvFeedWalk *walk, VvRankedVideos *group, int limit)
{
	VvRankedVideo *videos = group->videos;
	double		last;			/* that is shown */
	double		base;			/* of what is behind, at most */
	double		recency;
	bool		first_by_base = true;
	bool		first_by_time = true;

	/* nothing is behind fewer */
	if (group->n < BEFORE_BEHIND)
		return false;
	vv_sort_ranked(walk->order, group);
	last = DatumGetFloat8(Int64GetDatum(videos[limit - 1].key));
	qsort(videos, group->n, sizeof(VvRankedVideo), compare_bases);
	base = videos[BEFORE_BEHIND - 1].base;
	qsort(videos, group->n, sizeof(VvRankedVideo), compare_published);
	recency = recency_of(walk, &videos[BEFORE_BEHIND - 1]);
	if (last != base + recency)
		return last < base + recency;

	/*
	 * It may come to the same sum, and the ids decide. They have decided
	 * before where the first by one part are as good by the other.
	 */
	for (int i = 0; i < BEFORE_BEHIND; i++)
		first_by_time &= videos[i].base >= base;
	qsort(videos, group->n, sizeof(VvRankedVideo), compare_bases);
	for (int i = 0; i < BEFORE_BEHIND; i++)
		first_by_base &= recency_of(walk, &videos[i]) >= recency;
	return !first_by_base && !first_by_time;
}

/* A list to which videos of one channel are added. */
typedef struct ChannelAdder
{
	VvRankedVideos *list;
	const char *channel_id;
} ChannelAdder;

/* Ids of other channels may begin alike. */
static bool
add_of_channel(const VvRankedVideo *video, void *arg)
{
	ChannelAdder *adder = (ChannelAdder *) arg;

	if (strcmp(video->channel_id, adder->channel_id) == 0)
		vv_keep_ranked(adder->list, video);
	return true;
}

/*
 * Adds to the chart what is behind and may be shown all the same.
 */
static void
add_of_channels(VvFeedWalk *walk, VvRankedVideos *chart)
{
	groups_hash *channels = group_by_channel(chart);
	groups_iterator iterator;
	VideoGroup *channel;

	groups_start_iterate(channels, &iterator);
	while ((channel = groups_iterate(channels, &iterator)) != NULL)
	{
		ChannelAdder adder = {chart, channel->name};
		Datum		args[2] = {PointerGetDatum(walk->region)};

		if (!may_catch_up(walk, &channel->videos, walk->limits.per_channel))
			continue;
		args[1] = indexed_part(channel->name);
		vv_read_ranked(walk->order, walk->as_of, &walk->order->behind, args,
					   0, add_of_channel, &adder);
	}
}

/*
 * The same for categories.
 */
static void
add_of_categories(VvFeedWalk *walk, VvRankedVideos *chart)
{
	groups_hash *categories = groups_create(CurrentMemoryContext, 32, NULL);
	groups_iterator iterator;
	VideoGroup *category;

	for (int i = 0; i < chart->n; i++)
	{
		char		name[12];
		bool		found;

		pg_ltoa(chart->videos[i].category_id, name);
		category = groups_insert(categories, name, &found);
		if (!found)
		{
			category->name = pstrdup(name);
			vv_begin_ranked(&category->videos);
		}
		vv_keep_ranked(&category->videos, &chart->videos[i]);
	}
	groups_start_iterate(categories, &iterator);
	while ((category = groups_iterate(categories, &iterator)) != NULL)
	{
		Datum		args[2] = {PointerGetDatum(walk->region)};

		if (!may_catch_up(walk, &category->videos, walk->limits.per_category))
			continue;
		args[1] = Int32GetDatum(pg_strtoint32(category->name));
		vv_read_ranked(walk->order, walk->as_of,
					   &walk->order->behind_in_category, args, 0,
					   vv_add_ranked, chart);
	}
}

/*
 * The others: videos that are in no chart, in an order that shows them too
 */

/* Which videos stand before which in their channel, as far as was asked. */
typedef struct ChannelRanks
{
	VvFeedWalk *walk;
	groups_hash *channels;		/* with those of the chart, and of the others
								 * once they were LOOKED_UP */
} ChannelRanks;

/* VideoGroup.n of a channel whose others are being looked up, and were */
#define LOOKING_UP	1
#define LOOKED_UP	2

/* A video of a channel whose others are being looked up joins them. */
static bool
add_to_channel(const VvRankedVideo *video, void *arg)
{
	ChannelRanks *ranks = (ChannelRanks *) arg;
	VideoGroup *channel = groups_lookup(ranks->channels, video->channel_id);

	/* it may be one whose id only begins like that of one asked for */
	if (channel != NULL && channel->n == LOOKING_UP)
		vv_keep_ranked(&channel->videos, video);
	return true;
}

/*
 * Looks up the others of the channels of some videos.
 */
static void
look_up_channels(ChannelRanks *ranks, const VvRankedVideo *videos, int n)
{
	VvFeedWalk *walk = ranks->walk;
	Datum	   *parts = palloc(sizeof(Datum) * (n + 1));
	Datum		args[2] = {PointerGetDatum(walk->region)};
	int			nparts = 0;

	for (int i = 0; i < n; i++)
	{
		VideoGroup *channel;

		if (videos[i].channel_id[0] == '\0')
			continue;
		channel = channel_of(ranks->channels, &videos[i]);
		if (channel->n == 0)
		{
			channel->n = LOOKING_UP;
			parts[nparts++] = indexed_part(channel->name);
		}
	}
	if (nparts == 0)
		return;
	args[1] = PointerGetDatum(construct_array(parts, nparts, TEXTOID, -1,
											  false, TYPALIGN_INT));
	vv_read_ranked(walk->order, walk->as_of, &walk->order->others_of_channels,
				   args, 0, add_to_channel, ranks);
	for (int i = 0; i < n; i++)
	{
		if (videos[i].channel_id[0] != '\0')
			channel_of(ranks->channels, &videos[i])->n = LOOKED_UP;
	}
}

/*
 * Whether a video is within the limit of its channel, which was looked up.
 */
static bool
within_channel(const ChannelRanks *ranks, const VvRankedVideo *video)
{
	int			per_channel = ranks->walk->limits.per_channel;
	VideoGroup *channel;
	int			before = 0;

	if (per_channel == 0 || video->channel_id[0] == '\0')
		return true;
	channel = groups_lookup(ranks->channels, video->channel_id);
	for (int i = 0; i < channel->videos.n && before < per_channel; i++)
	{
		const VvRankedVideo *other = &channel->videos.videos[i];

		if (vv_ranks_before(ranks->walk->order, other->key, other->video_id,
							video->key, video->video_id))
			before++;
	}
	return before < per_channel;
}

/*
 * Goes on with videos that come next in the feed. Returns whether more are
 * wanted.
 */
static bool
go_on_with(ChannelRanks *ranks, const VvRankedVideos *list)
{
	VvFeedWalk *walk = ranks->walk;
	int			at = 0;

	while (at < list->n && walk->page.n < walk->wanted)
	{
		int			n = Min(list->n - at, walk->wanted - walk->page.n);

		if (walk->limits.per_channel > 0)
			look_up_channels(ranks, &list->videos[at], n);
		for (int i = 0; i < n; i++)
		{
			if (within_channel(ranks, &list->videos[at + i]))
				vv_keep_ranked(&walk->page, &list->videos[at + i]);
		}
		at += n;
	}
	return walk->page.n < walk->wanted;
}

/*
 * Reads the next of the others, behind a video or, where that is NULL, from
 * the top: as many as a page wants, or fewer if there are no more.
 */
static void
read_others(VvFeedWalk *walk, const VvRankedVideo *behind,
			VvRankedVideos *list)
{
	VvOrder    *order = walk->order;
	Datum		args[3] = {PointerGetDatum(walk->region)};

	vv_begin_ranked(list);
	if (behind == NULL)
	{
		vv_read_ranked(order, 0, &order->others_first, args, walk->wanted,
					   vv_add_ranked, list);
		return;
	}
	args[1] = Int64GetDatum(behind->key);
	args[2] = CStringGetTextDatum(behind->video_id);
	vv_read_ranked(order, 0, &order->others_ties, args, walk->wanted,
				   vv_add_ranked, list);
	if (list->n < walk->wanted)
		vv_read_ranked(order, 0, &order->others_rest, args,
					   walk->wanted - list->n, vv_add_ranked, list);
}

/*
 * Walks the chart, which is sorted, and the others side by side.
 */
static void
walk_others(VvFeedWalk *walk, const VvRankedVideos *chart)
{
	ChannelRanks ranks = {walk, group_by_channel(chart)};
	VvRankedVideo last = {0};
	VvRankedVideos others;
	VvRankedVideos both;
	bool		begun = walk->after != NULL;
	int			at = 0;

	if (begun)
	{
		last.key = walk->after->key;
		last.video_id = walk->after->video_id;
	}
	while (at < chart->n && !is_behind_cursor(walk, &chart->videos[at]))
		at++;
	do
	{
		read_others(walk, begun ? &last : NULL, &others);
		vv_begin_ranked(&both);
		for (int i = 0; i < others.n; i++)
		{
			last = others.videos[i];
			while (at < chart->n &&
				   vv_ranks_before(walk->order, chart->videos[at].key,
								   chart->videos[at].video_id, last.key,
								   last.video_id))
				vv_keep_ranked(&both, &chart->videos[at++]);
			vv_keep_ranked(&both, &last);
		}
		begun = true;
		while (others.n < walk->wanted && at < chart->n)
			vv_keep_ranked(&both, &chart->videos[at++]);
	} while (go_on_with(&ranks, &both) && others.n == walk->wanted);
}

/*
 * Walks the chart and the first of the others of each category. What is within
 * the limit of its category is all among them.
 */
static void
walk_categories(VvFeedWalk *walk, VvRankedVideos *chart)
{
	ChannelRanks ranks = {walk, group_by_channel(chart)};
	VvFeedLimits limits = walk->limits;
	VvRankedVideos within;
	Counter		counter;

	read_list(walk, &walk->order->others_of_categories,
			  Int32GetDatum(limits.per_category), chart);
	vv_sort_ranked(walk->order, chart);

	begin_counting(walk, &counter);
	vv_begin_ranked(&within);
	walk->limits.per_channel = 0;
	for (int i = 0; i < chart->n; i++)
	{
		if (within_limits(&counter, &chart->videos[i]) &&
			is_behind_cursor(walk, &chart->videos[i]))
			vv_keep_ranked(&within, &chart->videos[i]);
	}
	walk->limits = limits;
	(void) go_on_with(&ranks, &within);
}

/*
 * A page of an order that moves: the chart, sorted for its instant. What may
 * catch up is known for one limit alone; for both the chart is read whole.
 */
static void
walk_moving(VvFeedWalk *walk, VvQuery *query)
{
	VvOrder    *order = walk->order;
	VvRankedVideos chart;

	vv_begin_ranked(&chart);
	read_list(walk, query, (Datum) 0, &chart);
	if (query == &order->for_channels)
		add_of_channels(walk, &chart);
	else if (query == &order->for_categories)
		add_of_categories(walk, &chart);
	walk_list(walk, &chart);
}

/*
 * A page of an order that shows others, where it is not walked from the top.
 */
static void
walk_full(VvFeedWalk *walk)
{
	VvOrder    *order = walk->order;
	VvRankedVideos chart;

	vv_begin_ranked(&walk->page);
	vv_begin_ranked(&chart);
	read_list(walk, walk->limits.per_category == 0 ? &order->chart_for_channels :
			  walk->limits.per_channel == 0 ? &order->chart_for_categories :
			  &order->chart_for_both, (Datum) 0, &chart);
	vv_sort_ranked(order, &chart);
	if (walk->limits.per_category > 0)
		walk_categories(walk, &chart);
	else
		walk_others(walk, &chart);
}

/*
 * What is walked from the top: all, or without what is behind as far as the
 * limits leave that out.
 */
static VvQuery *
rows_within(VvFeedWalk *walk)
{
	VvOrder    *order = walk->order;

	if (Max(walk->limits.per_channel, walk->limits.per_category) > BEFORE_BEHIND)
		return &order->whole;
	if (walk->limits.per_category == 0)
		return &order->for_channels;
	return walk->limits.per_channel == 0 ? &order->for_categories :
		&order->for_both;
}

/*
 * A page of a feed as it was, which has no index.
 */
static void
walk_past(VvFeedWalk *walk)
{
	Datum		args[2] = {PointerGetDatum(walk->region),
	TimestampTzGetDatum(walk->then)};
	VvRankedVideos list;
	Counter		counter;

	if (walk->order->moves)
	{
		vv_begin_ranked(&list);
		read_list(walk, walk->past, args[1], &list);
		walk_list(walk, &list);
		return;
	}
	begin_counting(walk, &counter);
	vv_read_ranked(walk->order, 0, walk->past, args, 0, come_by, &counter);
}

/*
 * Finds the page; it lives in the current memory context. The caller is
 * connected to SPI.
 */
void
vv_walk(VvFeedWalk *walk)
{
	VvOrder    *order = walk->order;
	VvQuery    *rows = rows_within(walk);

	if (walk->past != NULL)
		walk_past(walk);
	else if (order->moves)
		walk_moving(walk, rows);
	else if (order->shows_others && rows != &order->whole &&
			 (rows != &order->for_channels || walk->after != NULL))
		walk_full(walk);
	else
		walk_query(walk, rows);
}
