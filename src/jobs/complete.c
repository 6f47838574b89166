/*-------------------------------------------------------------------------
 *
 * complete.c
 *		vvault_complete: a job ends with its result.
 *
 * A job that nothing hangs on is moved right here. The jobs that need it are
 * looked for after that, under a newer snapshot: whoever enqueued one held the
 * lock of what it needs. All else, and tables that SQL has to write, is
 * complete.sql's.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "core/index_scan.h"
#include "core/query.h"
#include "jobs/job_rows.h"
#include "jobs/kind.h"

/* A completion. */
typedef struct Completion
{
	Relation	jobs;
	Relation	finished_jobs;
	Datum		lease;
	NullableDatum result;
	bool		finished;
} Completion;

static const VvOwnScan job_row = {
	.index = "jobs_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
};

static const VvIndexScan who_needs = {
	.schema = "vvault_stream",
	.table = "job_needs",
	.index = "job_needs_needs",
	.nkeys = 1,
	.direction = ForwardScanDirection,
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

/*
 * Does the job run under that lease, and does nothing hang on its end but the
 * jobs that need it?
 */
static bool
is_usual(TupleTableSlot *job, Datum lease)
{
	VvJobKind	kind;

	slot_getallattrs(job);
	return vv_job_is(job, 'x') && !DatumGetBool(job->tts_values[JOB_CANCELLED - 1]) &&
		!job->tts_isnull[JOB_LEASE - 1] &&
		DatumGetBool(DirectFunctionCall2(uuid_eq, job->tts_values[JOB_LEASE - 1], lease)) &&
		vv_job_kind(job->tts_values[JOB_KIND - 1], &kind) &&
		!kind.has_done && !kind.limited;
}

/* May the job be moved here: does no trigger fire? */
static bool
may_move(const Completion *completion, TupleTableSlot *job, const VvFinishedRow *row)
{
	return vv_may_write_own_row(&vv_jobs, completion->jobs, CMD_DELETE, job, NULL, NULL) &&
		vv_may_write_own_row(&vv_finished_jobs, completion->finished_jobs, CMD_INSERT,
							 NULL, row->values, row->isnull);
}

/* The job's row. Whoever changed it after it was seen leaves it to SQL. */
static bool
finish_row(TupleTableSlot *job, void *arg)
{
	Completion *completion = (Completion *) arg;
	VvFinishedRow row;

	if (!is_usual(job, completion->lease))
		return false;
	vv_make_finished_job(job, &completion->result, &row);
	if (may_move(completion, job, &row) && vv_delete_own_row(completion->jobs, &job->tts_tid))
	{
		vv_insert_own_row(&vv_finished_jobs, completion->finished_jobs, row.values, row.isnull);
		completion->finished = true;
	}
	return false;
}

/*
 * Moves a job to those that are finished, if it is a usual one and runs under
 * this lease.
 */
static bool
finish(Datum job_id, Completion *completion)
{
	completion->jobs = vv_open_own_table(&vv_jobs, CMD_DELETE);
	if (completion->jobs == NULL)
		return false;
	completion->finished_jobs = vv_open_own_table(&vv_finished_jobs, CMD_INSERT);
	if (completion->finished_jobs != NULL)
	{
		vv_begin_fresh_snapshot();
		(void) vv_scan_own_table(&vv_jobs, completion->jobs, &job_row, &job_id, finish_row, completion);
		vv_end_fresh_snapshot();
		table_close(completion->finished_jobs, NoLock);
	}
	table_close(completion->jobs, NoLock);
	return completion->finished;
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
	needed = vv_index_scan(&who_needs, &job_id, vv_any_row, NULL) > 0;
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
	Completion	completion = {.lease = args[1], .result = {args[2], isnull[2]}};
	StringInfoData reply;

	initStringInfo(&reply);
	if (isnull[0] || isnull[1] || !finish(args[0], &completion))
		vv_query_call(&complete_slowly, args, isnull, vv_append_text, &reply);
	else
	{
		if (is_needed(args[0]))
			vv_query_call(&meet_needs, args, NULL, vv_any_row, NULL);
		appendStringInfo(&reply, "{\"job_id\":" INT64_FORMAT ",\"state\":\"finished\"}",
						 PG_GETARG_INT64(0));
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
