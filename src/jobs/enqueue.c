/*-------------------------------------------------------------------------
 *
 * enqueue.c
 *		vvault_enqueue: a job comes in.
 *
 * The usual job, ready at once or later, is written right here. What has to look
 * around first (a key, needs, a limit, a wrong argument) is left to
 * vvault_stream.enqueue_slowly(), which does the usual job the same way where
 * SQL has to write the table.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "access/table.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/index_scan.h"
#include "core/query.h"
#include "jobs/job_rows.h"
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

static const VvOwnScan owners_last_turn = {
	.index = "jobs_state",
	.nkeys = 4,
	.direction = BackwardScanDirection,
};

static const VvOwnScan owners_last_turn_behind = {
	.index = "jobs_state",
	.nkeys = 5,
	.last_is_least = true,
	.direction = BackwardScanDirection,
};

static const VvOwnScan first_turn = {
	.index = "jobs_ready",
	.nkeys = 2,
	.direction = ForwardScanDirection,
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

/* The turn of a row of jobs. */
static bool
take_turn(TupleTableSlot *job, void *arg)
{
	bool		isnull;

	*(int64 *) arg = DatumGetInt64(slot_getattr(job, JOB_TURN, &isnull));
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
 * Whether it is the usual job, so far as the arguments tell.
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
		PG_GETARG_INT32(ARG_PRIORITY) == (int16) PG_GETARG_INT32(ARG_PRIORITY) &&
		PG_GETARG_FLOAT8(ARG_DELAY) >= 0 &&
		PG_GETARG_FLOAT8(ARG_DELAY) <= MAX_DELAY &&
		(PG_ARGISNULL(ARG_MAX_ATTEMPTS) ||
		 (PG_GETARG_INT32(ARG_MAX_ATTEMPTS) >= 1 &&
		  PG_GETARG_INT32(ARG_MAX_ATTEMPTS) <= PG_INT16_MAX)) &&
		PG_GETARG_INT32(ARG_COST) >= 1;
}

/*
 * The greatest turn of an owner's ready jobs of a kind and priority; false where
 * there is none. A scan reads all of a page of the index that meets its keys, so
 * for an owner of many jobs this backend first looks from the turn on that it
 * gave to one last. Whosever turn that was, what is found behind it is right.
 */
