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

#include "core/index_scan.h"
#include "core/query.h"
#include "jobs/kind.h"
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

static VvQuery insert_job = {
	.sql =
	"INSERT INTO vvault_stream.jobs AS n (kind, args, video_id, owner_id, priority,"
	"  max_attempts, cost, state, run_at, turn) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7,"
	"  CASE WHEN $8 OPERATOR(pg_catalog.>) 0 THEN 's' ELSE 'r' END::pg_catalog.\"char\","
	"  CASE WHEN $8 OPERATOR(pg_catalog.>) 0 THEN pg_catalog.clock_timestamp()"
	"    OPERATOR(pg_catalog.+) pg_catalog.make_interval(secs => $8) END, $9) "
	"RETURNING n.job_id",
	.extension = "vvault_stream",
	.nargs = 9,
	.argtypes = {TEXTOID, JSONOID, TEXTOID, TEXTOID, INT2OID, INT2OID, INT4OID,
	FLOAT8OID, INT8OID},
};

static VvQuery enqueue_slowly = {
	.sql = "SELECT vvault_stream.enqueue_slowly($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	.extension = "vvault_stream",
	.nargs = NARGS,
	.argtypes = {TEXTOID, JSONOID, TEXTOID, TEXTOID, INT4OID, FLOAT8OID, INT4OID,
	TEXTOID, INT8ARRAYOID, INT4OID},
};

/* What one owner has of a kind. */
typedef struct OwnerFacts
{
	bool		limited;
	double		weight;
} OwnerFacts;

static const VvIndexScan owner_row = {
	.schema = "vvault_stream",
	.table = "job_limits",
	.index = "job_limits_pkey",
	.nkeys = 2,
	.direction = ForwardScanDirection,
	.ncolumns = 2,
	.columns = {"running_limit", "weight"},
};

static const VvIndexScan owners_last_turn = {
	.schema = "vvault_stream",
	.table = "jobs",
	.index = "jobs_state",
	.nkeys = 4,
	.direction = BackwardScanDirection,
	.ncolumns = 1,
	.columns = {"turn"},
};

static const VvIndexScan first_turn = {
	.schema = "vvault_stream",
	.table = "jobs",
	.index = "jobs_ready",
	.nkeys = 2,
	.direction = ForwardScanDirection,
	.ncolumns = 1,
	.columns = {"turn"},
};

/*
 * The columns of the owner's row: whether a limit stands there, and the
 * weight.
 */
static bool
take_owner(const Datum *values, const bool *isnull, void *arg)
{
	OwnerFacts *owner = (OwnerFacts *) arg;

	owner->limited = !isnull[0];
	owner->weight = DatumGetFloat8(values[1]);
	return false;
}

/* The row's one value is the job's id. */
static bool
take_id(const Datum *values, const bool *isnull, void *arg)
{
	(void) isnull;
	*(int64 *) arg = DatumGetInt64(values[0]);
	return true;
}

/* The row's one value is the turn. */
static bool
take_turn(const Datum *values, const bool *isnull, void *arg)
{
	(void) isnull;
	*(int64 *) arg = DatumGetInt64(values[0]);
	return false;
}

/*
 * Is the text NULL or of 1 to that many bytes? Only an owner may be the empty
 * text.
 */
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
 * The turn of a job that becomes ready, as vvault_stream.next_turn() has it.
 */
static int64
next_turn(FunctionCallInfo fcinfo, double weight)
{
	Datum		priority = Int16GetDatum((int16) PG_GETARG_INT32(ARG_PRIORITY));
	Datum		owners[] = {PG_GETARG_DATUM(ARG_KIND), CharGetDatum('r'),
	PG_GETARG_DATUM(ARG_OWNER_ID), priority};
	Datum		all[] = {PG_GETARG_DATUM(ARG_KIND), priority};
	int64		turn = 0;

	if (vv_index_scan(&owners_last_turn, owners, take_turn, &turn) > 0)
		return turn + (int64) Max(rint(PG_GETARG_INT32(ARG_COST) / weight), 1);
	(void) vv_index_scan(&first_turn, all, take_turn, &turn);
	return turn;
}

/*
 * What the INSERT needs that is not an argument; false where the kind is not
 * there, or it or the owner has a limit.
 */
static bool
look_around(FunctionCallInfo fcinfo, int16 *max_attempts, int64 *turn)
{
	Datum		keys[] = {PG_GETARG_DATUM(ARG_KIND), PG_GETARG_DATUM(ARG_OWNER_ID)};
	OwnerFacts	owner = {.weight = 1};
	VvJobKind	kind;

	if (!vv_job_kind(keys[0], &kind) || kind.owner_limited)
		return false;
	*max_attempts = kind.max_attempts;
	*turn = 0;
	vv_begin_fresh_snapshot();
	if (kind.has_owners)
		(void) vv_index_scan(&owner_row, keys, take_owner, &owner);
	if (!owner.limited && PG_GETARG_FLOAT8(ARG_DELAY) == 0)
		*turn = next_turn(fcinfo, owner.weight);
	vv_end_fresh_snapshot();
	return !owner.limited;
}

/*
 * Inserts the usual job; returns its number, or 0 where it is none.
 */
static int64
insert(FunctionCallInfo fcinfo)
{
	int16		max_attempts;
	int64		turn;
	int64		job_id = 0;

	if (!look_around(fcinfo, &max_attempts, &turn))
		return 0;
	if (!PG_ARGISNULL(ARG_MAX_ATTEMPTS))
		max_attempts = (int16) PG_GETARG_INT32(ARG_MAX_ATTEMPTS);
	{
		Datum		args[] = {
			PG_GETARG_DATUM(ARG_KIND),
			PG_ARGISNULL(ARG_ARGS) ? PointerGetDatum(cstring_to_text("{}")) : PG_GETARG_DATUM(ARG_ARGS),
			PG_GETARG_DATUM(ARG_VIDEO_ID),
			PG_GETARG_DATUM(ARG_OWNER_ID),
			Int16GetDatum((int16) PG_GETARG_INT32(ARG_PRIORITY)),
			Int16GetDatum(max_attempts),
			PG_GETARG_DATUM(ARG_COST),
			PG_GETARG_DATUM(ARG_DELAY),
			Int64GetDatum(turn)
		};
		bool		isnull[lengthof(args)] = {false};

		isnull[2] = PG_ARGISNULL(ARG_VIDEO_ID);
		(void) vv_query_write(&insert_job, args, isnull, take_id, &job_id);
	}
	return job_id;
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
		(void) vv_query_write(&enqueue_slowly, args, isnull, vv_append_text, &reply);
	}
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
