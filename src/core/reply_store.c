/*-------------------------------------------------------------------------
 *
 * reply_store.c
 *		Finished replies in shared memory, found by a key and taken only under
 *		the tag that they were made for.
 *
 * The memory may be mapped at another address in each backend, so what lies
 * in it points by number. It is cut into shards, and a key belongs to one of
 * them by its hash. A shard has its own lock, its own entries and its own
 * blocks, so that whatever happens in it is bounded by its size:
 *
 *		buckets		first entry of each chain of equal hashes
 *		entries		one for each key: tag, counters, first block
 *		next		the block that follows each block
 *		blocks		the key's bytes and right behind them the reply's
 *
 * The lock, shared, guards a look-up and the copy of a reply; exclusive, every
 * change. Counters of hits and bypasses and the mark "visited" are atomic and
 * change under the shared lock.
 *
 * Room is made as SIEVE does: entries stay in the order in which they came, a
 * hand goes from the oldest to the newest, passes over those that were read
 * since it came by last, taking the mark off, and removes the first other. What
 * is asked for only once, as a crawler's pages are, leaves soon.
 *
 * Who misses claims the key: the first is to build, others wait until it has
 * published or given up. They wait for a short time only, since what they hold
 * may be what the builder waits for.
 *
 *-------------------------------------------------------------------------
 */
#include "core/reply_store.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#define BLOCK_SIZE		1024
#define BLOCKS_PER_ENTRY 4		/* on average, as entries are laid out */
#define SHARD_SIZE		(2 * 1024 * 1024)
#define MAX_SHARDS		64
#define MIN_BLOCKS		16		/* of a shard */
#define LARGEST_SHARE	4		/* a reply takes a quarter of a shard at most */
#define BUILD_WAIT_MS	1000

#define NONE			(-1)

StaticAssertDecl(VV_KEY_MAX <= BLOCK_SIZE, "a key stands in one block");

typedef struct Entry
{
	VvTag		tag;
	VvStamp		stamp;
	uint64		hash;
	int			chained;		/* next entry of the bucket, or of free ones */
	int			newer;
	int			older;
	int			first_block;
	int			nblocks;
	int			key_len;
	int			len;			/* of the reply, NONE where there is none */
	TimestampTz published_at;
	int64		build_time;
	uint64		misses;

	/* who is making a reply, and for which state; 0 where nobody is */
	int			builder;
	VvTag		build_tag;
	bool		refused;		/* what was made then is too large */
	ConditionVariable built;

	/* these change under the shared lock */
	pg_atomic_uint32 visited;
	pg_atomic_uint64 last_read; /* a TimestampTz, to the second */
	pg_atomic_uint64 hits;
	pg_atomic_uint64 bypasses[VV_BYPASSES];
} Entry;

typedef struct Shard
{
	LWLock		lock;
	int			free_entry;
	int			free_block;
	int			nfree_blocks;
	int			nused_entries;
	int			newest;
	int			oldest;
	int			hand;
	uint64		misses;
	uint64		waits;
	uint64		published;
	uint64		evicted;
	pg_atomic_uint64 hits;
	pg_atomic_uint64 bypasses[VV_BYPASSES];
} Shard;

#define MAX_WORKERS			16
#define WORKER_START_SECONDS 10

/* The worker of a database. */
typedef struct Worker
{
	Oid			database;
	int			pid;			/* 0 while it starts, or after it ended */
	TimestampTz asked_at;		/* when it was wanted last */
} Worker;

/* At the start of the memory; shards follow, each at a multiple of stride. */
typedef struct Store
{
	LWLock		worker_lock;
	Worker		workers[MAX_WORKERS];
	int			tranche;
	int			nshards;
	int			nentries;		/* of each shard, as many buckets */
	int			nblocks;		/* of each shard */
	Size		stride;
	Size		first_shard;
} Store;

static Store *store = NULL;

static const char *const bypass_names[VV_BYPASSES] = {
	"write", "privilege", "row_security", "setting", "version", "size", "busy"
};

