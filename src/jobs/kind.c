/*-------------------------------------------------------------------------
 *
 * kind.c
 *		What is said of a kind of jobs.
 *
 * Every call of a worker asks this, so it is read by the indexes, under the
 * active snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs/kind.h"

#include "core/index_scan.h"

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

/*
 * Reads the row of a kind; returns false where there is none.
 */
bool
vv_job_kind(Datum kind, VvJobKind *facts)
{
	return vv_index_scan(&kind_row, &kind, take_kind, facts) > 0;
}

/* The first row with a limit is enough. */
static bool
take_limit(const Datum *values, const bool *isnull, void *arg)
{
	(void) values;
	*(bool *) arg = !isnull[0];
	return isnull[0];
}

/*
 * Whether some owner has a limit of jobs of a kind.
 */
bool
vv_owner_limited(Datum kind)
{
	bool		limited = false;

	(void) vv_index_scan(&owners_limits, &kind, take_limit, &limited);
	return limited;
}
