/*-------------------------------------------------------------------------
 *
 * complete.c
 *		vvault_complete: a job ends with its result.
 *
 * A job that nothing hangs on is one statement. The jobs that need it are
 * looked for after that, under a newer snapshot: whoever enqueued one held the
 * lock of what it needs.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"

#include "core/index_scan.h"
#include "core/query.h"
#include "jobs/kind.h"

/* What is looked at of a job before it ends. */
typedef struct JobFacts
{
	bool		running;		/* with this lease, and not cancelled */
	Datum		lease;
	Datum		kind;
} JobFacts;

static const VvIndexScan job_row = {
	.schema = "vvault_stream",
	.table = "jobs",
	.index = "jobs_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 4,
	.columns = {"state", "cancelled", "lease", "kind"},
};

static const VvIndexScan who_needs = {
	.schema = "vvault_stream",
	.table = "job_needs",
	.index = "job_needs_needs",
	.nkeys = 1,
	.direction = ForwardScanDirection,
};

static VvQuery finish_job = {
	.sql =
	"WITH gone AS ("
	"  DELETE FROM vvault_stream.jobs j WHERE j.job_id OPERATOR(pg_catalog.=) $1"
	"    AND j.lease OPERATOR(pg_catalog.=) $2 AND j.state OPERATOR(pg_catalog.=) 'x'"
	"    AND NOT j.cancelled"
	"  RETURNING j.*) "
	"INSERT INTO vvault_stream.finished_jobs (job_id, created_at, started_at, priority, attempt,"
	"  lease, kind, owner_id, video_id, job_key, worker, needs, args, result) "
	"SELECT g.job_id, g.created_at, g.started_at, g.priority, g.attempt, g.lease, g.kind,"
	"  g.owner_id, g.video_id, g.job_key, g.worker, g.needs, g.args, $3 FROM gone g "
	"RETURNING true",
	.extension = "vvault_stream",
	.nargs = 3,
	.argtypes = {INT8OID, UUIDOID, JSONOID},
	.index_order = true,
	.index_probes = true,
};

static VvQuery meet_needs = {
	.sql = "SELECT vvault_stream.meet_needs(ARRAY[$1], false)",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {INT8OID},
};

static VvQuery complete_slowly = {
	.sql = "SELECT vvault_stream.complete_slowly($1, $2, $3)",
	.extension = "vvault_stream",
	.nargs = 3,
	.argtypes = {INT8OID, UUIDOID, JSONOID},
};

/* The job's kind, and whether it runs under this lease. */
static bool
take_job(const Datum *values, const bool *isnull, void *arg)
{
	JobFacts   *job = (JobFacts *) arg;

	job->running = DatumGetChar(values[0]) == 'x' && !DatumGetBool(values[1]) &&
		!isnull[2] && DatumGetBool(DirectFunctionCall2(uuid_eq, values[2], job->lease));
	if (job->running)
		job->kind = datumCopy(values[3], false, -1);
	return false;
}

/* The row's one value; NULL is false. */
static bool
take_bool(const Datum *values, const bool *isnull, void *arg)
{
	*(bool *) arg = !isnull[0] && DatumGetBool(values[0]);
	return true;
}

/* That there is a row is all that counts. */
static bool
take_nothing(const Datum *values, const bool *isnull, void *arg)
{
	(void) values;
	(void) isnull;
	(void) arg;
	return false;
}

/*
 * Whether nothing hangs on the end of a job but the jobs that need it, so far
 * as can be seen without its lock.
 */
static bool
is_usual(const Datum *args, const bool *isnull)
{
	JobFacts	job = {.lease = args[1]};
	VvJobKind	kind;

	if (isnull[0] || isnull[1])
		return false;
	vv_begin_fresh_snapshot();
	(void) vv_index_scan(&job_row, args, take_job, &job);
	vv_end_fresh_snapshot();
	return job.running && vv_job_kind(job.kind, &kind) && !kind.has_done && !kind.limited;
}

/*
 * Whether somebody needs a job that has just ended: who came to need it kept it
 * from ending until he had committed.
 */
static bool
is_needed(Datum job_id)
{
	bool		needed;

	vv_begin_fresh_snapshot();
	needed = vv_index_scan(&who_needs, &job_id, take_nothing, NULL) > 0;
	vv_end_fresh_snapshot();
	return needed;
}

PG_FUNCTION_INFO_V1(vvault_complete);

/*
 * vvault_complete(job_id bigint, lease uuid, result json) returns json
 *
 * Ends a job with its result, which may be NULL. PT409 where the lease is not
 * valid.
 */
Datum
vvault_complete(PG_FUNCTION_ARGS)
{
	Datum		args[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
	bool		isnull[] = {PG_ARGISNULL(0), PG_ARGISNULL(1), PG_ARGISNULL(2)};
	bool		finished = false;
	StringInfoData reply;

	initStringInfo(&reply);
	SPI_connect();
	if (is_usual(args, isnull))
		(void) vv_query_write(&finish_job, args, isnull, take_bool, &finished);
	if (!finished)
		(void) vv_query_write(&complete_slowly, args, isnull, vv_append_text, &reply);
	else
	{
		if (is_needed(args[0]))
			(void) vv_query_write(&meet_needs, args, NULL, take_nothing, NULL);
		appendStringInfo(&reply, "{\"job_id\":" INT64_FORMAT ",\"state\":\"finished\"}",
						 PG_GETARG_INT64(0));
	}
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