/*
 * The name of a reason.
 */
const char *
vv_bypass_name(VvBypass reason)
{
	return bypass_names[reason];
}

/*
 * Completes a key whose bytes are written.
 */
void
vv_key_finish(VvKey *key)
{
	key->hash = hash_bytes_extended((unsigned char *) key->bytes, key->len, 0);
}

/*
 * Layout
 */

static inline Shard *
shard_at(int i)
{
	return (Shard *) ((char *) store + store->first_shard + i * store->stride);
}

static inline int
shard_of(const VvKey *key)
{
	/* the low bits choose the bucket */
	return (key->hash >> 32) % store->nshards;
}

static inline int *
buckets_of(Shard *shard)
{
	return (int *) ((char *) shard + MAXALIGN(sizeof(Shard)));
}

static inline Entry *
entry_at(Shard *shard, int i)
{
	return (Entry *) ((char *) buckets_of(shard) +
					  MAXALIGN(store->nentries * sizeof(int))) + i;
}

static inline int *
next_of(Shard *shard)
{
	return (int *) entry_at(shard, store->nentries);
}

static inline char *
block_at(Shard *shard, int i)
{
	return (char *) next_of(shard) + MAXALIGN(store->nblocks * sizeof(int)) +
		(Size) i * BLOCK_SIZE;
}

static Size
shard_size(int nblocks)
{
	int			nentries = nblocks / BLOCKS_PER_ENTRY;

	return MAXALIGN(sizeof(Shard)) + MAXALIGN(nentries * sizeof(int)) +
		nentries * sizeof(Entry) + MAXALIGN(nblocks * sizeof(int)) +
		(Size) nblocks * BLOCK_SIZE;
}

static int
shards_in(Size size)
{
	return Max(1, Min(MAX_SHARDS, (int) (size / SHARD_SIZE)));
}

/* The most blocks of a shard for which all shards fit. */
static int
blocks_in(Size size, int nshards)
{
	Size		stride = (size - MAXALIGN(sizeof(Store))) / nshards;
	int			nblocks = stride / BLOCK_SIZE;

	while (nblocks > 0 && shard_size(nblocks) > stride)
		nblocks--;
	return nblocks;
}

/*
 * Whether there is room for anything in memory of this size.
 */
bool
vv_store_fits(Size size)
{
	return size > sizeof(Store) &&
		blocks_in(size, shards_in(size)) >= MIN_BLOCKS;
}

static void
format_shard(Shard *shard)
{
	LWLockInitialize(&shard->lock, store->tranche);
	shard->newest = shard->oldest = shard->hand = NONE;
	pg_atomic_init_u64(&shard->hits, 0);
	for (int i = 0; i < VV_BYPASSES; i++)
		pg_atomic_init_u64(&shard->bypasses[i], 0);
	for (int i = 0; i < store->nentries; i++)
	{
		Entry	   *entry = entry_at(shard, i);

		buckets_of(shard)[i] = NONE;
		entry->chained = i + 1 < store->nentries ? i + 1 : NONE;
		entry->first_block = NONE;
		entry->len = NONE;
		ConditionVariableInit(&entry->built);
		pg_atomic_init_u32(&entry->visited, 0);
		pg_atomic_init_u64(&entry->last_read, 0);
		pg_atomic_init_u64(&entry->hits, 0);
		for (int j = 0; j < VV_BYPASSES; j++)
			pg_atomic_init_u64(&entry->bypasses[j], 0);
	}
	for (int i = 0; i < store->nblocks; i++)
		next_of(shard)[i] = i + 1 < store->nblocks ? i + 1 : NONE;
	shard->nfree_blocks = store->nblocks;
}

/*
 * Lays out memory of a size that vv_store_fits(). Nobody else may use it yet.
 */