static bool
find_last_turn(FunctionCallInfo fcinfo, Relation jobs, Datum priority, int64 *turn)
{
	static int64 last_turn;
	static uint32 last_owner;
	static bool had_some = false;
	text	   *name = PG_GETARG_TEXT_PP(ARG_OWNER_ID);
	uint32		owner = hash_bytes((unsigned char *) VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	Datum		keys[] = {PG_GETARG_DATUM(ARG_KIND), CharGetDatum('r'),
	PG_GETARG_DATUM(ARG_OWNER_ID), priority, Int64GetDatum(last_turn)};
	bool		found = had_some && owner == last_owner &&
	vv_scan_own_table(&vv_jobs, jobs, &owners_last_turn_behind, keys, take_turn, turn) > 0;

	if (!found)
		found = vv_scan_own_table(&vv_jobs, jobs, &owners_last_turn, keys, take_turn, turn) > 0;
	had_some = found;
	last_owner = owner;
	last_turn = *turn;
	return found;
}

/*
 * The turn of a job that becomes ready, as vvault_stream.next_turn() has it.
 */
static int64
next_turn(FunctionCallInfo fcinfo, Relation jobs, double weight)
{
	Datum		priority = Int16GetDatum((int16) PG_GETARG_INT32(ARG_PRIORITY));
	Datum		all[] = {PG_GETARG_DATUM(ARG_KIND), priority};
	int64		turn = 0;

	if (find_last_turn(fcinfo, jobs, priority, &turn))
		return turn + (int64) Max(rint(PG_GETARG_INT32(ARG_COST) / weight), 1);
	(void) vv_scan_own_table(&vv_jobs, jobs, &first_turn, all, take_turn, &turn);
	return turn;
}

/*
 * Whether jobs of this kind and owner have no limit, and the owner's weight.
 */
static bool
look_around(FunctionCallInfo fcinfo, VvJobKind *kind, OwnerFacts *owner)
{
	Datum		keys[] = {PG_GETARG_DATUM(ARG_KIND), PG_GETARG_DATUM(ARG_OWNER_ID)};

	if (!vv_job_kind(keys[0], kind) || kind->owner_limited)
		return false;
	if (kind->has_owners)
		(void) vv_index_scan(&owner_row, keys, take_owner, owner);
	return !owner->limited;
}

/* What is not an argument, nor what every new job has. */
static void
set_state(FunctionCallInfo fcinfo, Relation jobs, double weight, VvJobRow *row)
{
	double		delay = PG_GETARG_FLOAT8(ARG_DELAY);
	TimestampTz now = GetCurrentTimestamp();

	VV_SET(row, JOB_CREATED_AT, TimestampTzGetDatum(now));
	if (delay > 0)
	{
		VV_SET(row, JOB_STATE, CharGetDatum('s'));
		VV_SET(row, JOB_TURN, Int64GetDatum(0));
		VV_SET(row, JOB_RUN_AT, TimestampTzGetDatum(now + (int64) rint(delay * USECS_PER_SEC)));
	}
	else
	{
		VV_SET(row, JOB_STATE, CharGetDatum('r'));
		VV_SET(row, JOB_TURN, Int64GetDatum(next_turn(fcinfo, jobs, weight)));
	}
}

/* The arguments, and what every new job has. */
static void
set_arguments(FunctionCallInfo fcinfo, const VvJobKind *kind, VvJobRow *row)
{
	static const int none[] = {
		JOB_NEEDS_LEFT, JOB_ATTEMPT, JOB_LOST, JOB_DONE_FAILURES, JOB_CANCELLED
	};

	memset(row->values, 0, sizeof(row->values));
	memset(row->isnull, true, sizeof(row->isnull));
	for (int i = 0; i < (int) lengthof(none); i++)
		VV_SET(row, none[i], (Datum) 0);
	VV_SET(row, JOB_COST, PG_GETARG_DATUM(ARG_COST));
	VV_SET(row, JOB_PRIORITY, Int16GetDatum((int16) PG_GETARG_INT32(ARG_PRIORITY)));
	VV_SET(row, JOB_MAX_ATTEMPTS, PG_ARGISNULL(ARG_MAX_ATTEMPTS) ? Int16GetDatum(kind->max_attempts) :
		   Int16GetDatum((int16) PG_GETARG_INT32(ARG_MAX_ATTEMPTS)));
	VV_SET(row, JOB_KIND, PG_GETARG_DATUM(ARG_KIND));
	VV_SET(row, JOB_OWNER_ID, PG_GETARG_DATUM(ARG_OWNER_ID));
	if (!PG_ARGISNULL(ARG_VIDEO_ID))
		VV_SET(row, JOB_VIDEO_ID, PG_GETARG_DATUM(ARG_VIDEO_ID));
	VV_SET(row, JOB_ARGS, PG_ARGISNULL(ARG_ARGS) ?
		   CStringGetTextDatum("{}") : PG_GETARG_DATUM(ARG_ARGS));
}

/* The next number of a job. */
static int64
next_job_id(void)
{
	return nextval_internal(vv_own_relation(vv_jobs.schema, "jobs_job_id_seq"), false);
}

/*
 * Inserts the usual job; returns its number, or 0 where it is none.
 */
static int64
insert(FunctionCallInfo fcinfo)
{
	Relation	jobs = vv_open_own_table(&vv_jobs, CMD_INSERT);
	OwnerFacts	owner = {.weight = 1};
	VvJobKind	kind;
	VvJobRow	row;
	int64		job_id = 0;

	if (jobs == NULL)
		return 0;
	vv_begin_fresh_snapshot();
	if (look_around(fcinfo, &kind, &owner))
	{
		set_arguments(fcinfo, &kind, &row);
		set_state(fcinfo, jobs, owner.weight, &row);
		job_id = next_job_id();
		VV_SET(&row, JOB_ID, Int64GetDatum(job_id));
		if (vv_may_write_own_row(&vv_jobs, jobs, CMD_INSERT, NULL, row.values, row.isnull))
			vv_insert_own_row(&vv_jobs, jobs, row.values, row.isnull);
		else
			job_id = 0;
	}
	vv_end_fresh_snapshot();
	table_close(jobs, NoLock);
	return job_id;
}

/* Enqueues the usual job; false where it is none. */
static bool
enqueue_usual(FunctionCallInfo fcinfo, StringInfo reply)
{
	int64		job_id = is_usual(fcinfo) ? insert(fcinfo) : 0;
	text	   *kind;

	if (job_id == 0)
		return false;
	kind = PG_GETARG_TEXT_PP(ARG_KIND);
	vv_wake_workers(VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind));
	appendStringInfo(reply,
					 "{\"job_id\":" INT64_FORMAT ",\"state\":\"%s\",\"created\":true}",
					 job_id, PG_GETARG_FLOAT8(ARG_DELAY) > 0 ? "later" : "ready");
	return true;
}

/* Enqueues what is not the usual job, or says why it is none. */
static void
enqueue_by_sql(FunctionCallInfo fcinfo, StringInfo reply)
{
	Datum		args[NARGS];
	bool		isnull[NARGS];

	for (int i = 0; i < NARGS; i++)
	{
		args[i] = PG_GETARG_DATUM(i);
		isnull[i] = PG_ARGISNULL(i);
	}
	vv_query_call(&enqueue_slowly, args, isnull, vv_append_text, reply);
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

	initStringInfo(&reply);
	if (!enqueue_usual(fcinfo, &reply))
		enqueue_by_sql(fcinfo, &reply);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}

PG_FUNCTION_INFO_V1(vvault_enqueue_usual);

/*
 * vvault_stream.enqueue_usual(... as vvault_enqueue) returns text
 *
 * The same for the usual job; 0A000 for another.
 */
Datum
vvault_enqueue_usual(PG_FUNCTION_ARGS)
{
	StringInfoData reply;

	initStringInfo(&reply);
	if (!enqueue_usual(fcinfo, &reply))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("job is not a usual one")));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
