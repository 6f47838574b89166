/*-------------------------------------------------------------------------
 *
 * sources.c
 *		Sources of replies that are no feeds, for a test: scopes of each type,
 *		and a reply that not everybody may see.
 *
 * The library vvault has to be loaded before this one, which calls it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "core/wait_points.h"
#include "reply/reply.h"

/* what is tested as it is, without the library's own copy */
#include "core/text_writer.c"
#include "core/xml_writer.c"

PG_MODULE_MAGIC;

void		_PG_init(void);

PG_FUNCTION_INFO_V1(note_of_text);
PG_FUNCTION_INFO_V1(note_of_uuid);
PG_FUNCTION_INFO_V1(note_of_bigint);
PG_FUNCTION_INFO_V1(secret_of);
PG_FUNCTION_INFO_V1(xml_of);
PG_FUNCTION_INFO_V1(quoted_of);
PG_FUNCTION_INFO_V1(wait_at);
PG_FUNCTION_INFO_V1(wake_at);
PG_FUNCTION_INFO_V1(empty_lists);

static bool broken_allow = false;

/* how many queries were started with a list of parameters that has none */
static int	nempty_lists = 0;
static ExecutorStart_hook_type next_start = NULL;

static const char *const tables[] = {"versions", "notes", NULL};

static VvSource text_source = {
	.schema = "by_text",
	.scope = "name",
	.scope_type = TEXTOID,
	.tables = tables,
	.common_scope = "site",
};

static VvSource uuid_source = {
	.schema = "by_uuid",
	.scope = "id",
	.scope_type = UUIDOID,
	.tables = tables,
};

static VvSource bigint_source = {
	.schema = "by_bigint",
	.scope = "number",
	.scope_type = INT8OID,
	.tables = tables,
};

/*
 * Writes {"note": ..., "asked_by": ...}; NULL where there is no note.
 */
static bool
write_note(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	const VvSource *source = reply->replier->source;
	Oid			types[1] = {source->scope_type};
	Datum		args[1] = {PG_GETARG_DATUM(0)};
	char	   *sql = psprintf("SELECT pg_catalog.json_build_object('note', n.note, 'asked_by', current_user::text)::text"
							   " FROM %s.notes n WHERE n.%s OPERATOR(pg_catalog.=) $1",
							   source->schema, source->scope);

	if (vv_reply_is_known(reply, 60, 0, 0))
		return true;
	if (SPI_execute_with_args(sql, 1, types, args, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read a note");
	if (SPI_processed == 0)
		return false;
	appendStringInfoString(out, SPI_getvalue(SPI_tuptable->vals[0],
											 SPI_tuptable->tupdesc, 1));
	return true;
}

/*
 * A secret is for the role of its name.
 */
static bool
allow_secret(FunctionCallInfo fcinfo)
{
	if (broken_allow)
		return true;
	if (strcmp(text_to_cstring(PG_GETARG_TEXT_PP(0)),
			   GetUserNameFromId(GetUserId(), false)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("this secret is another's")));
	return false;
}

#define REPLIER(function, type, its_source, its_allow) \
Datum \
function(PG_FUNCTION_ARGS) \
{ \
	static const VvReplier replier = { \
		.name = #function, \
		.nargs = 1, \
		.argtypes = {type}, \
		.source = &its_source, \
		.scope_arg = 1, \
		.allow = its_allow, \
		.write = write_note, \
	}; \
	return vv_reply(fcinfo, &replier); \
}

REPLIER(note_of_text, TEXTOID, text_source, NULL)
REPLIER(note_of_uuid, UUIDOID, uuid_source, NULL)
REPLIER(note_of_bigint, INT8OID, bigint_source, NULL)
REPLIER(secret_of, TEXTOID, text_source, allow_secret)

/*
 * A document around a text that nobody vouches for.
 */
Datum
xml_of(PG_FUNCTION_ARGS)
{
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(0));
	StringInfoData out;
	VvXml		xml = {.out = &out};

	initStringInfo(&out);
	vv_xml_begin(&xml);
	vv_xml_open(&xml, "a");
	vv_xml_attribute(&xml, "b", given);
	vv_xml_attribute_int(&xml, "n", -5);
	vv_xml_open(&xml, "empty");
	vv_xml_close(&xml, "empty");
	vv_xml_open(&xml, "c");
	vv_xml_text(&xml, given, strlen(given));
	vv_xml_close(&xml, "c");
	vv_xml_close(&xml, "a");
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

/*
 * A line with a text that nobody vouches for in quotes.
 */
Datum
quoted_of(PG_FUNCTION_ARGS)
{
	text	   *given = PG_GETARG_TEXT_PP(0);
	StringInfoData quoted;
	StringInfoData out;

	initStringInfo(&quoted);
	initStringInfo(&out);
	vv_text_quoted(&quoted, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	vv_text_line(&out, quoted.data);
	PG_RETURN_TEXT_P(cstring_to_text(out.data));
}

static ConditionVariable *
wait_point_arg(FunctionCallInfo fcinfo)
{
	text	   *name = PG_GETARG_TEXT_PP(0);

	return vv_wait_point(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

/*
 * Waits at a wait point for so many milliseconds; whether it was woken, NULL
 * where there is no shared memory.
 */
Datum
wait_at(PG_FUNCTION_ARGS)
{
	ConditionVariable *point = wait_point_arg(fcinfo);
	bool		woken;

	if (point == NULL)
		PG_RETURN_NULL();
	ConditionVariablePrepareToSleep(point);
	woken = !ConditionVariableTimedSleep(point, PG_GETARG_INT32(1),
										 PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	PG_RETURN_BOOL(woken);
}

/*
 * Wakes whoever waits there.
 */
Datum
wake_at(PG_FUNCTION_ARGS)
{
	ConditionVariable *point = wait_point_arg(fcinfo);

	if (point != NULL)
		ConditionVariableBroadcast(point);
	PG_RETURN_VOID();
}

/*
 * Looks at each query's parameters on its way.
 */
static void
watch_start(QueryDesc *query, int flags)
{
	if (query->params != NULL && query->params->numParams == 0)
		nempty_lists++;
	if (next_start != NULL)
		next_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

/*
 * How many of this session's queries came with an empty list of parameters,
 * where none is what everybody expects.
 */
Datum
empty_lists(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(nempty_lists);
}

void
_PG_init(void)
{
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = watch_start;
	DefineCustomBoolVariable("sources.broken_allow",
							 "Whether anybody is told any secret, as if allow were wrong.",
							 NULL, &broken_allow, false, PGC_USERSET, 0, NULL,
							 NULL, NULL);
	vv_register_source(&text_source);
	vv_register_source(&uuid_source);
	vv_register_source(&bigint_source);
}
