/*-------------------------------------------------------------------------
 *
 * dequeue.c
 *		vvault_dequeue: a worker gets jobs.
 *
 * Kind by kind, since one scan of several kinds would have to sort all that is
 * ready. Jobs of a kind without limits and orders are taken right here; what else
 * there is to do for a kind, and a table that SQL has to write, is dequeue.sql's.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "core/index_scan.h"
#include "core/json_writer.h"
#include "core/query.h"
#include "jobs/job_rows.h"
#include "jobs/kind.h"
#include "jobs/waiters.h"

#define MAX_KINDS		100
#define MAX_JOBS		1000
#define MAX_WORKER		255		/* bytes of its name */
#define TIDY_EACH		USECS_PER_SEC	/* where there was enough to do */
#define TIDIED_PLACES	32
#define LEASES_MADE		64		/* at once */

/* A call. */
typedef struct Dequeue
{
	Datum		worker;
	bool		no_worker;
	int			left;			/* jobs still wanted */
	double		lease_seconds;	/* 0: as the kind says */
	StringInfoData reply;
} Dequeue;

/* Ready jobs of a kind that are taken. */
typedef struct Taking
{
	Dequeue    *dequeue;
	Relation	jobs;
	Datum		kind;
	double		lease_seconds;
	TupleTableSlot *locked;
} Taking;

/* What is known of a kind. */
typedef struct KindFacts
{
	bool		special;		/* has limits or orders */
	bool		due;			/* the time of a later job has come */
	VvJobKind	kind;
} KindFacts;

static const VvOwnScan later_jobs = {
	.index = "jobs_later",
	.nkeys = 1,
	.direction = ForwardScanDirection,
};

static const VvOwnScan ready_jobs = {
	.index = "jobs_ready",
	.nkeys = 1,
	.direction = ForwardScanDirection,
};

/* What taking a job changes. */
#define CHANGED \
	(VV_COLUMN(JOB_STATE) | VV_COLUMN(JOB_ATTEMPT) | VV_COLUMN(JOB_LEASE) | \
	 VV_COLUMN(JOB_WORKER) | VV_COLUMN(JOB_LEASE_SECONDS) | VV_COLUMN(JOB_PROGRESS) | \
	 VV_COLUMN(JOB_LEASE_UNTIL) | VV_COLUMN(JOB_STARTED_AT) | VV_COLUMN(JOB_PROGRESS_AT))

static VvQuery is_armed = {
	.sql = "SELECT vvault_stream.is_armed()::pg_catalog.int4",
	.extension = "vvault_stream",
};

