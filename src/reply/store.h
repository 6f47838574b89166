/*-------------------------------------------------------------------------
 *
 * store.h
 *		Finished replies in shared memory, found by a key and taken only under
 *		the tag that they were made for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_STORE_H
#define VVAULT_REPLY_STORE_H

#include "core/compat.h"

#include "datatype/timestamp.h"

/* A longer key is not stored. */
#define VV_KEY_MAX		512

/* What is asked for. */
typedef struct VvKey
{
	int			len;
	uint64		hash;			/* of bytes; see vv_key_finish() */
	char		bytes[VV_KEY_MAX];
} VvKey;

/* The state of the database that a reply was made from. */
typedef struct VvTag
{
	uint64		words[2];
} VvTag;

/* Of a reply that was made for this very moment, which nobody can share. */
#define VV_STEP_MOMENT	(-1)

/* What else belongs to a reply. */
typedef struct VvStamp
{
	int			max_age;		/* seconds that clients may keep it */
	int			step;			/* seconds of the clock it was made for; 0:
								 * any time */
	TimestampTz as_of;			/* where step > 0: when that step began */
} VvStamp;

/*
 * When the step of the clock began in which an instant is.
 */
static inline TimestampTz
vv_clock_step(TimestampTz now, int step)
{
	int64		length = step * USECS_PER_SEC;
	int64		past = now % length;

	return now - (past < 0 ? past + length : past);
}

/* Why a reply did not come from here, and did not go here. */
typedef enum VvBypass
{
	VV_BYPASS_WRITE,			/* the transaction may have written */
	VV_BYPASS_PRIVILEGE,		/* the caller may not read all tables */
	VV_BYPASS_ROW_SECURITY,		/* or not all rows */
	VV_BYPASS_DISTRIBUTED,		/* another server has rows of a table */
	VV_BYPASS_PRIVATE,			/* the reply is not everybody's to see */
	VV_BYPASS_SETTING,			/* a setting of the session stands against it */
	VV_BYPASS_VERSION,			/* there is no version to tell states by */
	VV_BYPASS_SIZE,				/* the key or the reply is too large */
	VV_BYPASS_BUSY,				/* somebody else is making it, for too long or
								 * for another state */
	VV_BYPASS_NONE				/* must be last */
} VvBypass;

#define VV_BYPASSES		VV_BYPASS_NONE

typedef enum VvClaimResult
{
	VV_CLAIM_HIT,				/* it is there by now */
	VV_CLAIM_BUILD,				/* the caller is to make and publish it */
	VV_CLAIM_ALONE,				/* the caller is to make it for itself */
	VV_CLAIM_TOO_LARGE			/* the same, as nobody could publish it */
} VvClaimResult;

/* The right, and the duty, to publish a reply or to give it up. */
typedef struct VvClaim
{
	int			shard;
	int			entry;
	TimestampTz started;
} VvClaim;

/* An entry as vv_store_list() shows it. */
typedef struct VvEntryInfo
{
	VvKey		key;
	VvTag		tag;
	VvStamp		stamp;
	bool		filled;
	TimestampTz last_read;		/* to the second, 0 for never */
	int64		hits;
	int64		misses;
	int64		bypasses[VV_BYPASSES];
	int64		bytes;			/* of the reply */
	int64		build_time;		/* microseconds */
	TimestampTz published_at;
} VvEntryInfo;

/* Sums over everything that happened since the memory was laid out. */
typedef struct VvStoreTotals
{
	int64		size;			/* bytes for replies and their keys */
	int64		used;
	int64		entries;
	int64		hits;
	int64		misses;
	int64		waits;			/* misses that another one's work served */
	int64		published;
	int64		evicted;
	int64		bypasses[VV_BYPASSES];
} VvStoreTotals;

typedef bool (*VvKeyTest) (const VvKey *key, void *arg);

extern const char *vv_bypass_name(VvBypass reason);
extern void vv_key_finish(VvKey *key);

extern bool vv_store_fits(Size size);
extern void vv_store_format(void *memory, Size size, int tranche);
extern void vv_store_use(void *memory);

extern text *vv_store_get(const VvKey *key, const VvTag *tag,
						  TimestampTz now, VvStamp *stamp);
extern VvClaimResult vv_store_claim(const VvKey *key, const VvTag *tag,
									TimestampTz now, VvStamp *stamp,
									text **body, VvClaim *claim);
extern bool vv_store_publish(const VvClaim *claim, const VvTag *tag,
							 const VvStamp *stamp, bool newest,
							 const char *body, int len);
extern void vv_store_give_up(VvClaim *claim);
extern void vv_store_bypassed(const VvKey *key, VvBypass reason);

extern VvEntryInfo *vv_store_list(VvKeyTest test, void *arg, int *n);
extern int	vv_store_remove(VvKeyTest test, void *arg);
extern void vv_store_totals(VvStoreTotals *totals);

#endif							/* VVAULT_REPLY_STORE_H */
