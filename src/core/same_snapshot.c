/*-------------------------------------------------------------------------
 *
 * same_snapshot.c
 *		Whether a snapshot sees what an earlier one of this backend saw.
 *
 * Which rows a snapshot sees depends on nothing but which transactions were
 * under way when it was taken, as long as its own transaction has written
 * nothing. Where no transaction ended since, the next snapshot is the same, and
 * what was read under it need not be read again.
 *
 *-------------------------------------------------------------------------
 */
#include "core/same_snapshot.h"

#include "access/transam.h"
#include "access/xact.h"

/* Numbers of transactions come round again, though not within this time. */
#define MAX_AGE			(10 * USECS_PER_MINUTE)

/*
 * Whether it is told by its transactions alone what a snapshot sees, and these
 * are listed and not too many: a copy of an overflowed snapshot counts
 * subtransactions that it does not have. What a serializable transaction
 * reads, the server must know of.
 */
bool
vv_is_comparable_snapshot(Snapshot snapshot)
{
	return snapshot->snapshot_type == SNAPSHOT_MVCC &&
		!snapshot->suboverflowed &&
		snapshot->xcnt + snapshot->subxcnt <= VV_SNAPSHOT_MAX_TRANSACTIONS &&
		!TransactionIdIsValid(GetTopTransactionIdIfAny()) &&
		!IsolationIsSerializable();
}

/* A snapshot's lists are NULL where they are empty. */
static bool
same_numbers(const TransactionId *a, const TransactionId *b, int n)
{
	return n == 0 || memcmp(a, b, n * sizeof(TransactionId)) == 0;
}

/* n transaction ids; there may be no array where there are none. */
static void
copy_numbers(TransactionId *to, const TransactionId *from, int n)
{
	if (n > 0)
		memcpy(to, from, n * sizeof(TransactionId));
}

/*
 * Does a comparable snapshot see what the remembered one saw? Not for longer
 * than MAX_AGE, after which ids might come again.
 */
bool
vv_is_same_snapshot(const VvSeenSnapshot *seen, Snapshot snapshot)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return seen->seen && seen->xmax == snapshot->xmax &&
		seen->xmin == snapshot->xmin &&
		seen->ntransactions == snapshot->xcnt &&
		seen->nsubtransactions == snapshot->subxcnt &&
		seen->in_recovery == snapshot->takenDuringRecovery &&
		same_numbers(seen->transactions, snapshot->xip, snapshot->xcnt) &&
		same_numbers(seen->transactions + snapshot->xcnt, snapshot->subxip,
					 snapshot->subxcnt) &&
		now >= seen->taken_at && now - seen->taken_at < MAX_AGE;
}

/*
 * Remembers a comparable snapshot.
 */
void
vv_see_snapshot(VvSeenSnapshot *seen, Snapshot snapshot)
{
	seen->seen = true;
	seen->xmin = snapshot->xmin;
	seen->xmax = snapshot->xmax;
	seen->ntransactions = snapshot->xcnt;
	seen->nsubtransactions = snapshot->subxcnt;
	seen->in_recovery = snapshot->takenDuringRecovery;
	copy_numbers(seen->transactions, snapshot->xip, snapshot->xcnt);
	copy_numbers(seen->transactions + snapshot->xcnt, snapshot->subxip,
				 snapshot->subxcnt);
	seen->taken_at = GetCurrentTransactionStartTimestamp();
}