void
vv_store_format(void *memory, Size size)
{
	memset(memory, 0, size);
	store = (Store *) memory;
	store->tranche = LWLockNewTrancheId();
	LWLockInitialize(&store->worker_lock, store->tranche);
	store->nshards = shards_in(size);
	store->nblocks = blocks_in(size, store->nshards);
	store->nentries = store->nblocks / BLOCKS_PER_ENTRY;
	store->stride = shard_size(store->nblocks);
	store->first_shard = MAXALIGN(sizeof(Store));
	for (int i = 0; i < store->nshards; i++)
		format_shard(shard_at(i));
}

/*
 * Uses memory that has been laid out, in this backend.
 */
void
vv_store_use(void *memory)
{
	store = (Store *) memory;
	LWLockRegisterTranche(store->tranche, "VvaultReplyStore");
}

/*
 * Bytes in blocks
 */

static void
read_bytes(Shard *shard, const Entry *entry, int skip, char *to, int len)
{
	int			block = entry->first_block;

	while (len > 0)
	{
		int			part = Min(len, BLOCK_SIZE - skip);

		memcpy(to, block_at(shard, block) + skip, part);
		to += part;
		len -= part;
		skip = 0;
		block = next_of(shard)[block];
	}
}

static void
write_bytes(Shard *shard, const Entry *entry, int skip, const char *from,
			int len)
{
	int			block = entry->first_block;

	while (len > 0)
	{
		int			part = Min(len, BLOCK_SIZE - skip);

		memcpy(block_at(shard, block) + skip, from, part);
		from += part;
		len -= part;
		skip = 0;
		block = next_of(shard)[block];
	}
}

