/*-------------------------------------------------------------------------
 *
 * store.c
 *		Finished replies in shared memory, found by a key and taken only under
 *		the tag that they were made for.
 *
 * Who misses claims the key: the first is to build, others wait until it has
 * published or given up. They wait for a short time only, since what they hold
 * may be what the builder waits for. How the memory is laid out, and who has
 * to leave it when it is full, is in store_memory.c.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/store.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "reply/store_memory.h"

#define LARGEST_SHARE	4		/* a reply takes a quarter of a shard at most */
#define BUILD_WAIT_MS	1000

static const char *const bypass_names[VV_BYPASSES] = {
	"write", "privilege", "row_security", "distributed", "private", "setting", "version", "size", "busy"
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
 * Taking and publishing
 */

/* Whether the reply is the one for this state at this time. */
static bool
is_current(const VvEntry *entry, const VvTag *tag, TimestampTz now)
{
	int64		step = entry->stamp.step * USECS_PER_SEC;

	return entry->len != VV_NONE &&
		entry->tag.words[0] == tag->words[0] &&
		entry->tag.words[1] == tag->words[1] &&
		(step == 0 || vv_clock_step(now, entry->stamp.step) == entry->stamp.as_of);
}

/* Copies a reply, as a text; the lock is held. */
static text *
copy_reply(VvShard *shard, VvEntry *entry, TimestampTz now, VvStamp *stamp)
{
	text	   *body = (text *) palloc(VARHDRSZ + entry->len);
	TimestampTz last_read = pg_atomic_read_u64(&entry->last_read);

	SET_VARSIZE(body, VARHDRSZ + entry->len);
	vv_read_bytes(shard, entry, entry->key_len, VARDATA(body), entry->len);
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
	VvShard    *shard = vv_shard(vv_shard_of(key));
	text	   *body = NULL;
	int			i;

	LWLockAcquire(&shard->lock, LW_SHARED);
	i = vv_find_entry(shard, key);
	if (i != VV_NONE && is_current(vv_entry(shard, i), tag, now))
		body = copy_reply(shard, vv_entry(shard, i), now, stamp);
	LWLockRelease(&shard->lock);
	return body;
}

/*
 * Looks again, and says who is to make the reply if it is not there. Returns
 * NULL for the entry to wait for, else sets the result; the lock is held.
 */
static VvEntry *
claim_entry(VvShard *shard, const VvKey *key, const VvTag *tag,
			TimestampTz now, VvStamp *stamp, text **body, VvClaim *claim,
			bool counted, VvClaimResult *result)
{
	int			i = vv_find_entry(shard, key);
	VvEntry    *entry;
	bool		same;

	*result = VV_CLAIM_HIT;
	if (i != VV_NONE && is_current(vv_entry(shard, i), tag, now))
	{
		*body = copy_reply(shard, vv_entry(shard, i), now, stamp);
		return NULL;
	}
	*result = VV_CLAIM_ALONE;
	if (!counted)
		shard->misses++;
	if (i == VV_NONE)
		i = vv_add_entry(shard, key);
	if (i == VV_NONE)
		return NULL;
	entry = vv_entry(shard, i);
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
	VvShard    *shard;
	TimestampTz deadline = 0;
	VvClaimResult result;

	claim->shard = vv_shard_of(key);
	shard = vv_shard(claim->shard);
	for (;;)
	{
		VvEntry    *entry;
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
										   vv_wait_event("VvaultReply"));
		ConditionVariableCancelSleep();
	}
	return result;
}

/* Ends a claim; the lock is held. */
static void
end_claim(VvEntry *entry)
{
	entry->builder = 0;
	ConditionVariableBroadcast(&entry->built);
}

/*
 * Whether a reply may take the place of the one that is there: where it is of
 * the newest state, or of the same, and for no earlier step of the clock.
 */
