/*-------------------------------------------------------------------------
 *
 * dequeue.c
 *		vvault_dequeue: a worker gets jobs.
 *
 * Kind by kind, since one scan of several kinds would have to sort all that is
 * ready. A kind without limits and orders is two statements here; what else
 * there is to do for a kind is dequeue.sql's.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/pg_prng.h"
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
#include "jobs/kind.h"

#define MAX_KINDS		100
#define MAX_JOBS		1000
#define TIDY_ONE_IN		50		/* calls that found enough to do */

/* A call. */
typedef struct Dequeue
{
	Datum		worker;
	bool		no_worker;
	int			left;			/* jobs still wanted */
	double		lease_seconds;	/* 0: as the kind says */
	StringInfoData reply;
} Dequeue;

/* What is known of a kind. */
typedef struct KindFacts
{
	bool		special;		/* has limits or orders */
	bool		due;			/* the time of a later job has come */
	VvJobKind	kind;
} KindFacts;

static const VvIndexScan later_jobs = {
	.schema = "vvault_stream",
	.table = "jobs",
	.index = "jobs_later",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 2,
	.columns = {"run_at", "state"},
};

static VvQuery take_ready = {
	.sql =
	"WITH picked AS MATERIALIZED ("
	"  SELECT r.job_id FROM vvault_stream.jobs r"
	"  WHERE r.kind OPERATOR(pg_catalog.=) $2 AND r.state OPERATOR(pg_catalog.=) 'r'"
	"  ORDER BY r.priority DESC, r.turn, r.job_id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) "
	"UPDATE vvault_stream.jobs j SET state = 'x',"
	"  attempt = j.attempt OPERATOR(pg_catalog.+) 1::pg_catalog.int2,"
	"  lease = pg_catalog.gen_random_uuid(), worker = $1,"
	"  lease_seconds = $4::pg_catalog.float4, progress = NULL,"
	"  lease_until = pg_catalog.clock_timestamp()"
	"    OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $4),"
	"  started_at = pg_catalog.clock_timestamp(),"
	"  progress_at = pg_catalog.clock_timestamp() "
	"FROM picked p WHERE j.job_id OPERATOR(pg_catalog.=) p.job_id "
	"RETURNING j.job_id, j.lease, j.kind, j.owner_id, j.video_id, j.attempt, j.args",
	.extension = "vvault_stream",
	.nargs = 4,
	.argtypes = {TEXTOID, TEXTOID, INT4OID, FLOAT8OID},
	.index_order = true,
	.index_probes = true,
};

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

static VvQuery take_special = {
	.sql = "SELECT job FROM pg_catalog.unnest(vvault_stream.take_special($1, $2, $3, $4)) job",
	.extension = "vvault_stream",
	.nargs = 4,
	.argtypes = {TEXTOID, TEXTOID, INT4OID, FLOAT8OID},
};

/* A row of later_jobs, the soonest first; finishing ones stand between. */
static bool
take_due(const Datum *values, const bool *isnull, void *arg)
{
	if (isnull[0] || DatumGetTimestampTz(values[0]) > GetCurrentTimestamp())
		return false;
	*(bool *) arg = DatumGetChar(values[1]) == 's';
	return !*(bool *) arg;
}

/*
 * Looks at a kind; returns false where there is none.
 */
static bool
look_at(Datum kind, KindFacts *facts)
{
	if (!vv_job_kind(kind, &facts->kind))
		return false;
	facts->special = facts->kind.limited || facts->kind.has_order;
	vv_begin_fresh_snapshot();
	(void) vv_index_scan(&later_jobs, &kind, take_due, &facts->due);
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

/* A row of take_ready. */
static bool
append_job(const Datum *values, const bool *isnull, void *arg)
{
	StringInfo	out = &((Dequeue *) arg)->reply;

	next_job((Dequeue *) arg);
	appendStringInfo(out, "{\"job_id\":" INT64_FORMAT ",\"lease\":\"%s\",\"kind\":",
					 DatumGetInt64(values[0]),
					 DatumGetCString(DirectFunctionCall1(uuid_out, values[1])));
	append_text(out, values[2]);
	appendStringInfoString(out, ",\"owner_id\":");
	append_text(out, values[3]);
	appendStringInfoString(out, ",\"video_id\":");
	if (isnull[4])
		vv_json_null(out);
	else
		append_text(out, values[4]);
	appendStringInfo(out, ",\"attempt\":%d,\"args\":", DatumGetInt16(values[5]));
	append_json(out, values[6]);
	appendStringInfoChar(out, '}');
	return true;
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

/*
 * Takes what is ready of a kind.
 */
static void
take(Dequeue *dequeue, Datum kind, const KindFacts *facts)
{
	Datum		args[] = {dequeue->worker, kind, Int32GetDatum(dequeue->left),
	Float8GetDatum(dequeue->lease_seconds > 0 ? dequeue->lease_seconds : facts->kind.lease_seconds)};
	bool		isnull[] = {dequeue->no_worker, false, false, false};

	if (facts->special)
		(void) vv_query_write(&take_special, args, isnull, append_special, dequeue);
	else
		(void) vv_query_write(&take_ready, args, isnull, append_job, dequeue);
}

/* Whether jobs of a kind are given out at all now. */
static bool
is_closed(const VvJobKind *kind)
{
	int32		armed = 1;

	if (kind->outside && !kind->paused)
		(void) vv_query_write(&is_armed, NULL, NULL, take_count, &armed);
	return kind->paused || armed == 0;
}

/*
 * Takes jobs of a kind. What is seldom is looked after where there is too
 * little to do, and now and then.
 */
static void
take_kind(Dequeue *dequeue, Datum kind)
{
	KindFacts	facts = {0};
	int32		ntouched = 0;

	if (!look_at(kind, &facts))
		(void) vv_query_write(&unknown_kind, &kind, NULL, take_count, &ntouched);
	if (is_closed(&facts.kind))
		return;
	if (facts.due)
		(void) vv_query_write(&make_due, &kind, NULL, take_count, &ntouched);
	take(dequeue, kind, &facts);
	if (dequeue->left == 0 &&
		pg_prng_uint64_range(&pg_global_prng_state, 1, TIDY_ONE_IN) > 1)
		return;
	ntouched = 0;
	(void) vv_query_write(&tidy_kind, &kind, NULL, take_count, &ntouched);
	if (ntouched > 0 && dequeue->left > 0)
		take(dequeue, kind, &facts);
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

	check(fcinfo);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &kinds, &nulls, &nkinds);
	dequeue.worker = PG_GETARG_DATUM(0);
	dequeue.no_worker = PG_ARGISNULL(0);
	dequeue.left = PG_GETARG_INT32(2);
	dequeue.lease_seconds = PG_ARGISNULL(3) ? 0 : PG_GETARG_FLOAT8(3);
	initStringInfo(&dequeue.reply);
	appendStringInfoChar(&dequeue.reply, '[');

	SPI_connect();
	for (int i = 0; i < nkinds && dequeue.left > 0; i++)
		take_kind(&dequeue, kinds[i]);
	SPI_finish();

	appendStringInfoChar(&dequeue.reply, ']');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(dequeue.reply.data, dequeue.reply.len));
}
