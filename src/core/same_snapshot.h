/*-------------------------------------------------------------------------
 *
 * same_snapshot.h
 *		Whether a snapshot sees what an earlier one of this backend saw.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SAME_SNAPSHOT_H
#define VVAULT_SAME_SNAPSHOT_H

#include "core/compat.h"

#include "utils/snapshot.h"
#include "utils/timestamp.h"

#define VV_SNAPSHOT_MAX_TRANSACTIONS 64

/* In static memory, zeroed: nothing was seen. */
typedef struct VvSeenSnapshot
{
	bool		seen;
	bool		in_recovery;

	/* what the snapshot knows of transactions, subtransactions behind */
	TransactionId xmin;
	TransactionId xmax;
	uint32		ntransactions;
	int32		nsubtransactions;
	TransactionId transactions[VV_SNAPSHOT_MAX_TRANSACTIONS];

	TimestampTz taken_at;
} VvSeenSnapshot;

extern bool vv_is_comparable_snapshot(Snapshot snapshot);
extern bool vv_is_same_snapshot(const VvSeenSnapshot *seen, Snapshot snapshot);
extern void vv_see_snapshot(VvSeenSnapshot *seen, Snapshot snapshot);

#endif							/* VVAULT_SAME_SNAPSHOT_H */
