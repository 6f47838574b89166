/*-------------------------------------------------------------------------
 *
 * complete_and_dequeue.c
 *		vvault_complete_and_dequeue: a worker ends a job and gets the next.
 *
 * Whoever works without a pause would say the one and ask for the other, each
 * in a transaction of its own that waits until it is on the disk. In one it
 * waits once.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "jobs/job_rows.h"

#define NCOMPLETE_ARGS	3
#define NDEQUEUE_ARGS	4

/*
 * Calls one of the two with so many of our arguments, which may be NULL; returns
 * its reply.
 */
static text *
call(PGFunction function, FunctionCallInfo fcinfo, int first, int nargs)
{
	LOCAL_FCINFO(inner, NDEQUEUE_ARGS);

	InitFunctionCallInfoData(*inner, NULL, nargs, InvalidOid, NULL, NULL);
	memcpy(inner->args, &fcinfo->args[first], nargs * sizeof(NullableDatum));
	return DatumGetTextPP(function(inner));
}

PG_FUNCTION_INFO_V1(vvault_complete_and_dequeue);

/*
 * vvault_complete_and_dequeue(job_id bigint, lease uuid, result json,
 *		worker text, kinds text[], max_jobs integer,
 *		lease_seconds double precision) returns json
 *
 * vvault_complete(), then vvault_dequeue(), with their ranges, NULLs and errors.
 */
Datum
vvault_complete_and_dequeue(PG_FUNCTION_ARGS)
{
	text	   *ended = call(vvault_complete, fcinfo, 0, NCOMPLETE_ARGS);
	text	   *jobs = call(vvault_dequeue, fcinfo, NCOMPLETE_ARGS, NDEQUEUE_ARGS);
	StringInfoData reply;

	/* an object, and one field more */
	initStringInfo(&reply);
	appendBinaryStringInfo(&reply, VARDATA_ANY(ended), VARSIZE_ANY_EXHDR(ended) - 1);
	appendStringInfoString(&reply, ",\"jobs\":");
	appendBinaryStringInfo(&reply, VARDATA_ANY(jobs), VARSIZE_ANY_EXHDR(jobs));
	appendStringInfoChar(&reply, '}');
	PG_RETURN_TEXT_P(cstring_to_text_with_len(reply.data, reply.len));
}
