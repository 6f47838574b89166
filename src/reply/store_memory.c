/*-------------------------------------------------------------------------
 *
 * store_memory.c
 *		How replies lie in shared memory: shards, entries and blocks.
 *
 * Room is made as SIEVE does: entries stay in the order in which they came, a
 * hand goes from the oldest to the newest, passes over those that were read
 * since it came by last, taking the mark off, and removes the first other. What
 * is asked for only once, as a crawler's pages are, leaves soon.
 *
 * Whoever calls a function for a shard holds its lock.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/store_memory.h"

#define BLOCKS_PER_ENTRY 4		/* on average, as entries are laid out */
#define SHARD_SIZE		(2 * 1024 * 1024)
#define MAX_SHARDS		64
#define MIN_BLOCKS		16		/* of a shard */

StaticAssertDecl(VV_KEY_MAX <= VV_BLOCK_SIZE, "a key stands in one block");

VvStore    *vv_store = NULL;

/*
 * Layout
 */

/* The bytes of a shard with so many blocks. */
static Size
shard_size(int nblocks)
{
	int			nentries = nblocks / BLOCKS_PER_ENTRY;

	return MAXALIGN(sizeof(VvShard)) + MAXALIGN(nentries * sizeof(int)) +
		nentries * sizeof(VvEntry) + MAXALIGN(nblocks * sizeof(int)) +
		(Size) nblocks * VV_BLOCK_SIZE;
}

/* How many shards a store of that size has. */
static int
shards_in(Size size)
{
	return Max(1, Min(MAX_SHARDS, (int) (size / SHARD_SIZE)));
}

/* The most blocks of a shard for which all shards fit. */
static int
blocks_in(Size size, int nshards)
{
	Size		stride = (size - MAXALIGN(sizeof(VvStore))) / nshards;
	int			nblocks = stride / VV_BLOCK_SIZE;

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
	return size > sizeof(VvStore) &&
		blocks_in(size, shards_in(size)) >= MIN_BLOCKS;
}

/*
 * Make a shard empty: every entry and every block is in its list of free
 * ones.
 */
static void
format_shard(VvShard *shard, int tranche)
{
	LWLockInitialize(&shard->lock, tranche);
	shard->newest = shard->oldest = shard->hand = VV_NONE;
	pg_atomic_init_u64(&shard->hits, 0);
	for (int i = 0; i < VV_BYPASSES; i++)
		pg_atomic_init_u64(&shard->bypasses[i], 0);
	for (int i = 0; i < vv_store->nentries; i++)
	{
		VvEntry    *entry = vv_entry(shard, i);

		vv_buckets(shard)[i] = VV_NONE;
		entry->chained = i + 1 < vv_store->nentries ? i + 1 : VV_NONE;
		entry->first_block = VV_NONE;
		entry->len = VV_NONE;
		ConditionVariableInit(&entry->built);
		pg_atomic_init_u32(&entry->visited, 0);
		pg_atomic_init_u64(&entry->last_read, 0);
		pg_atomic_init_u64(&entry->hits, 0);
		for (int j = 0; j < VV_BYPASSES; j++)
			pg_atomic_init_u64(&entry->bypasses[j], 0);
	}
	for (int i = 0; i < vv_store->nblocks; i++)
		vv_next_blocks(shard)[i] = i + 1 < vv_store->nblocks ? i + 1 : VV_NONE;
	shard->nfree_blocks = vv_store->nblocks;
}

/*
 * Lays out memory of a size that vv_store_fits(); it is all zero. Nobody else
 * may use it yet.
 */
void
vv_store_format(void *memory, Size size, int tranche)
{
	vv_store = (VvStore *) memory;
	vv_store->nshards = shards_in(size);
	vv_store->nblocks = blocks_in(size, vv_store->nshards);
	vv_store->nentries = vv_store->nblocks / BLOCKS_PER_ENTRY;
	vv_store->stride = shard_size(vv_store->nblocks);
	vv_store->first_shard = MAXALIGN(sizeof(VvStore));
	for (int i = 0; i < vv_store->nshards; i++)
		format_shard(vv_shard(i), tranche);
}

/*
 * Uses memory that has been laid out, in this backend.
 */
void
vv_store_use(void *memory)
{
	vv_store = (VvStore *) memory;
}

/*
 * Bytes in blocks
 */

/* Reads bytes of an entry from its blocks, behind the first skip of them. */
void
vv_read_bytes(VvShard *shard, const VvEntry *entry, int skip, char *to, int len)
{
	int			block = entry->first_block;

	while (len > 0)
	{
		int			part = Min(len, VV_BLOCK_SIZE - skip);

		memcpy(to, vv_block(shard, block) + skip, part);
		to += part;
		len -= part;
		skip = 0;
		block = vv_next_blocks(shard)[block];
	}
}

/*
 * Write len bytes into an entry's blocks, skip bytes behind the beginning of
 * the first.
 */
