/*-------------------------------------------------------------------------
 *
 * kind.c
 *		What is said of a kind of jobs.
 *
 * Every call of a worker asks this, and it hardly ever changes: a backend
 * remembers it. Triggers on both tables invalidate what the relation cache has
 * of them, and that reaches every backend as a change of the table would. What
 * was read is remembered only if none of that came since before its snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs/kind.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"

#include "core/index_scan.h"

#define MAX_KNOWN		32
#define MAX_NAME		64

enum
{
	PAUSED, OUTSIDE, RUNNING_LIMIT, OWNER_RUNNING_LIMIT, ORDER_FUNCTION,
	DONE_FUNCTION, MAX_ATTEMPTS, LEASE_SECONDS
};

static const VvIndexScan kind_row = {
	.schema = "vvault_stream",
	.table = "job_kinds",
	.index = "job_kinds_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 8,
	.columns = {"paused", "outside", "running_limit", "owner_running_limit",
	"order_function", "done_function", "max_attempts", "lease_seconds"},
};

static const VvIndexScan owners_limits = {
	.schema = "vvault_stream",
	.table = "job_limits",
	.index = "job_limits_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 1,
	.columns = {"running_limit"},
};

typedef struct KnownKind
{
	char		name[MAX_NAME];
	int			len;
	VvJobKind	facts;
} KnownKind;

static KnownKind known[MAX_KNOWN];
static int	nknown = 0;
static uint64 times_forgotten = 0;

/* Forgets all kinds: some relation was invalidated. */
static void
forget(Datum arg pg_attribute_unused(), Oid relation pg_attribute_unused())
{
	nknown = 0;
	times_forgotten++;
}

/* The kind's row. */
static bool
take_kind(const Datum *values, const bool *isnull, void *arg)
{
	VvJobKind  *facts = (VvJobKind *) arg;

	facts->paused = DatumGetBool(values[PAUSED]);
	facts->outside = DatumGetBool(values[OUTSIDE]);
	facts->owner_limited = !isnull[OWNER_RUNNING_LIMIT];
	facts->limited = facts->owner_limited || !isnull[RUNNING_LIMIT];
	facts->has_order = !isnull[ORDER_FUNCTION];
	facts->has_done = !isnull[DONE_FUNCTION];
	facts->max_attempts = DatumGetInt16(values[MAX_ATTEMPTS]);
	facts->lease_seconds = DatumGetFloat8(values[LEASE_SECONDS]);
	return false;
}

/* A row of what owners have of the kind; the first limit is enough. */
static bool
take_owner(const Datum *values pg_attribute_unused(), const bool *isnull, void *arg)
{
	VvJobKind  *facts = (VvJobKind *) arg;

	facts->has_owners = true;
	facts->limited = facts->limited || !isnull[0];
	return !facts->limited;
}

/* Reads what both tables say now; false where there is no such kind. */
static bool
read_kind(Datum kind, VvJobKind *facts)
{
	bool		found;

	memset(facts, 0, sizeof(*facts));
	vv_begin_fresh_snapshot();
	found = vv_index_scan(&kind_row, &kind, take_kind, facts) > 0;
	if (found)
		(void) vv_index_scan(&owners_limits, &kind, take_owner, facts);
	vv_end_fresh_snapshot();
	return found;
}

/* What is remembered of a kind, or NULL. */
static const KnownKind *
find_known(const char *name, int len)
{
	for (int i = 0; i < nknown; i++)
	{
		if (known[i].len == len && memcmp(known[i].name, name, len) == 0)
			return &known[i];
	}
	return NULL;
}

/* Remembers a kind where there is room. */
static void
remember(const char *name, int len, const VvJobKind *facts)
{
	if (nknown == MAX_KNOWN || len > MAX_NAME)
		return;
	memcpy(known[nknown].name, name, len);
	known[nknown].len = len;
	known[nknown].facts = *facts;
	nknown++;
}

/*
 * What is said of a kind now; returns false where there is no such kind.
 */
bool
vv_job_kind(Datum kind, VvJobKind *facts)
{
	static bool registered = false;
	text	   *name = DatumGetTextPP(kind);
	const KnownKind *found;
	uint64		before;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
		registered = true;
	}
	found = find_known(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	if (found != NULL)
	{
		*facts = found->facts;
		return true;
	}
	before = times_forgotten;
	if (!read_kind(kind, facts))
		return false;
	AcceptInvalidationMessages();
	/* a snapshot of long ago says nothing of now */
	if (before == times_forgotten && !IsolationUsesXactSnapshot())
		remember(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), facts);
	return true;
}

PG_FUNCTION_INFO_V1(vvault_kinds_changed);

/*
 * Trigger on what kinds of jobs there are and what owners have of them: every
 * backend forgets what it knew. 39P01 where it is no trigger.
 */
Datum
vvault_kinds_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("vvault_kinds_changed() was not called as a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	PG_RETURN_POINTER(NULL);
}
