/*-------------------------------------------------------------------------
 *
 * store_memory.h
 *		How replies lie in shared memory: shards, entries and blocks.
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
 * The lock of a shard, shared, guards a look-up and the copy of a reply;
 * exclusive, every change. Counters of hits and bypasses and the mark
 * "visited" are atomic and change under the shared lock.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_STORE_MEMORY_H
#define VVAULT_REPLY_STORE_MEMORY_H

#include "core/compat.h"

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

#include "reply/store.h"

#define VV_BLOCK_SIZE		1024
#define VV_NONE			(-1)

typedef struct VvEntry
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
	int			len;			/* of the reply, VV_NONE where there is none */
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
} VvEntry;

typedef struct VvShard
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
} VvShard;

/* At the start of the memory; shards follow, each at a multiple of stride. */
typedef struct VvStore
{
	int			nshards;
	int			nentries;		/* of each shard, as many buckets */
	int			nblocks;		/* of each shard */
	Size		stride;
	Size		first_shard;
} VvStore;


extern VvStore *vv_store;

/* Shard i of the store. */
static inline VvShard *
vv_shard(int i)
{
	return (VvShard *) ((char *) vv_store + vv_store->first_shard + i * vv_store->stride);
}

/* The shard that a key belongs to. */
static inline int
vv_shard_of(const VvKey *key)
{
	/* the low bits choose the bucket */
	return (key->hash >> 32) % vv_store->nshards;
}

/* A shard's hash table: the first entry of each bucket. */
static inline int *
vv_buckets(VvShard *shard)
{
	return (int *) ((char *) shard + MAXALIGN(sizeof(VvShard)));
}

/* Entry i of a shard, behind its buckets. */
static inline VvEntry *
vv_entry(VvShard *shard, int i)
{
	return (VvEntry *) ((char *) vv_buckets(shard) +
						MAXALIGN(vv_store->nentries * sizeof(int))) + i;
}

/*
 * For each block of a shard the one that follows it in its chain, behind its
 * entries.
 */
static inline int *
vv_next_blocks(VvShard *shard)
{
	return (int *) vv_entry(shard, vv_store->nentries);
}

/* Block i of a shard, behind all else. */
static inline char *
vv_block(VvShard *shard, int i)
{
	return (char *) vv_next_blocks(shard) + MAXALIGN(vv_store->nblocks * sizeof(int)) +
		(Size) i * VV_BLOCK_SIZE;
}

extern void vv_read_bytes(VvShard *shard, const VvEntry *entry, int skip, char *to,
						  int len);
extern void vv_write_bytes(VvShard *shard, const VvEntry *entry, int skip,
						   const char *from, int len);
extern int	vv_blocks_for(int len);
extern void vv_take_block(VvShard *shard, VvEntry *entry);
extern void vv_free_blocks(VvShard *shard, VvEntry *entry, int keep);
extern bool vv_need_blocks(VvShard *shard, int n);
extern int	vv_find_entry(VvShard *shard, const VvKey *key);
extern int	vv_add_entry(VvShard *shard, const VvKey *key);
extern void vv_remove_entry(VvShard *shard, int i);

#endif							/* VVAULT_REPLY_STORE_MEMORY_H */
