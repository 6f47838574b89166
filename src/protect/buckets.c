/*-------------------------------------------------------------------------
 *
 * buckets.c
 *		How much each caller has asked for lately, in shared memory.
 *
 * A bucket holds as many calls as may come at once, and fills by so many a
 * second. All that has to be known of one is when it is full again; one that is
 * full is as good as none, and its place is free. So the memory is a table of
 * fixed size, in sets that a hash chooses. Where a set has no free place, who
 * is nearest to a full bucket loses his: he may have a burst too many, nobody
 * has one too few.
 *
 * Callers are known by 128 bits of hashes that are seeded by chance when the
 * server starts: nobody can come as another.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/buckets.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "core/counters.h"
#include "core/shared_memory.h"

#define NSETS		2048		/* powers of two */
#define NWAYS		8
#define NLOCKS		64

typedef struct BucketKey
{
	uint64		halves[2];
} BucketKey;

typedef struct Bucket
{
	BucketKey	key;
	TimestampTz full_at;
} Bucket;

typedef struct Buckets
{
	uint64		seeds[2];
	LWLockPadded locks[NLOCKS];
	Bucket		buckets[NSETS][NWAYS];
} Buckets;

/* The area has one size, whatever the settings are. */
static Size
buckets_size(void)
{
	return sizeof(Buckets);
}

/* All are full: zeros say so. */
static void
buckets_initialize(void *memory, Size size, int tranche)
{
	Buckets    *buckets = (Buckets *) memory;

	(void) size;
	if (!pg_strong_random(buckets->seeds, sizeof(buckets->seeds)))
		elog(ERROR, "could not generate random seeds");
	for (int i = 0; i < NLOCKS; i++)
		LWLockInitialize(&buckets->locks[i].lock, tranche);
}

static VvSharedArea buckets_area = {
	.name = "limits",
	.tranche = "VvaultLimits",
	.size = buckets_size,
	.initialize = buckets_initialize,
};

static VvCounter forgotten = {.name = "rate_limit_places_lost"};

/*
 * Asks for the memory of the buckets.
 */
void
vv_buckets_init(void)
{
	vv_register_area(&buckets_area);
	vv_register_counter(&forgotten);
}

/* The buckets in shared memory, NULL where there is none. */
static Buckets *
all_buckets(void)
{
	return (Buckets *) vv_shared_area(&buckets_area);
}

/*
 * Whether calls can be counted. Maps the buckets into this backend if need be.
 */
bool
vv_buckets_ready(void)
{
	return all_buckets() != NULL;
}

/* How a name of this database is told. */
static BucketKey
key_of(const Buckets *buckets, const char *name, int len)
{
	BucketKey	key;

	for (int i = 0; i < 2; i++)
		key.halves[i] = hash_bytes_extended((const unsigned char *) name, len,
											buckets->seeds[i] ^ MyDatabaseId);
	return key;
}

/*
 * The bucket of a key in a set, or the place that it may have: the one that is
 * full, or will be first. Its lock is held.
 */
static Bucket *
bucket_of(Bucket *set, const BucketKey *key)
{
	Bucket	   *first = set;

	for (int i = 0; i < NWAYS; i++)
	{
		if (memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
		if (set[i].full_at < first->full_at)
			first = &set[i];
	}
	return first;
}

/*
 * Takes one call out of a bucket: microseconds for which one more has to wait if
 * it is empty, or 0. A bucket is never emptier than empty, whatever the clock or
 * the rate were before.
 */
static int64
take(Bucket *bucket, const VvRate *rate, TimestampTz now)
{
	int64		interval = Max((int64) (USECS_PER_SEC / rate->per_second), 1);
	int64		whole = interval * rate->burst;
	TimestampTz full_at = Min(Max(bucket->full_at, now), now + whole);

	if (full_at + interval > now + whole)
		return full_at + interval - whole - now;
	bucket->full_at = full_at + interval;
	return 0;
}

/*
 * Takes one call out of the bucket of a name: 0, or if it is empty for how many
 * microseconds one has to wait. There is the memory of the buckets.
 */
int64
vv_take_from_bucket(const char *name, int len, const VvRate *rate)
{
	Buckets    *buckets = all_buckets();
	BucketKey	key = key_of(buckets, name, len);
	int			set = key.halves[0] % NSETS;
	LWLock	   *lock = &buckets->locks[set % NLOCKS].lock;
	TimestampTz now = GetCurrentTimestamp();
	Bucket	   *bucket;
	bool		lost;
	int64		wait;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	bucket = bucket_of(buckets->buckets[set], &key);
	lost = memcmp(&bucket->key, &key, sizeof(key)) != 0;
	if (lost)
	{
		bucket->key = key;
		lost = bucket->full_at > now;
		bucket->full_at = 0;
	}
	wait = take(bucket, rate, now);
	LWLockRelease(lock);
	if (lost)
		vv_count(&forgotten);
	return wait;
}
