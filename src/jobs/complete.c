/*-------------------------------------------------------------------------
 *
 * complete.c
 *		vvault_complete: a job ends with its result; and many at once.
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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

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

/* One of many completions. */
typedef struct Ending
{
	int64		job_id;
	int			position;		/* in the arrays, from 0 */
	HeapTuple	job;			/* as it was seen, if it is a usual one */
} Ending;

/* Who looks at the jobs of many completions. */
typedef struct Look
{
	Datum		lease;
	HeapTuple	job;
} Look;

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

/* Moves a usual job. Whoever changed it after it was seen leaves it to SQL. */
static void
move_job(Completion *completion, TupleTableSlot *job)
{
	VvFinishedRow row;

	vv_make_finished_job(job, &completion->result, &row);
	completion->finished = may_move(completion, job, &row) &&
		vv_delete_own_row(completion->jobs, &job->tts_tid);
	if (completion->finished)
		vv_insert_own_row(&vv_finished_jobs, completion->finished_jobs, row.values, row.isnull);
}

/* The job's row. */
static bool
finish_row(TupleTableSlot *job, void *arg)
{
	Completion *completion = (Completion *) arg;

	if (is_usual(job, completion->lease))
		move_job(completion, job);
	return false;
}

/* Opens both tables; false where SQL has to write one of them. */
static bool
open_tables(Completion *completion)
{
	completion->jobs = vv_open_own_table(&vv_jobs, CMD_DELETE);
	if (completion->jobs == NULL)
		return false;
	completion->finished_jobs = vv_open_own_table(&vv_finished_jobs, CMD_INSERT);
	if (completion->finished_jobs == NULL)
		table_close(completion->jobs, NoLock);
	return completion->finished_jobs != NULL;
}

/* Closes them. */
static void
close_tables(const Completion *completion)
{
	table_close(completion->finished_jobs, NoLock);
	table_close(completion->jobs, NoLock);
}

/*
 * Moves a job to those that are finished, if it is a usual one and runs under
 * this lease.
 */
static bool
finish(Datum job_id, Completion *completion)
{
	if (!open_tables(completion))
		return false;
	vv_begin_fresh_snapshot();
	(void) vv_scan_own_table(&vv_jobs, completion->jobs, &job_row, &job_id, finish_row, completion);
	vv_end_fresh_snapshot();
	close_tables(completion);
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

/* The job's row, kept if it is a usual one. */
static bool
keep_usual(TupleTableSlot *job, void *arg)
{
	Look	   *look = (Look *) arg;

	if (is_usual(job, look->lease))
		look->job = ExecCopySlotHeapTuple(job);
	return false;
}

/* By the number of the job. */
static int
compare_endings(const void *a, const void *b)
{
	int64		left = ((const Ending *) a)->job_id;
	int64		right = ((const Ending *) b)->job_id;

	return left < right ? -1 : left > right;
}

/* Reads an array; false where it has not so many elements. */
static bool
read_array(Datum array, Oid type, int n, Datum **values, bool **isnull)
{
	int16		length;
	bool		by_value;
	char		align;
	int			nread;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(array), type, length, by_value, align,
					  values, isnull, &nread);
	return nread == n;
}

/*
 * Looks at all jobs; false where one of them is not usual, or comes twice.
 */
static bool
look_at_all(Relation jobs, Ending *endings, int n, const Datum *leases)
{
	for (int i = 0; i < n; i++)
	{
		Datum		job_id = Int64GetDatum(endings[i].job_id);
		Look		look = {.lease = leases[endings[i].position]};

		if (i > 0 && endings[i].job_id == endings[i - 1].job_id)
			return false;
		(void) vv_scan_own_table(&vv_jobs, jobs, &job_row, &job_id, keep_usual, &look);
		if (look.job == NULL)
			return false;
		endings[i].job = look.job;
	}
	return true;
}

/*
 * Moves jobs that were looked at, in the order of their numbers; the positions
 * of those that nobody changed meanwhile go to done. Returns how many there are.
 */
static int
move_all(Completion *completion, const Ending *endings, int n,
		 const NullableDatum *results, Datum *done)
{
	TupleTableSlot *job = MakeSingleTupleTableSlot(RelationGetDescr(completion->jobs), &TTSOpsHeapTuple);
	int			ndone = 0;

	for (int i = 0; i < n; i++)
	{
		ExecStoreHeapTuple(endings[i].job, job, false);
		job->tts_tid = endings[i].job->t_self;
		completion->result = results[endings[i].position];
		move_job(completion, job);
		if (completion->finished)
			done[ndone++] = Int32GetDatum(endings[i].position + 1);
	}
	ExecDropSingleTupleTableSlot(job);
	return ndone;
}

/* Ends the jobs if all of them are usual ones; returns how many it ended. */
static int
finish_all(Ending *endings, int n, const Datum *leases, const NullableDatum *results, Datum *done)
{
	Completion	completion = {0};
	int			ndone = 0;

	if (!open_tables(&completion))
		return 0;
	vv_begin_fresh_snapshot();
	if (look_at_all(completion.jobs, endings, n, leases))
		ndone = move_all(&completion, endings, n, results, done);
	vv_end_fresh_snapshot();
	close_tables(&completion);
	return ndone;
}

PG_FUNCTION_INFO_V1(vvault_finish_usual);

/*
 * vvault_stream.finish_usual(job_ids bigint[], leases uuid[], results json[])
 *		returns integer[]
 *
 * Ends jobs that run under these leases if nothing hangs on any of them but
 * jobs that need it, which are the caller's; returns the positions of those that
 * it ended. The arrays have one length. STRICT.
 */
Datum
vvault_finish_usual(PG_FUNCTION_ARGS)
{
	int			n = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(0)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(0)));
	Ending	   *endings = palloc0(n * sizeof(Ending));
	NullableDatum *results = palloc0(n * sizeof(NullableDatum));
	Datum	   *done = palloc0(n * sizeof(Datum));
	Datum	   *values[3];
	bool	   *isnull[3];
	bool		usual = read_array(PG_GETARG_DATUM(0), INT8OID, n, &values[0], &isnull[0]) &&
	read_array(PG_GETARG_DATUM(1), UUIDOID, n, &values[1], &isnull[1]) &&
	read_array(PG_GETARG_DATUM(2), JSONOID, n, &values[2], &isnull[2]);

	for (int i = 0; usual && i < n; i++)
	{
		endings[i].job_id = DatumGetInt64(values[0][i]);
		endings[i].position = i;
		results[i].value = values[2][i];
		results[i].isnull = isnull[2][i];
		usual = !isnull[0][i] && !isnull[1][i];
	}
	qsort(endings, n, sizeof(Ending), compare_endings);
	n = usual ? finish_all(endings, n, values[1], results, done) : 0;
	PG_RETURN_ARRAYTYPE_P(construct_array(done, n, INT4OID, sizeof(int32), true, TYPALIGN_INT));
}