static int
blocks_for(int len)
{
	return (len + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

/* Puts a block that is free before the others of an entry but the first. */
static void
take_block(Shard *shard, Entry *entry)
{
	int		   *next = next_of(shard);
	int			block = shard->free_block;

	shard->free_block = next[block];
	shard->nfree_blocks--;
	if (entry->nblocks++ == 0)
	{
		entry->first_block = block;
		next[block] = NONE;
		return;
	}
	next[block] = next[entry->first_block];
	next[entry->first_block] = block;
}

/* Frees all blocks of an entry but this many. */
static void
free_blocks(Shard *shard, Entry *entry, int keep)
{
	int		   *next = next_of(shard);

	while (entry->nblocks > keep)
	{
		int			block = entry->first_block;

		if (entry->nblocks > 1)
		{
			block = next[entry->first_block];
			next[entry->first_block] = next[block];
		}
		else
			entry->first_block = NONE;
		next[block] = shard->free_block;
		shard->free_block = block;
		shard->nfree_blocks++;
		entry->nblocks--;
	}
}

/*
 * Entries
 */

static int
find_entry(Shard *shard, const VvKey *key)
{
	int			i = buckets_of(shard)[key->hash % store->nentries];

	while (i != NONE)
	{
		Entry	   *entry = entry_at(shard, i);

		if (entry->hash == key->hash && entry->key_len == key->len &&
			memcmp(block_at(shard, entry->first_block), key->bytes,
				   key->len) == 0)
			return i;
		i = entry->chained;
	}
	return NONE;
}

/* Whether the reply is the one for this state at this time. */
static bool
is_current(const Entry *entry, const VvTag *tag, TimestampTz now)
{
	int64		step = entry->stamp.step * USECS_PER_SEC;

	return entry->len != NONE &&
		entry->tag.words[0] == tag->words[0] &&
		entry->tag.words[1] == tag->words[1] &&
		(step == 0 || vv_clock_step(now, entry->stamp.step) == entry->stamp.as_of);
}

static void
remove_entry(Shard *shard, int i)
{
	Entry	   *entry = entry_at(shard, i);
	int		   *link = &buckets_of(shard)[entry->hash % store->nentries];

	while (*link != i)
		link = &entry_at(shard, *link)->chained;
	*link = entry->chained;

	if (shard->hand == i)
		shard->hand = entry->newer;
	if (entry->newer == NONE)
		shard->newest = entry->older;
	else
		entry_at(shard, entry->newer)->older = entry->older;
	if (entry->older == NONE)
		shard->oldest = entry->newer;
	else
		entry_at(shard, entry->older)->newer = entry->newer;

	free_blocks(shard, entry, 0);
	entry->len = NONE;
	entry->chained = shard->free_entry;
	shard->free_entry = i;
	shard->nused_entries--;
}

/* Removes the next entry that was not read since the hand came by. */
static bool
evict(Shard *shard)
{
	for (int looked = 0; looked < 2 * shard->nused_entries; looked++)
	{
		int			i = shard->hand == NONE ? shard->oldest : shard->hand;
		Entry	   *entry = entry_at(shard, i);

		shard->hand = entry->newer;
		if (entry->builder != 0)
			continue;
		if (pg_atomic_exchange_u32(&entry->visited, 0) == 0)
		{
			remove_entry(shard, i);
			shard->evicted++;
			return true;
		}
	}
	return false;
}

/* Makes room; false where all is taken by replies in the making. */
static bool
need_blocks(Shard *shard, int n)
{
	while (shard->nfree_blocks < n)
	{
		if (!evict(shard))
			return false;
	}
	return true;
}

static int
add_entry(Shard *shard, const VvKey *key)
{
	int		   *bucket = &buckets_of(shard)[key->hash % store->nentries];
	Entry	   *entry;
	int			i;

	if (shard->free_entry == NONE && !evict(shard))
		return NONE;
	if (!need_blocks(shard, 1))
		return NONE;
	i = shard->free_entry;
	entry = entry_at(shard, i);
	shard->free_entry = entry->chained;
	shard->nused_entries++;

	entry->hash = key->hash;
	entry->key_len = key->len;
	entry->misses = 0;
	entry->builder = 0;
	entry->refused = false;
	pg_atomic_write_u32(&entry->visited, 0);
	pg_atomic_write_u64(&entry->last_read, 0);
	pg_atomic_write_u64(&entry->hits, 0);
	for (int j = 0; j < VV_BYPASSES; j++)
		pg_atomic_write_u64(&entry->bypasses[j], 0);
	take_block(shard, entry);
	write_bytes(shard, entry, 0, key->bytes, key->len);

	entry->chained = *bucket;
	*bucket = i;
	entry->newer = NONE;
	entry->older = shard->newest;
	if (shard->newest != NONE)
		entry_at(shard, shard->newest)->newer = i;
	else
		shard->oldest = i;
	shard->newest = i;
	return i;
}

/*
 * Taking and publishing
 */

/* Copies a reply, as a text; the lock is held. */
static text *
copy_reply(Shard *shard, Entry *entry, TimestampTz now, VvStamp *stamp)
{
	text	   *body = (text *) palloc(VARHDRSZ + entry->len);
	TimestampTz last_read = pg_atomic_read_u64(&entry->last_read);

	SET_VARSIZE(body, VARHDRSZ + entry->len);
	read_bytes(shard, entry, entry->key_len, VARDATA(body), entry->len);
	*stamp = entry->stamp;
	pg_atomic_fetch_add_u64(&entry->hits, 1);
	pg_atomic_fetch_add_u64(&shard->hits, 1);
	if (pg_atomic_read_u32(&entry->visited) == 0)
		pg_atomic_write_u32(&entry->visited, 1);
	if (now - last_read > USECS_PER_SEC)
		pg_atomic_write_u64(&entry->last_read, now);
	return body;
}

/*
 * The reply to a key for a state of the database and the time now, with its
 * stamp, or NULL.
 */
text *
vv_store_get(const VvKey *key, const VvTag *tag, TimestampTz now,
			 VvStamp *stamp)
{
	Shard	   *shard = shard_at(shard_of(key));
	text	   *body = NULL;
	int			i;

	LWLockAcquire(&shard->lock, LW_SHARED);
	i = find_entry(shard, key);
	if (i != NONE && is_current(entry_at(shard, i), tag, now))
		body = copy_reply(shard, entry_at(shard, i), now, stamp);
	LWLockRelease(&shard->lock);
	return body;
}

/*
 * Looks again, and says who is to make the reply if it is not there. Returns
 * NULL for the entry to wait for, else sets the result; the lock is held.
 */
static Entry *
claim_entry(Shard *shard, const VvKey *key, const VvTag *tag,
			TimestampTz now, VvStamp *stamp, text **body, VvClaim *claim,
			bool counted, VvClaimResult *result)
{
	int			i = find_entry(shard, key);
	Entry	   *entry;
	bool		same;

	*result = VV_CLAIM_HIT;
	if (i != NONE && is_current(entry_at(shard, i), tag, now))
	{
		*body = copy_reply(shard, entry_at(shard, i), now, stamp);
		return NULL;
	}
	*result = VV_CLAIM_ALONE;
	if (!counted)
		shard->misses++;
	if (i == NONE)
		i = add_entry(shard, key);
	if (i == NONE)
		return NULL;
	entry = entry_at(shard, i);
	if (!counted)
		entry->misses++;
	same = entry->build_tag.words[0] == tag->words[0] &&
		entry->build_tag.words[1] == tag->words[1];
	if (entry->refused && same)
	{
		*result = VV_CLAIM_TOO_LARGE;
		return NULL;
	}
	if (entry->builder == 0)
	{
		entry->builder = MyProcPid;
		entry->build_tag = *tag;
		entry->refused = false;
		claim->entry = i;
		claim->started = GetCurrentTimestamp();
		*result = VV_CLAIM_BUILD;
		return NULL;
	}
	return same ? entry : NULL;
}

/*
 * Claims the reply to a key that vv_store_get() did not have. Waits for one
 * who is making the same; see VvClaimResult for what may come of it. A caller
 * that is to build owes a vv_store_publish() or a vv_store_give_up().
 */
VvClaimResult
vv_store_claim(const VvKey *key, const VvTag *tag, TimestampTz now,
			   VvStamp *stamp, text **body, VvClaim *claim)
{
	Shard	   *shard;
	TimestampTz deadline = 0;
	VvClaimResult result;

	claim->shard = shard_of(key);
	shard = shard_at(claim->shard);
	for (;;)
	{
		Entry	   *entry;
		long		left = BUILD_WAIT_MS;

		LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
		entry = claim_entry(shard, key, tag, now, stamp, body, claim,
							deadline != 0, &result);
		if (entry != NULL && deadline != 0)
			left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
												   deadline);
		if (entry != NULL && left > 0)
			ConditionVariablePrepareToSleep(&entry->built);
		if (result == VV_CLAIM_HIT && deadline != 0)
			shard->waits++;
		LWLockRelease(&shard->lock);

		if (entry == NULL || left <= 0)
			break;
		if (deadline == 0)
			deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												   BUILD_WAIT_MS);
		/* the entry may be another's when this returns: look again */
		(void) ConditionVariableTimedSleep(&entry->built, left,
										   vv_wait_event());
		ConditionVariableCancelSleep();
	}
	return result;
}