static VvQuery make_due = {
	.sql = "SELECT vvault_stream.ready_what_is_due($1)",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery tidy_kind = {
	.sql = "SELECT vvault_stream.tidy_kind($1)",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery unknown_kind = {
	.sql = "SELECT vvault_stream.unknown_kind($1)",
	.extension = "vvault_stream",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery take_one = {
	.sql = "SELECT job FROM vvault_stream.take_one($1, $2, $3) job WHERE job IS NOT NULL",
	.extension = "vvault_stream",
	.nargs = 3,
	.argtypes = {TEXTOID, INT8OID, FLOAT8OID},
};

static VvQuery take_special = {
	.sql = "SELECT job FROM pg_catalog.unnest(vvault_stream.take_special($1, $2, $3, $4)) job",
	.extension = "vvault_stream",
	.nargs = 4,
	.argtypes = {TEXTOID, TEXTOID, INT4OID, FLOAT8OID},
};

/* A row of later_jobs, the soonest first; finishing ones stand between. */
static bool
take_due(TupleTableSlot *job, void *arg)
{
	bool		isnull;
	Datum		run_at = slot_getattr(job, JOB_RUN_AT, &isnull);

	if (isnull || DatumGetTimestampTz(run_at) > GetCurrentTimestamp())
		return false;
	*(bool *) arg = vv_job_is(job, 's');
	return !*(bool *) arg;
}

/*
 * Looks at a kind; returns false where there is none. jobs is NULL where its
 * rows are SQL's.
 */
static bool
look_at(Relation jobs, Datum kind, KindFacts *facts)
{
	if (!vv_job_kind(kind, &facts->kind))
		return false;
	facts->special = jobs == NULL || facts->kind.limited || facts->kind.has_order;
	facts->due = jobs == NULL;
	if (jobs == NULL)
		return true;
	vv_begin_fresh_snapshot();
	(void) vv_scan_own_table(&vv_jobs, jobs, &later_jobs, &kind, take_due, &facts->due);
	vv_end_fresh_snapshot();
	return true;
}

/* The row's one value, if it is not NULL. */
static bool
take_count(const Datum *values, const bool *isnull, void *arg)
{
	if (!isnull[0])
		*(int32 *) arg = DatumGetInt32(values[0]);
	return true;
}

/* A text as a JSON string. */
static void
append_text(StringInfo out, Datum value)
{
	text	   *str = DatumGetTextPP(value);

	vv_json_text(out, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
}

/* A text that is JSON already. */
static void
append_json(StringInfo out, Datum value)
{
	text	   *str = DatumGetTextPP(value);

	appendBinaryStringInfo(out, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
}

/* One more job in the reply, one fewer to take. */
static void
next_job(Dequeue *dequeue)
{
	if (dequeue->reply.len > 1)
		appendStringInfoChar(&dequeue->reply, ',');
	dequeue->left--;
}

/* A job that has been taken. */
static void
append_job(Dequeue *dequeue, const VvJobRow *row)
{
	StringInfo	out = &dequeue->reply;

	next_job(dequeue);
	appendStringInfo(out, "{\"job_id\":" INT64_FORMAT ",\"lease\":\"%s\",\"kind\":",
					 DatumGetInt64(VV_GET(row, JOB_ID)),
					 DatumGetCString(DirectFunctionCall1(uuid_out, VV_GET(row, JOB_LEASE))));
	append_text(out, VV_GET(row, JOB_KIND));
	appendStringInfoString(out, ",\"owner_id\":");
	append_text(out, VV_GET(row, JOB_OWNER_ID));
	appendStringInfoString(out, ",\"video_id\":");
	if (row->isnull[JOB_VIDEO_ID - 1])
		vv_json_null(out);
	else
		append_text(out, VV_GET(row, JOB_VIDEO_ID));
	appendStringInfo(out, ",\"attempt\":%d,\"args\":", DatumGetInt16(VV_GET(row, JOB_ATTEMPT)));
	append_json(out, VV_GET(row, JOB_ARGS));
	appendStringInfoChar(out, '}');
}

/*
 * A lease: a uuid of version 4. To ask for random bytes costs more than to get
 * them, so a backend asks for those of many.
 */
static Datum
make_lease(void)
{
	static pg_uuid_t made[LEASES_MADE];
	static int	nleft = 0;
	pg_uuid_t  *lease = palloc(sizeof(pg_uuid_t));

	if (nleft == 0)
	{
		if (!pg_strong_random(made, sizeof(made)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
		nleft = LEASES_MADE;
	}
	*lease = made[--nleft];
	lease->data[6] = (lease->data[6] & 0x0F) | 0x40;
	lease->data[8] = (lease->data[8] & 0x3F) | 0x80;
	return UUIDPGetDatum(lease);
}

/* The job as its worker has it. */
static void
set_running(const Taking *taking, VvJobRow *row)
{
	TimestampTz now = GetCurrentTimestamp();
	int16		attempt = DatumGetInt16(VV_GET(row, JOB_ATTEMPT));

	VV_SET(row, JOB_STATE, CharGetDatum('x'));
	VV_SET(row, JOB_ATTEMPT, Int16GetDatum(attempt + 1));
	VV_SET(row, JOB_LEASE, make_lease());
	row->values[JOB_WORKER - 1] = taking->dequeue->worker;
	row->isnull[JOB_WORKER - 1] = taking->dequeue->no_worker;
	VV_SET(row, JOB_LEASE_SECONDS, Float4GetDatum((float4) taking->lease_seconds));
	VV_SET_NULL(row, JOB_PROGRESS);
	VV_SET(row, JOB_LEASE_UNTIL,
		   TimestampTzGetDatum(now + (int64) rint(taking->lease_seconds * USECS_PER_SEC)));
	VV_SET(row, JOB_STARTED_AT, TimestampTzGetDatum(now));
	VV_SET(row, JOB_PROGRESS_AT, TimestampTzGetDatum(now));
}

/* Is the job, which may have changed before it was locked, still to be had? */
static bool
is_ready(TupleTableSlot *job, Datum kind)
{
	bool		isnull;

	return vv_job_is(job, 'r') &&
		DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID,
											 slot_getattr(job, JOB_KIND, &isnull), kind));
}

/* A job that dequeue.sql has put together. */
static bool
append_special(const Datum *values, const bool *isnull, void *arg)
{
	(void) isnull;
	next_job((Dequeue *) arg);
	append_json(&((Dequeue *) arg)->reply, values[0]);
	return true;
}

/* A locked job for which a trigger of the table's owner fires. */
static void
take_by_sql(const Taking *taking, Datum job_id)
{
	Datum		args[] = {taking->dequeue->worker, job_id, Float8GetDatum(taking->lease_seconds)};
	bool		isnull[] = {taking->dequeue->no_worker, false, false};

	vv_query_call(&take_one, args, isnull, append_special, taking->dequeue);
}

/* A row of ready_jobs. */
static bool
take_job(TupleTableSlot *job, void *arg)
{
	Taking	   *taking = (Taking *) arg;
	VvJobRow	row;

	if (!vv_lock_own_row(taking->jobs, &job->tts_tid, taking->locked) ||
		!is_ready(taking->locked, taking->kind))
		return true;
	slot_getallattrs(taking->locked);
	memcpy(row.values, taking->locked->tts_values, sizeof(row.values));
	memcpy(row.isnull, taking->locked->tts_isnull, sizeof(row.isnull));
	set_running(taking, &row);
	if (vv_may_write_own_row(&vv_jobs, taking->jobs, CMD_UPDATE, taking->locked, row.values, row.isnull))
	{
		vv_update_own_row(&vv_jobs, taking->jobs, &taking->locked->tts_tid, row.values, row.isnull, CHANGED);
		append_job(taking->dequeue, &row);
	}
	else
		take_by_sql(taking, VV_GET(&row, JOB_ID));
	return taking->dequeue->left > 0;
}

/* Takes ready jobs of a kind. */
static void
take_ready(Taking *taking)
{
	taking->locked = table_slot_create(taking->jobs, NULL);
	vv_begin_fresh_snapshot();
	(void) vv_scan_own_table(&vv_jobs, taking->jobs, &ready_jobs, &taking->kind, take_job, taking);
	vv_end_fresh_snapshot();
	ExecDropSingleTupleTableSlot(taking->locked);
}

/*
 * Takes what is ready of a kind.
 */
static void
take(Dequeue *dequeue, Relation jobs, Datum kind, const KindFacts *facts)
{
	Taking		taking = {.dequeue = dequeue, .jobs = jobs, .kind = kind,
		.lease_seconds = dequeue->lease_seconds > 0 ?
		dequeue->lease_seconds : facts->kind.lease_seconds
	};
	Datum		args[] = {dequeue->worker, kind, Int32GetDatum(dequeue->left),
	Float8GetDatum(taking.lease_seconds)};
	bool		isnull[] = {dequeue->no_worker, false, false, false};

	if (facts->special)
		vv_query_call(&take_special, args, isnull, append_special, dequeue);
	else
		take_ready(&taking);
}

/* Whether jobs of a kind are given out at all now. */
static bool
is_closed(const VvJobKind *kind)
{
	int32		armed = 1;

	if (kind->outside && !kind->paused)
		vv_query_call(&is_armed, NULL, NULL, take_count, &armed);
	return kind->paused || armed == 0;
}

/*
 * Whether it is long ago that this backend looked after a kind, which it does
 * from now on. Two kinds may share a place, and wait longer.
 */
static bool
is_to_tidy(Datum kind)
{
	static TimestampTz tidied[TIDIED_PLACES];
	text	   *name = DatumGetTextPP(kind);
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz *last = &tidied[vv_waiter_kind(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)) % TIDIED_PLACES];

	/* a clock may be set back */
	if (now >= *last && now - *last < TIDY_EACH)
		return false;
	*last = now;
	return true;
}

/*
 * Takes jobs of a kind. What is seldom is looked after where there is too
 * little to do, and once a second.
 */
static void
take_kind(Dequeue *dequeue, Relation jobs, Datum kind)
{
	KindFacts	facts = {0};
	int32		ntouched = 0;

	if (!look_at(jobs, kind, &facts))
		vv_query_call(&unknown_kind, &kind, NULL, take_count, &ntouched);
	if (is_closed(&facts.kind))
		return;
	if (facts.due)
		vv_query_call(&make_due, &kind, NULL, take_count, &ntouched);
	take(dequeue, jobs, kind, &facts);
	if (!is_to_tidy(kind) && dequeue->left == 0)
		return;
	ntouched = 0;
	vv_query_call(&tidy_kind, &kind, NULL, take_count, &ntouched);
	if (ntouched > 0 && dequeue->left > 0)
		take(dequeue, jobs, kind, &facts);
}

/* 22023 for an argument. */
static void
refuse(const char *argument, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s", argument), errhint("%s", hint)));
}

/* Error for arguments or an isolation level by which no jobs are taken. */
static void
check(FunctionCallInfo fcinfo)
{
	/* an old snapshot would fail at the first row that another has taken */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("jobs are taken at READ COMMITTED only"),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED.")));
	if (PG_ARGISNULL(1) || array_contains_nulls(PG_GETARG_ARRAYTYPE_P(1)) ||
		ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)),
					   ARR_DIMS(PG_GETARG_ARRAYTYPE_P(1))) < 1 ||
		ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)),
					   ARR_DIMS(PG_GETARG_ARRAYTYPE_P(1))) > MAX_KINDS)
		refuse("kinds", "They are 1 to 100 kinds of jobs.");
	if (!PG_ARGISNULL(0) && VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(0)) > MAX_WORKER)
		refuse("worker", "It has at most 255 bytes.");
	if (PG_ARGISNULL(2) || PG_GETARG_INT32(2) < 1 || PG_GETARG_INT32(2) > MAX_JOBS)
		refuse("max_jobs", "It is from 1 to 1000.");
	if (!PG_ARGISNULL(3) &&
		!(PG_GETARG_FLOAT8(3) >= 0.1 && PG_GETARG_FLOAT8(3) <= 86400))
		refuse("lease_seconds", "It is from 0.1 to 86400.");
}

