/*-------------------------------------------------------------------------
 *
 * seen_tags.c
 *		The tags that this backend read under a snapshot.
 *
 * Which rows a snapshot sees depends on nothing but which transactions were
 * under way when it was taken, as long as its own transaction has written
 * nothing. Where no transaction ended since, the next snapshot is the same,
 * and so are the tags: a hit of the reply cache need not read them again.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/seen_tags.h"

#include "access/transam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "reply/scope.h"

#define MAX_TAGS		16
#define MAX_SCOPE_LEN	40
#define ALL_SCOPES		(-1)
#define MAX_TRANSACTIONS 64

/* Numbers of transactions come round again, though not within this time. */
#define MAX_AGE			(10 * USECS_PER_MINUTE)

typedef struct SeenTag
{
	const VvSource *source;
	int			scope_len;		/* or ALL_SCOPES */
	char		scope[MAX_SCOPE_LEN];
	VvTag		tag;
} SeenTag;

typedef struct SeenTags
{
	/* what the snapshot knows of transactions, subtransactions behind */
	TransactionId xmin;
	TransactionId xmax;
	uint32		ntransactions;
	int32		nsubtransactions;
	bool		in_recovery;
	TransactionId transactions[MAX_TRANSACTIONS];

	TimestampTz taken_at;
	int			ntags;
	SeenTag		tags[MAX_TAGS];
} SeenTags;

static SeenTags seen = {.xmax = InvalidTransactionId};

/*
 * Whether it is told by its transactions alone what a snapshot sees, and these
 * are listed and not too many: a copy of an overflowed snapshot counts
 * subtransactions that it does not have. What a serializable transaction
 * reads, the server must know of.
 */
static bool
is_comparable(Snapshot snapshot)
{
	return snapshot->snapshot_type == SNAPSHOT_MVCC &&
		!snapshot->suboverflowed &&
		snapshot->xcnt + snapshot->subxcnt <= MAX_TRANSACTIONS &&
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
 * Does the snapshot see what the remembered one saw? Not for longer than
 * MAX_AGE, after which ids might come again.
 */
static bool
is_same(Snapshot snapshot)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	return seen.xmax == snapshot->xmax && seen.xmin == snapshot->xmin &&
		seen.ntransactions == snapshot->xcnt &&
		seen.nsubtransactions == snapshot->subxcnt &&
		seen.in_recovery == snapshot->takenDuringRecovery &&
		same_numbers(seen.transactions, snapshot->xip, snapshot->xcnt) &&
		same_numbers(seen.transactions + snapshot->xcnt, snapshot->subxip,
					 snapshot->subxcnt) &&
		now >= seen.taken_at && now - seen.taken_at < MAX_AGE;
}

/* Remember a snapshot, and no tags yet. */
static void
begin(Snapshot snapshot)
{
	seen.xmin = snapshot->xmin;
	seen.xmax = snapshot->xmax;
	seen.ntransactions = snapshot->xcnt;
	seen.nsubtransactions = snapshot->subxcnt;
	seen.in_recovery = snapshot->takenDuringRecovery;
	copy_numbers(seen.transactions, snapshot->xip, snapshot->xcnt);
	copy_numbers(seen.transactions + snapshot->xcnt, snapshot->subxip,
				 snapshot->subxcnt);
	seen.taken_at = GetCurrentTransactionStartTimestamp();
	seen.ntags = 0;
}

/*
 * A scope as bytes to compare; all scopes together have a length of their
 * own.
 */
static void
bytes_of(const VvSource *source, NullableDatum scope, VvScopeBytes *bytes)
{
	if (scope.isnull)
	{
		bytes->len = ALL_SCOPES;
		bytes->bytes = NULL;
	}
	else
		vv_scope_bytes(source->scope_type, scope.value, bytes);
}

/* The tag that is remembered for a source and scope, NULL if there is none. */
static SeenTag *
find(const VvSource *source, const VvScopeBytes *scope)
{
	for (int i = 0; i < seen.ntags; i++)
	{
		SeenTag    *tag = &seen.tags[i];

		if (tag->source == source && tag->scope_len == scope->len &&
			(scope->len <= 0 ||
			 memcmp(tag->scope, scope->bytes, scope->len) == 0))
			return tag;
	}
	return NULL;
}

/*
 * The tag of a scope, of all where it is NULL, if this backend read it under
 * a snapshot that sees what the active one sees. False where it did not, and
 * where the transaction may have written.
 */
bool
vv_recall_tag(const VvSource *source, NullableDatum scope, VvTag *tag)
{
	Snapshot	snapshot = GetActiveSnapshot();
	VvScopeBytes bytes;
	SeenTag    *found;

	if (!is_comparable(snapshot) || !is_same(snapshot))
		return false;
	bytes_of(source, scope, &bytes);
	found = find(source, &bytes);
	if (found == NULL)
		return false;
	*tag = found->tag;
	return true;
}

/*
 * Remembers a tag that was read under the active snapshot from a table whose
 * rows that snapshot judges, and was not recalled. One that was read through
 * SPI must not be remembered: another server may have answered.
 */
void
vv_remember_tag(const VvSource *source, NullableDatum scope, const VvTag *tag)
{
	Snapshot	snapshot = GetActiveSnapshot();
	VvScopeBytes bytes;
	SeenTag    *place;

	bytes_of(source, scope, &bytes);
	if (!is_comparable(snapshot) || bytes.len > MAX_SCOPE_LEN)
		return;
	if (!is_same(snapshot) || seen.ntags == MAX_TAGS)
		begin(snapshot);
	place = &seen.tags[seen.ntags++];
	place->source = source;
	place->scope_len = bytes.len;
	if (bytes.len > 0)
		memcpy(place->scope, bytes.bytes, bytes.len);
	place->tag = *tag;
}
