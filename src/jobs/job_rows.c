/*-------------------------------------------------------------------------
 *
 * job_rows.c
 *		The tables jobs and finished_jobs, as C writes them.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs/job_rows.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

static const VvColumn job_columns[] = {
	{"job_id", INT8OID}, {"turn", INT8OID}, {"created_at", TIMESTAMPTZOID},
	{"run_at", TIMESTAMPTZOID}, {"started_at", TIMESTAMPTZOID},
	{"lease_until", TIMESTAMPTZOID}, {"progress_at", TIMESTAMPTZOID},
	{"cost", INT4OID}, {"needs_left", INT4OID}, {"progress", FLOAT4OID},
	{"lease_seconds", FLOAT4OID}, {"priority", INT2OID}, {"attempt", INT2OID},
	{"max_attempts", INT2OID}, {"lost", INT2OID}, {"done_failures", INT2OID},
	{"state", CHAROID}, {"cancelled", BOOLOID}, {"lease", UUIDOID},
	{"kind", TEXTOID}, {"owner_id", TEXTOID}, {"video_id", TEXTOID},
	{"job_key", TEXTOID}, {"worker", TEXTOID}, {"error", TEXTOID},
	{"needs", INT8ARRAYOID}, {"args", JSONOID}, {"result", JSONOID}
};

StaticAssertDecl(lengthof(job_columns) == JOB_NCOLUMNS, "a column is missing");

VvOwnTable	vv_jobs = {
	.schema = "vvault_stream",
	.name = "jobs",
	.ncolumns = JOB_NCOLUMNS,
	.columns = job_columns,
};

static const VvColumn finished_columns[] = {
	{"job_id", INT8OID}, {"created_at", TIMESTAMPTZOID},
	{"started_at", TIMESTAMPTZOID}, {"finished_at", TIMESTAMPTZOID},
	{"priority", INT2OID}, {"attempt", INT2OID}, {"cancelled", BOOLOID},
	{"lease", UUIDOID}, {"kind", TEXTOID}, {"owner_id", TEXTOID},
	{"video_id", TEXTOID}, {"job_key", TEXTOID}, {"worker", TEXTOID},
	{"error", TEXTOID}, {"needs", INT8ARRAYOID}, {"args", JSONOID},
	{"result", JSONOID}
};

StaticAssertDecl(lengthof(finished_columns) == FINISHED_NCOLUMNS, "a column is missing");

VvOwnTable	vv_finished_jobs = {
	.schema = "vvault_stream",
	.name = "finished_jobs",
	.ncolumns = FINISHED_NCOLUMNS,
	.columns = finished_columns,
};

/* What a column of finished_jobs has that no column of jobs has. */
enum
{
	NOTHING = 0, NOW = -1, NOT_CANCELLED = -2, RESULT = -3
};

/*
 * Is the job, a row that was read or locked, in that state?
 */
bool
vv_job_is(TupleTableSlot *job, char state)
{
	bool		isnull;

	return DatumGetChar(slot_getattr(job, JOB_STATE, &isnull)) == state;
}

/*
 * What is left of a job that is finished, a row of jobs, with its result.
 */
void
vv_make_finished_job(TupleTableSlot *job, const NullableDatum *result, VvFinishedRow *row)
{
	static const int source[FINISHED_NCOLUMNS] = {
		JOB_ID, JOB_CREATED_AT, JOB_STARTED_AT, NOW, JOB_PRIORITY, JOB_ATTEMPT,
		NOT_CANCELLED, JOB_LEASE, JOB_KIND, JOB_OWNER_ID, JOB_VIDEO_ID, JOB_KEY,
		JOB_WORKER, NOTHING, JOB_NEEDS, JOB_ARGS, RESULT
	};

	slot_getallattrs(job);
	memset(row, 0, sizeof(*row));
	for (int i = 0; i < FINISHED_NCOLUMNS; i++)
	{
		switch (source[i])
		{
			case NOTHING:
				row->isnull[i] = true;
				break;
			case NOW:
				row->values[i] = TimestampTzGetDatum(GetCurrentTimestamp());
				break;
			case NOT_CANCELLED:
				row->values[i] = BoolGetDatum(false);
				break;
			case RESULT:
				row->values[i] = result->value;
				row->isnull[i] = result->isnull;
				break;
			default:
				row->values[i] = job->tts_values[source[i] - 1];
				row->isnull[i] = job->tts_isnull[source[i] - 1];
		}
	}
}