PG_FUNCTION_INFO_V1(vvault_dequeue);

/*
 * vvault_dequeue(worker text, kinds text[], max_jobs integer,
 *		lease_seconds double precision) returns json
 *
 * Gives a worker up to max_jobs jobs of these kinds. Ranges and NULL as
 * dequeue.sql says; 22023, and 25000 at other isolation levels.
 */
Datum
vvault_dequeue(PG_FUNCTION_ARGS)
{
	Dequeue		dequeue = {0};
	Datum	   *kinds;
	bool	   *nulls;
	int			nkinds;
	Relation	jobs;

	check(fcinfo);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &kinds, &nulls, &nkinds);
	dequeue.worker = PG_GETARG_DATUM(0);
	dequeue.no_worker = PG_ARGISNULL(0);
	dequeue.left = PG_GETARG_INT32(2);
	dequeue.lease_seconds = PG_ARGISNULL(3) ? 0 : PG_GETARG_FLOAT8(3);
	initStringInfo(&dequeue.reply);
	appendStringInfoChar(&dequeue.reply, '[');

	jobs = vv_open_own_table(&vv_jobs, CMD_UPDATE);
	for (int i = 0; i < nkinds && dequeue.left > 0; i++)
		take_kind(&dequeue, jobs, kinds[i]);
	if (jobs != NULL)
		table_close(jobs, NoLock);

	appendStringInfoChar(&dequeue.reply, ']');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(dequeue.reply.data, dequeue.reply.len));
}
