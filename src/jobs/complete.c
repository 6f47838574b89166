/*-------------------------------------------------------------------------
 *
 * complete.c
 *		vvault_complete: a job ends with its result.
 *
 * A job that nothing hangs on is two statements. The first locks it, so that
 * the second, under a newer snapshot, sees every job that came to need it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "core/query.h"

static VvQuery lock_job = {
	.sql =
	"SELECT j.cancelled OR k.done_function IS NOT NULL OR k.running_limit IS NOT NULL"
	"  OR k.owner_running_limit IS NOT NULL OR k.kind IS NULL OR EXISTS ("
	"    SELECT FROM vvault_stream.job_limits l WHERE l.kind OPERATOR(pg_catalog.=) j.kind"
	"    AND l.running_limit IS NOT NULL) "
	"FROM vvault_stream.jobs j LEFT JOIN vvault_stream.job_kinds k"
	"  ON k.kind OPERATOR(pg_catalog.=) j.kind "
	"WHERE j.job_id OPERATOR(pg_catalog.=) $1 AND j.lease OPERATOR(pg_catalog.=) $2"
	"  AND j.state OPERATOR(pg_catalog.=) 'x' FOR UPDATE OF j",
	.extension = "vvault_stream",
	.nargs = 2,
	.argtypes = {INT8OID, UUIDOID},
	.index_order = true,
	.index_probes = true,
};

static VvQuery finish_job = {
	.sql =
	"WITH gone AS ("
	"  DELETE FROM vvault_stream.jobs j WHERE j.job_id OPERATOR(pg_catalog.=) $1 RETURNING j.*),"
	"put AS ("
	"  INSERT INTO vvault_stream.finished_jobs (job_id, created_at, started_at, priority, attempt,"
	"    lease, kind, owner_id, video_id, job_key, worker, needs, args, result)"
	"  SELECT g.job_id, g.created_at, g.started_at, g.priority, g.attempt, g.lease, g.kind,"
	"    g.owner_id, g.video_id, g.job_key, g.worker, g.needs, g.args, $2 FROM gone g) "
	"SELECT EXISTS (SELECT FROM vvault_stream.job_needs n"
	"  WHERE n.needs OPERATOR(pg_catalog.=) $1)",
	.extension = "vvault_stream",
	.nargs = 2,
	.argtypes = {INT8OID, JSONOID},
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

static bool
take_bool(const Datum *values, const bool *isnull, void *arg)
{
	*(bool *) arg = !isnull[0] && DatumGetBool(values[0]);
	return true;
}

static bool
copy_reply(const Datum *values, const bool *isnull, void *arg)
{
	text	   *reply = DatumGetTextPP(values[0]);

	(void) isnull;
	appendBinaryStringInfo((StringInfo) arg, VARDATA_ANY(reply), VARSIZE_ANY_EXHDR(reply));
	return true;
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
	bool		special = true;
	bool		needed = false;
	StringInfoData reply;

	initStringInfo(&reply);
	SPI_connect();
	if (!isnull[0] && !isnull[1])
		(void) vv_query_write(&lock_job, args, isnull, take_bool, &special);
	if (special)
		(void) vv_query_write(&complete_slowly, args, isnull, copy_reply, &reply);
	else
	{
		Datum		finish_args[] = {args[0], args[2]};
		bool		finish_nulls[] = {false, isnull[2]};

		(void) vv_query_write(&finish_job, finish_args, finish_nulls, take_bool, &needed);
		if (needed)
			(void) vv_query_write(&meet_needs, args, NULL, take_bool, &needed);
		appendStringInfo(&reply, "{\"job_id\":" INT64_FORMAT ",\"state\":\"finished\"}",
						 PG_GETARG_INT64(0));
	}
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