/* Ends a claim; the lock is held. */
static void
end_claim(Entry *entry)
{
	entry->builder = 0;
	ConditionVariableBroadcast(&entry->built);
}

/*
 * Whether a reply may take the place of the one that is there: where it is of
 * the newest state, or of the same, and for no earlier step of the clock.
 */
static bool
may_replace(const Entry *entry, const VvTag *tag, const VvStamp *stamp,
			bool newest)
{
	if (entry->len == NONE)
		return true;
	if (entry->tag.words[0] == tag->words[0] &&
		entry->tag.words[1] == tag->words[1])
		return entry->stamp.as_of <= stamp->as_of;
	return newest;
}

/*
 * Publishes what was built under a claim, unless the reply that is there is
 * newer; newest says that the caller's is of the newest state of the database.
 * False where the reply is too large.
 */
bool
vv_store_publish(const VvClaim *claim, const VvTag *tag,
				 const VvStamp *stamp, bool newest, const char *body, int len)
{
	Shard	   *shard = shard_at(claim->shard);
	Entry	   *entry = entry_at(shard, claim->entry);
	int			nblocks = blocks_for(entry->key_len + len);
	bool		fits = nblocks <= store->nblocks / LARGEST_SHARE;
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
	if (may_replace(entry, tag, stamp, newest))
	{
		entry->len = NONE;
		free_blocks(shard, entry, fits ? Max(nblocks, 1) : 1);
		if (fits && need_blocks(shard, nblocks - entry->nblocks))
		{
			while (entry->nblocks < nblocks)
				take_block(shard, entry);
			write_bytes(shard, entry, entry->key_len, body, len);
			entry->len = len;
			entry->tag = *tag;
			entry->stamp = *stamp;
			entry->published_at = now;
			entry->build_time = now - claim->started;
			shard->published++;
		}
	}
	entry->refused = !fits;
	end_claim(entry);
	LWLockRelease(&shard->lock);
	return fits;
}

