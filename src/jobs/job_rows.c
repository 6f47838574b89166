/*-------------------------------------------------------------------------
 *
 * job_rows.c
 *		The tables jobs and finished_jobs, as C writes them.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs/job_rows.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

static const VvColumn job_columns[] = {
	{"job_id", INT8OID}, {"turn", INT8OID}, {"created_at", TIMESTAMPTZOID},
	{"cost", INT4OID}, {"needs_left", INT4OID}, {"priority", INT2OID},
	{"attempt", INT2OID}, {"max_attempts", INT2OID}, {"lost", INT2OID},
	{"done_failures", INT2OID}, {"state", CHAROID}, {"cancelled", BOOLOID},
	{"kind", TEXTOID}, {"owner_id", TEXTOID}, {"args", JSONOID},
	{"started_at", TIMESTAMPTZOID}, {"lease_until", TIMESTAMPTZOID},
	{"progress_at", TIMESTAMPTZOID}, {"lease_seconds", FLOAT4OID},
	{"lease", UUIDOID}, {"worker", TEXTOID}, {"video_id", TEXTOID},
	{"run_at", TIMESTAMPTZOID}, {"progress", FLOAT4OID},
	{"job_key", TEXTOID}, {"needs", INT8ARRAYOID}, {"error", TEXTOID},
	{"result", JSONOID}
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
	{"lease_half", INT8OID}, {"attempt", INT2OID}, {"cancelled", BOOLOID},
	{"kind", TEXTOID}, {"owner_id", TEXTOID}, {"args", JSONOID},
	{"worker", TEXTOID}, {"result", JSONOID}, {"video_id", TEXTOID},
	{"job_key", TEXTOID}, {"needs", INT8ARRAYOID}, {"error", TEXTOID},
	{"priority", INT2OID}
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
	NOTHING = 0, NOW = -1, NOT_CANCELLED = -2, RESULT = -3, LEASE_HALF = -4
};

/*
 * Half of a lease, which is enough to know one that was told.
 */
static int64
half_of(const pg_uuid_t *lease)
{
	uint64		half;

	StaticAssertStmt(sizeof(half) <= UUID_LEN, "a lease is too short");
	memcpy(&half, lease->data, sizeof(half));
	return (int64) pg_ntoh64(half);
}

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
		JOB_ID, JOB_CREATED_AT, JOB_STARTED_AT, NOW, LEASE_HALF, JOB_ATTEMPT,
		NOT_CANCELLED, JOB_KIND, JOB_OWNER_ID, JOB_ARGS, JOB_WORKER, RESULT,
		JOB_VIDEO_ID, JOB_KEY, JOB_NEEDS, NOTHING, JOB_PRIORITY
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
			case LEASE_HALF:
				row->isnull[i] = job->tts_isnull[JOB_LEASE - 1];
				if (!row->isnull[i])
					row->values[i] = Int64GetDatum(half_of(DatumGetUUIDP(job->tts_values[JOB_LEASE - 1])));
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
	row->isnull[FINISHED_PRIORITY - 1] = DatumGetInt16(row->values[FINISHED_PRIORITY - 1]) == 0;
}

PG_FUNCTION_INFO_V1(vvault_lease_half);

/*
 * vvault_stream.lease_half(lease uuid) returns bigint
 *
 * What is left of a lease once its job has ended. STRICT.
 */
Datum
vvault_lease_half(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(half_of(PG_GETARG_UUID_P(0)));
}
