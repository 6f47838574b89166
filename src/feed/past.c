/*-------------------------------------------------------------------------
 *
 * past.c
 *		The videos of a region as they were at an instant.
 *
 * Then is by the time of observation: a chart counts from the instant it was
 * observed at, whenever it came in.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/past.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define SCHEMA_MARK "@extschema@"

static VvQuery begin_query = {
	.sql = "SELECT pg_catalog.timezone('UTC',"
	" (pg_catalog.max(t.day) OPERATOR(pg_catalog.+) 1)::pg_catalog.timestamp)"
	" FROM vvault.daily_stats t"
	" WHERE t.region OPERATOR(pg_catalog.=) $1 AND t.closed",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

/*
 * The query with the name of the schema that a function of the extension is
 * in. It is made anew where that is another extension than last time.
 */
VvQuery *
vv_past_query(VvPastQuery *past, Oid function)
{
	Oid			schema = get_func_namespace(function);
	const char *at = past->sql;
	const char *mark;
	StringInfoData sql;
	MemoryContext old;

	if (past->query.sql != NULL && past->schema == schema)
		return &past->query;
	old = MemoryContextSwitchTo(TopMemoryContext);
	initStringInfo(&sql);
	while ((mark = strstr(at, SCHEMA_MARK)) != NULL)
	{
		appendBinaryStringInfo(&sql, at, mark - at);
		appendStringInfoString(&sql, quote_identifier(get_namespace_name(schema)));
		at = mark + strlen(SCHEMA_MARK);
	}
	appendStringInfoString(&sql, at);
	MemoryContextSwitchTo(old);
	if (past->query.plan != NULL)
		SPI_freeplan(past->query.plan);
	if (past->query.sql != NULL)
		pfree(unconstify(char *, past->query.sql));
	past->query.plan = NULL;
	past->query.sql = sql.data;
	past->schema = schema;
	return &past->query;
}

/* An instant as JSON shows it, in UTC. */
static char *
instant_text(TimestampTz instant)
{
	char	   *text = palloc(MAXDATELEN + 1);
	int			utc = 0;

	JsonEncodeDateTime(text, TimestampTzGetDatum(instant), TIMESTAMPTZOID,
					   &utc);
	return text;
}

/*
 * Raises 22023 for an instant that has not come or whose snapshots are pruned.
 * The caller is connected to SPI.
 */
void
vv_check_past(text * region, TimestampTz as_of)
{
	Datum		args[1] = {PointerGetDatum(region)};
	VvRow		row;

	if (TIMESTAMP_NOT_FINITE(as_of) || as_of > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid as_of"),
				 errhint("It is an instant that has passed.")));
	if (vv_query_row(&begin_query, args, &row) && !row.isnull[0] &&
		as_of < DatumGetTimestampTz(row.values[0]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid as_of: the snapshots of %s are pruned",
						instant_text(as_of)),
				 errhint("Those of the region begin on %s.",
						 instant_text(DatumGetTimestampTz(row.values[0])))));
}