/*
 * Ends a claim with nothing to publish, if it has not ended yet. A key that
 * never had a reply is forgotten: errors fill no memory.
 */
void
vv_store_give_up(VvClaim *claim)
{
	Shard	   *shard = shard_at(claim->shard);
	Entry	   *entry;

	if (claim->entry == NONE)
		return;
	entry = entry_at(shard, claim->entry);
	LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
	end_claim(entry);
	if (entry->len == NONE && pg_atomic_read_u64(&entry->hits) == 0)
		remove_entry(shard, claim->entry);
	LWLockRelease(&shard->lock);
	claim->entry = NONE;
}

/*
 * Counts a reply that had nothing to do with the store, and why.
 */
void
vv_store_bypassed(const VvKey *key, VvBypass reason)
{
	Shard	   *shard = shard_at(shard_of(key));
	int			i;

	LWLockAcquire(&shard->lock, LW_SHARED);
	i = find_entry(shard, key);
	if (i != NONE)
		pg_atomic_fetch_add_u64(&entry_at(shard, i)->bypasses[reason], 1);
	pg_atomic_fetch_add_u64(&shard->bypasses[reason], 1);
	LWLockRelease(&shard->lock);
}

/*
 * Looking at it
 */

static void
read_key(Shard *shard, const Entry *entry, VvKey *key)
{
	key->hash = entry->hash;
	key->len = entry->key_len;
	read_bytes(shard, entry, 0, key->bytes, entry->key_len);
}

static void
show_entry(Entry *entry, VvEntryInfo *info)
{
	info->tag = entry->tag;
	info->stamp = entry->stamp;
	info->filled = entry->len != NONE;
	info->last_read = pg_atomic_read_u64(&entry->last_read);
	info->hits = pg_atomic_read_u64(&entry->hits);
	info->misses = entry->misses;
	for (int j = 0; j < VV_BYPASSES; j++)
		info->bypasses[j] = pg_atomic_read_u64(&entry->bypasses[j]);
	info->bytes = info->filled ? entry->len : 0;
	info->build_time = entry->build_time;
	info->published_at = entry->published_at;
}

/*
 * The entries whose keys pass a test, oldest first; *n says how many.
 */
VvEntryInfo *
vv_store_list(VvKeyTest test, void *arg, int *n)
{
	int			allocated = 64;
	VvEntryInfo *list = palloc(allocated * sizeof(VvEntryInfo));

	*n = 0;
	for (int s = 0; s < store->nshards; s++)
	{
		Shard	   *shard = shard_at(s);

		LWLockAcquire(&shard->lock, LW_SHARED);
		for (int i = shard->oldest; i != NONE; i = entry_at(shard, i)->newer)
		{
			if (*n == allocated)
			{
				allocated *= 2;
				list = repalloc_huge(list, allocated * sizeof(VvEntryInfo));
			}
			read_key(shard, entry_at(shard, i), &list[*n].key);
			if (!test(&list[*n].key, arg))
				continue;
			show_entry(entry_at(shard, i), &list[*n]);
			(*n)++;
		}
		LWLockRelease(&shard->lock);
	}
	return list;
}

/*
 * Removes the entries whose keys pass a test and returns how many. Of one in
 * the making the reply goes and the key stays.
 */