void
vv_write_bytes(VvShard *shard, const VvEntry *entry, int skip, const char *from,
			   int len)
{
	int			block = entry->first_block;

	while (len > 0)
	{
		int			part = Min(len, VV_BLOCK_SIZE - skip);

		memcpy(vv_block(shard, block) + skip, from, part);
		from += part;
		len -= part;
		skip = 0;
		block = vv_next_blocks(shard)[block];
	}
}

/* The blocks that so many bytes need. */
int
vv_blocks_for(int len)
{
	return (len + VV_BLOCK_SIZE - 1) / VV_BLOCK_SIZE;
}

/* Puts a block that is free before the others of an entry but the first. */
void
vv_take_block(VvShard *shard, VvEntry *entry)
{
	int		   *next = vv_next_blocks(shard);
	int			block = shard->free_block;

	shard->free_block = next[block];
	shard->nfree_blocks--;
	if (entry->nblocks++ == 0)
	{
		entry->first_block = block;
		next[block] = VV_NONE;
		return;
	}
	next[block] = next[entry->first_block];
	next[entry->first_block] = block;
}

/* Frees all blocks of an entry but this many. */
void
vv_free_blocks(VvShard *shard, VvEntry *entry, int keep)
{
	int		   *next = vv_next_blocks(shard);

	while (entry->nblocks > keep)
	{
		int			block = entry->first_block;

		if (entry->nblocks > 1)
		{
			block = next[entry->first_block];
			next[entry->first_block] = next[block];
		}
		else
			entry->first_block = VV_NONE;
		next[block] = shard->free_block;
		shard->free_block = block;
		shard->nfree_blocks++;
		entry->nblocks--;
	}
}

/*
 * Entries
 */

/* The entry of a key, VV_NONE where there is none. */
int
vv_find_entry(VvShard *shard, const VvKey *key)
{
	int			i = vv_buckets(shard)[key->hash % vv_store->nentries];

	while (i != VV_NONE)
	{
		VvEntry    *entry = vv_entry(shard, i);

		if (entry->hash == key->hash && entry->key_len == key->len &&
			memcmp(vv_block(shard, entry->first_block), key->bytes,
				   key->len) == 0)
			return i;
		i = entry->chained;
	}
	return VV_NONE;
}

/*
 * Take an entry out of its bucket and out of the queue, and free its blocks.
 */
void
vv_remove_entry(VvShard *shard, int i)
{
	VvEntry    *entry = vv_entry(shard, i);
	int		   *link = &vv_buckets(shard)[entry->hash % vv_store->nentries];

	while (*link != i)
		link = &vv_entry(shard, *link)->chained;
	*link = entry->chained;

	if (shard->hand == i)
		shard->hand = entry->newer;
	if (entry->newer == VV_NONE)
		shard->newest = entry->older;
	else
		vv_entry(shard, entry->newer)->older = entry->older;
	if (entry->older == VV_NONE)
		shard->oldest = entry->newer;
	else
		vv_entry(shard, entry->older)->newer = entry->newer;

	vv_free_blocks(shard, entry, 0);
	entry->len = VV_NONE;
	entry->chained = shard->free_entry;
	shard->free_entry = i;
	shard->nused_entries--;
}

/* Removes the next entry that was not read since the hand came by. */
static bool
evict(VvShard *shard)
{
	for (int looked = 0; looked < 2 * shard->nused_entries; looked++)
	{
		int			i = shard->hand == VV_NONE ? shard->oldest : shard->hand;
		VvEntry    *entry = vv_entry(shard, i);

		shard->hand = entry->newer;
		if (entry->builder != 0)
			continue;
		if (pg_atomic_exchange_u32(&entry->visited, 0) == 0)
		{
			vv_remove_entry(shard, i);
			shard->evicted++;
			return true;
		}
	}
	return false;
}

/* Makes room; false where all is taken by replies in the making. */
bool
vv_need_blocks(VvShard *shard, int n)
{
	while (shard->nfree_blocks < n)
	{
		if (!evict(shard))
			return false;
	}
	return true;
}

/*
 * A new entry for the key, without a reply, as the newest; VV_NONE where
 * nothing can make room for it.
 */
int
vv_add_entry(VvShard *shard, const VvKey *key)
{
	int		   *bucket = &vv_buckets(shard)[key->hash % vv_store->nentries];
	VvEntry    *entry;
	int			i;

	if (shard->free_entry == VV_NONE && !evict(shard))
		return VV_NONE;
	if (!vv_need_blocks(shard, 1))
		return VV_NONE;
	i = shard->free_entry;
	entry = vv_entry(shard, i);
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
	vv_take_block(shard, entry);
	vv_write_bytes(shard, entry, 0, key->bytes, key->len);

	entry->chained = *bucket;
	*bucket = i;
	entry->newer = VV_NONE;
	entry->older = shard->newest;
	if (shard->newest != VV_NONE)
		vv_entry(shard, shard->newest)->newer = i;
	else
		shard->oldest = i;
	shard->newest = i;
	return i;
}
