/*-------------------------------------------------------------------------
 *
 * enqueue.c
 *		vvault_enqueue: a job comes in.
 *
 * The usual job, ready at once or later, is one statement. What has to look
 * around first (a key, needs, a limit, a wrong argument) is left to
 * vvault_stream.enqueue_slowly(), which does the usual job the same way.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "jobs/waiters.h"

#define NARGS			10
#define MAX_OWNER		255		/* bytes */
#define MAX_VIDEO_ID	64
#define MAX_DELAY		315360000.0

enum
{
	ARG_KIND, ARG_ARGS, ARG_VIDEO_ID, ARG_OWNER_ID, ARG_PRIORITY, ARG_DELAY,
	ARG_MAX_ATTEMPTS, ARG_JOB_KEY, ARG_NEEDS, ARG_COST
};

/* The turn is explained in ready.sql. */
static VvQuery insert_job = {
	.sql =
	"INSERT INTO vvault_stream.jobs AS n (kind, args, video_id, owner_id, priority,"
	"  max_attempts, cost, state, run_at, turn) "
	"SELECT k.kind, $2, $3, $4, $5::pg_catalog.int2,"
	"  coalesce($7::pg_catalog.int2, k.max_attempts), $8,"
	"  CASE WHEN $6 OPERATOR(pg_catalog.>) 0 THEN 's' ELSE 'r' END::pg_catalog.\"char\","
	"  CASE WHEN $6 OPERATOR(pg_catalog.>) 0 THEN pg_catalog.clock_timestamp()"
	"    OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $6) END,"
	"  CASE WHEN $6 OPERATOR(pg_catalog.>) 0 THEN 0 ELSE coalesce("
	"    (SELECT j.turn OPERATOR(pg_catalog.+) greatest(pg_catalog.round("
	"      $8::pg_catalog.float8 OPERATOR(pg_catalog./) coalesce(l.weight, 1)), 1)::pg_catalog.int8"
	"    FROM vvault_stream.jobs j WHERE j.kind OPERATOR(pg_catalog.=) $1"
	"      AND j.owner_id OPERATOR(pg_catalog.=) $4"
	"      AND j.priority OPERATOR(pg_catalog.=) $5::pg_catalog.int2"
	"      AND j.state OPERATOR(pg_catalog.=) 'r' ORDER BY j.turn DESC LIMIT 1),"
	"    (SELECT j.turn FROM vvault_stream.jobs j WHERE j.kind OPERATOR(pg_catalog.=) $1"
	"      AND j.priority OPERATOR(pg_catalog.=) $5::pg_catalog.int2"
	"      AND j.state OPERATOR(pg_catalog.=) 'r' ORDER BY j.turn LIMIT 1), 0) END "
	"FROM vvault_stream.job_kinds k LEFT JOIN vvault_stream.job_limits l"
	"  ON l.kind OPERATOR(pg_catalog.=) $1 AND l.owner_id OPERATOR(pg_catalog.=) $4 "
	"WHERE k.kind OPERATOR(pg_catalog.=) $1"
	"  AND k.owner_running_limit IS NULL AND l.running_limit IS NULL "
	"RETURNING n.job_id",
	.extension = "vvault_stream",
	.nargs = 8,
	.argtypes = {TEXTOID, JSONOID, TEXTOID, TEXTOID, INT4OID, FLOAT8OID, INT4OID, INT4OID},
	.index_order = true,
	.index_probes = true,
};

static VvQuery enqueue_slowly = {
	.sql = "SELECT vvault_stream.enqueue_slowly($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.extension = "vvault_stream",
	.nargs = NARGS,
	.argtypes = {TEXTOID, JSONOID, TEXTOID, TEXTOID, INT4OID, FLOAT8OID, INT4OID,
	TEXTOID, INT8ARRAYOID, INT4OID},
};

static bool
take_id(const Datum *values, const bool *isnull, void *arg)
{
	(void) isnull;
	*(int64 *) arg = DatumGetInt64(values[0]);
	return true;
}

static bool
fits(const FunctionCallInfo fcinfo, int arg, int most)
{
	int			len;

	if (PG_ARGISNULL(arg))
		return true;
	len = VARSIZE_ANY_EXHDR(DatumGetTextPP(PG_GETARG_DATUM(arg)));
	return len <= most && (len > 0 || arg == ARG_OWNER_ID);
}