int
vv_store_remove(VvKeyTest test, void *arg)
{
	VvKey		key;
	int			n = 0;

	for (int s = 0; s < store->nshards; s++)
	{
		Shard	   *shard = shard_at(s);
		int			newer;

		LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
		for (int i = shard->oldest; i != NONE; i = newer)
		{
			Entry	   *entry = entry_at(shard, i);

			newer = entry->newer;
			read_key(shard, entry, &key);
			if (!test(&key, arg))
				continue;
			n++;
			if (entry->builder == 0)
			{
				remove_entry(shard, i);
				continue;
			}
			entry->len = NONE;
			free_blocks(shard, entry, 1);
		}
		LWLockRelease(&shard->lock);
	}
	return n;
}

/*
 * Adds up the counters of all shards.
 */
void
vv_store_totals(VvStoreTotals *totals)
{
	memset(totals, 0, sizeof(*totals));
	totals->size = (int64) store->nshards * store->nblocks * BLOCK_SIZE;
	for (int s = 0; s < store->nshards; s++)
	{
		Shard	   *shard = shard_at(s);

		LWLockAcquire(&shard->lock, LW_SHARED);
		totals->used += (int64) (store->nblocks - shard->nfree_blocks) * BLOCK_SIZE;
		totals->entries += shard->nused_entries;
		totals->hits += pg_atomic_read_u64(&shard->hits);
		totals->misses += shard->misses;
		totals->waits += shard->waits;
		totals->published += shard->published;
		totals->evicted += shard->evicted;
		for (int i = 0; i < VV_BYPASSES; i++)
			totals->bypasses[i] += pg_atomic_read_u64(&shard->bypasses[i]);
		LWLockRelease(&shard->lock);
	}
}

/*
 * Workers
 */

/* The slot of a database, or the one it may have; the lock is held. */
static Worker *
worker_slot(Oid database)
{
	Worker	   *oldest = NULL;

	for (int i = 0; i < MAX_WORKERS; i++)
	{
		Worker	   *worker = &store->workers[i];

		if (worker->database == database)
			return worker;
		if (worker->pid == 0 &&
			(oldest == NULL || worker->asked_at < oldest->asked_at))
			oldest = worker;
	}
	return oldest;
}

/*
 * Whether the caller is to start the worker of a database.
 */
bool
vv_store_worker_wanted(Oid database)
{
	TimestampTz now = GetCurrentTimestamp();
	Worker	   *worker;
	bool		wanted;

	LWLockAcquire(&store->worker_lock, LW_EXCLUSIVE);
	worker = worker_slot(database);
	wanted = worker != NULL && worker->pid == 0 &&
		now - worker->asked_at > WORKER_START_SECONDS * USECS_PER_SEC;
	if (wanted)
	{
		worker->database = database;
		worker->asked_at = now;
	}
	LWLockRelease(&store->worker_lock);
	return wanted;
}

/*
 * Makes the caller the worker of a database; false where there is one.
 */
bool
vv_store_worker_enter(Oid database)
{
	Worker	   *worker;
	bool		entered;

	LWLockAcquire(&store->worker_lock, LW_EXCLUSIVE);
	worker = worker_slot(database);
	entered = worker != NULL && worker->pid == 0;
	if (entered)
	{
		worker->database = database;
		worker->pid = MyProcPid;
	}
	LWLockRelease(&store->worker_lock);
	return entered;
}

/*
 * Ends what vv_store_worker_enter() began.
 */
void
vv_store_worker_leave(Oid database)
{
	LWLockAcquire(&store->worker_lock, LW_EXCLUSIVE);
	worker_slot(database)->pid = 0;
	LWLockRelease(&store->worker_lock);
}

/*
 * The process of a database's worker, 0 where there is none.
 */
int
vv_store_worker(Oid database)
{
	int			pid = 0;

	LWLockAcquire(&store->worker_lock, LW_SHARED);
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (store->workers[i].database == database)
			pid = store->workers[i].pid;
	}
	LWLockRelease(&store->worker_lock);
	return pid;
}