static bool
may_replace(const VvEntry *entry, const VvTag *tag, const VvStamp *stamp,
			bool newest)
{
	if (entry->len == VV_NONE)
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
	VvShard    *shard = vv_shard(claim->shard);
	VvEntry    *entry = vv_entry(shard, claim->entry);
	int			nblocks = vv_blocks_for(entry->key_len + len);
	bool		fits = nblocks <= vv_store->nblocks / LARGEST_SHARE;
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
	if (may_replace(entry, tag, stamp, newest))
	{
		entry->len = VV_NONE;
		vv_free_blocks(shard, entry, fits ? Max(nblocks, 1) : 1);
		if (fits && vv_need_blocks(shard, nblocks - entry->nblocks))
		{
			while (entry->nblocks < nblocks)
				vv_take_block(shard, entry);
			vv_write_bytes(shard, entry, entry->key_len, body, len);
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
	VvShard    *shard = vv_shard(claim->shard);
	VvEntry    *entry;

	if (claim->entry == VV_NONE)
		return;
	entry = vv_entry(shard, claim->entry);
	LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
	end_claim(entry);
	if (entry->len == VV_NONE && pg_atomic_read_u64(&entry->hits) == 0)
		vv_remove_entry(shard, claim->entry);
	LWLockRelease(&shard->lock);
	claim->entry = VV_NONE;
}

/*
 * Counts a reply that had nothing to do with the store, and why.
 */
void
vv_store_bypassed(const VvKey *key, VvBypass reason)
{
	VvShard    *shard = vv_shard(vv_shard_of(key));
	int			i;

	LWLockAcquire(&shard->lock, LW_SHARED);
	i = vv_find_entry(shard, key);
	if (i != VV_NONE)
		pg_atomic_fetch_add_u64(&vv_entry(shard, i)->bypasses[reason], 1);
	pg_atomic_fetch_add_u64(&shard->bypasses[reason], 1);
	LWLockRelease(&shard->lock);
}

/*
 * Looking at it
 */

/* The key of an entry. The caller holds the shard's lock. */
static void
read_key(VvShard *shard, const VvEntry *entry, VvKey *key)
{
	key->hash = entry->hash;
	key->len = entry->key_len;
	vv_read_bytes(shard, entry, 0, key->bytes, entry->key_len);
}

/* What is told of an entry. The caller holds the shard's lock. */
static void
show_entry(VvEntry *entry, VvEntryInfo *info)
{
	info->tag = entry->tag;
	info->stamp = entry->stamp;
	info->filled = entry->len != VV_NONE;
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
	for (int s = 0; s < vv_store->nshards; s++)
	{
		VvShard    *shard = vv_shard(s);

		LWLockAcquire(&shard->lock, LW_SHARED);
		for (int i = shard->oldest; i != VV_NONE; i = vv_entry(shard, i)->newer)
		{
			if (*n == allocated)
			{
				allocated *= 2;
				list = repalloc_huge(list, allocated * sizeof(VvEntryInfo));
			}
			read_key(shard, vv_entry(shard, i), &list[*n].key);
			if (!test(&list[*n].key, arg))
				continue;
			show_entry(vv_entry(shard, i), &list[*n]);
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

	for (int s = 0; s < vv_store->nshards; s++)
	{
		VvShard    *shard = vv_shard(s);
		int			newer;

		LWLockAcquire(&shard->lock, LW_EXCLUSIVE);
		for (int i = shard->oldest; i != VV_NONE; i = newer)
		{
			VvEntry    *entry = vv_entry(shard, i);

			newer = entry->newer;
			read_key(shard, entry, &key);
			if (!test(&key, arg))
				continue;
			n++;
			if (entry->builder == 0)
			{
				vv_remove_entry(shard, i);
				continue;
			}
			entry->len = VV_NONE;
			vv_free_blocks(shard, entry, 1);
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
	totals->size = (int64) vv_store->nshards * vv_store->nblocks * VV_BLOCK_SIZE;
	for (int s = 0; s < vv_store->nshards; s++)
	{
		VvShard    *shard = vv_shard(s);

		LWLockAcquire(&shard->lock, LW_SHARED);
		totals->used += (int64) (vv_store->nblocks - shard->nfree_blocks) * VV_BLOCK_SIZE;
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