/*
 * Whether the one statement will do, so far as the arguments tell.
 */
static bool
is_usual(FunctionCallInfo fcinfo)
{
	static const int needed[] = {ARG_KIND, ARG_OWNER_ID, ARG_PRIORITY, ARG_DELAY, ARG_COST};

	for (int i = 0; i < (int) lengthof(needed); i++)
	{
		if (PG_ARGISNULL(needed[i]))
			return false;
	}
	return PG_ARGISNULL(ARG_JOB_KEY) && PG_ARGISNULL(ARG_NEEDS) &&
		fits(fcinfo, ARG_OWNER_ID, MAX_OWNER) &&
		fits(fcinfo, ARG_VIDEO_ID, MAX_VIDEO_ID) &&
		abs(PG_GETARG_INT32(ARG_PRIORITY)) <= PG_INT16_MAX &&
		PG_GETARG_FLOAT8(ARG_DELAY) >= 0 &&
		PG_GETARG_FLOAT8(ARG_DELAY) <= MAX_DELAY &&
		(PG_ARGISNULL(ARG_MAX_ATTEMPTS) ||
		 (PG_GETARG_INT32(ARG_MAX_ATTEMPTS) >= 1 &&
		  PG_GETARG_INT32(ARG_MAX_ATTEMPTS) <= PG_INT16_MAX)) &&
		PG_GETARG_INT32(ARG_COST) >= 1;
}

/*
 * Inserts the usual job; returns its number, or 0 where its kind is not there
 * or has a limit.
 */
static int64
insert(FunctionCallInfo fcinfo)
{
	static const int source[] = {ARG_KIND, ARG_ARGS, ARG_VIDEO_ID, ARG_OWNER_ID,
	ARG_PRIORITY, ARG_DELAY, ARG_MAX_ATTEMPTS, ARG_COST};
	Datum		args[lengthof(source)];
	bool		isnull[lengthof(source)] = {false};
	int64		job_id = 0;

	for (int i = 0; i < (int) lengthof(source); i++)
	{
		args[i] = PG_GETARG_DATUM(source[i]);
		isnull[i] = PG_ARGISNULL(source[i]);
	}
	if (isnull[ARG_ARGS])
	{
		args[ARG_ARGS] = PointerGetDatum(cstring_to_text("{}"));
		isnull[ARG_ARGS] = false;
	}
	(void) vv_query_write(&insert_job, args, isnull, take_id, &job_id);
	return job_id;
}

static bool
copy_reply(const Datum *values, const bool *isnull, void *arg)
{
	text	   *reply = DatumGetTextPP(values[0]);

	(void) isnull;
	appendBinaryStringInfo((StringInfo) arg, VARDATA_ANY(reply), VARSIZE_ANY_EXHDR(reply));
	return true;
}

PG_FUNCTION_INFO_V1(vvault_enqueue);

/*
 * vvault_enqueue(kind text, args json, video_id text, owner_id text,
 *		priority integer, delay_seconds double precision, max_attempts integer,
 *		job_key text, needs bigint[], cost integer) returns json
 *
 * Puts a job into the queue. Ranges and NULL as enqueue.sql says; 22023.
 */
Datum
vvault_enqueue(PG_FUNCTION_ARGS)
{
	StringInfoData reply;
	int64		job_id = 0;

	initStringInfo(&reply);
	SPI_connect();
	if (is_usual(fcinfo))
		job_id = insert(fcinfo);
	if (job_id != 0)
	{
		text	   *kind = PG_GETARG_TEXT_PP(ARG_KIND);

		vv_wake_workers(VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind));
		appendStringInfo(&reply,
						 "{\"job_id\":" INT64_FORMAT ",\"state\":\"%s\",\"created\":true}",
						 job_id, PG_GETARG_FLOAT8(ARG_DELAY) > 0 ? "later" : "ready");
	}
	else
	{
		Datum		args[NARGS];
		bool		isnull[NARGS];

		for (int i = 0; i < NARGS; i++)
		{
			args[i] = PG_GETARG_DATUM(i);
			isnull[i] = PG_ARGISNULL(i);
		}
		(void) vv_query_write(&enqueue_slowly, args, isnull, copy_reply, &reply);
	}
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
