/*-------------------------------------------------------------------------
 *
 * query.c
 *		SQL that C code runs again and again: planned once per backend.
 *
 * Rows go from the executor straight to the caller's action: nothing is
 * collected on the way. Callers are connected to SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "core/query.h"

#include "executor/executor.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/guc.h"

#include "core/same_version.h"

typedef struct RowReceiver
{
	DestReceiver pub;			/* must be first */
	VvRowAction action;
	void	   *arg;
	uint64		nrows;
} RowReceiver;

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;

	slot_getallattrs(slot);
	receiver->nrows++;
	return receiver->action(slot->tts_values, slot->tts_isnull,
							receiver->arg);
}

static void
receiver_startup(DestReceiver *self pg_attribute_unused(),
				 int operation pg_attribute_unused(),
				 TupleDesc typeinfo pg_attribute_unused())
{
}

static void
receiver_end(DestReceiver *self pg_attribute_unused())
{
}

static void
prepare(VvQuery *query)
{
	SPIPlanPtr	plan;

	plan = SPI_prepare_cursor(query->sql, query->nargs, query->argtypes,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", query->sql,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep the plan of \"%s\"", query->sql);
	query->plan = plan;
	query->planned = false;
}

/*
 * For as long as the returned nest level lasts, the planner does without these
 * settings.
 */
static int
plan_without(const char *const *settings, int n)
{
	int			nest = NewGUCNestLevel();

	for (int i = 0; i < n; i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	return nest;
}

/* No other way to an order than an index. */
static const char *const but_index_order[] = {
	"enable_sort", "enable_incremental_sort", "enable_seqscan",
	"enable_bitmapscan", "enable_material", "jit"
};

/* No other way to a row than an index. */
static const char *const but_index_probes[] = {
	"enable_seqscan", "enable_hashjoin", "enable_mergejoin",
	"enable_material", "enable_memoize", "jit"
};

/*
 * Around whatever may make a plan. Returns a nest level for end_planning().
 * Every query begins here, and knows tables of this library's version.
 */
static int
begin_planning(VvQuery *query)
{
	vv_require_same_version();
	if (query->plan == NULL)
		prepare(query);
	if (query->planned && SPI_plan_is_valid(query->plan))
		return -1;
	if (query->index_order)
		return plan_without(but_index_order, lengthof(but_index_order));
	if (query->index_probes)
		return plan_without(but_index_probes, lengthof(but_index_probes));
	return -1;
}

static void
end_planning(VvQuery *query, int nest)
{
	query->planned = true;
	if (nest >= 0)
		AtEOXact_GUC(true, nest);
}

/*
 * Runs a query and hands each row to the action; stops after limit rows where
 * limit is not 0. Returns the number of rows handed over. Errors: 55000 from
 * vv_require_same_version(), and those of the query.
 */
uint64
vv_query_run(VvQuery *query, const Datum *args, uint64 limit,
			 VvRowAction action, void *arg)
{
	RowReceiver receiver = {
		.pub.receiveSlot = receive_row,
		.pub.rStartup = receiver_startup,
		.pub.rShutdown = receiver_end,
		.pub.rDestroy = receiver_end,
		.pub.mydest = DestNone,
		.action = action,
		.arg = arg,
	};
	SPIExecuteOptions options = {0};
	int			nest;
	int			result;

	nest = begin_planning(query);
	options.params = makeParamList(query->nargs);
	for (int i = 0; i < query->nargs; i++)
	{
		options.params->params[i].value = args[i];
		options.params->params[i].isnull = false;
		options.params->params[i].pflags = PARAM_FLAG_CONST;
		options.params->params[i].ptype = query->argtypes[i];
	}
	options.read_only = true;
	options.tcount = limit;
	options.dest = &receiver.pub;

	result = SPI_execute_plan_extended(query->plan, &options);
	/* SPI says so of a SELECT whose rows it does not keep itself */
	if (result != SPI_OK_UTILITY)
		elog(ERROR, "could not run \"%s\": %s", query->sql,
			 SPI_result_code_string(result));
	end_planning(query, nest);
	return receiver.nrows;
}

/*
 * Opens a query to be read bit by bit with SPI_cursor_fetch().
 */
Portal
vv_query_open(VvQuery *query, const Datum *args)
{
	int			nest = begin_planning(query);
	Portal		portal;

	portal = SPI_cursor_open(NULL, query->plan, unconstify(Datum *, args),
							 NULL, true);
	end_planning(query, nest);
	return portal;
}

typedef struct JsonArray
{
	StringInfo	out;
	const VvJsonColumn *columns;
	int			ncolumns;
	int			n;
} JsonArray;

static bool
append_object(const Datum *values, const bool *isnull, void *arg)
{
	JsonArray  *array = (JsonArray *) arg;

	appendStringInfoString(array->out, array->n++ > 0 ? ",{" : "{");
	vv_json_row(array->out, array->columns, array->ncolumns, values, isnull);
	appendStringInfoChar(array->out, '}');
	return true;
}

/*
 * Runs a query and appends its rows as a JSON array of objects; returns how
 * many there are.
 */
int
vv_query_json_array(VvQuery *query, const Datum *args, StringInfo out,
					const VvJsonColumn *columns, int ncolumns)
{
	JsonArray	array = {out, columns, ncolumns, 0};

	appendStringInfoChar(out, '[');
	(void) vv_query_run(query, args, 0, append_object, &array);
	appendStringInfoChar(out, ']');
	return array.n;
}
