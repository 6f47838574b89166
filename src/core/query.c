/*-------------------------------------------------------------------------
 *
 * query.c
 *		SQL that C code runs again and again: planned once per backend.
 *
 * Rows go from the executor straight to the caller's action: nothing is
 * collected on the way. Who wants one row gets a copy of it. Callers are
 * connected to SPI but for those of vv_query_call(), vv_query_row() and
 * vv_query_text(), which see to that themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "core/query.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "core/same_version.h"

typedef struct RowReceiver
{
	DestReceiver pub;			/* must be first */
	VvRowAction action;
	void	   *arg;
	TupleDesc	columns;
	uint64		nrows;
} RowReceiver;

/* Hand a row to the caller's action, which says whether to go on. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;

	slot_getallattrs(slot);
	receiver->nrows++;
	return receiver->action(slot->tts_values, slot->tts_isnull,
							receiver->arg);
}

/* Keep what the columns are, for copy_row(). */
static void
receiver_startup(DestReceiver *self,
				 int operation pg_attribute_unused(),
				 TupleDesc typeinfo)
{
	((RowReceiver *) self)->columns = typeinfo;
}

/* There is nothing to free; shutdown and destroy are both this. */
static void
receiver_end(DestReceiver *self pg_attribute_unused())
{
}

/* Keep a generic plan for the rest of the session. */
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
plan_without(int nest, const char *const *settings, int n)
{
	if (nest < 0)
		nest = NewGUCNestLevel();
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
	int			nest = -1;

	vv_require_same_version(query->extension);
	if (query->plan == NULL)
		prepare(query);
	if (query->planned && SPI_plan_is_valid(query->plan))
		return -1;
	if (query->index_order)
		nest = plan_without(nest, but_index_order, lengthof(but_index_order));
	if (query->index_probes)
		nest = plan_without(nest, but_index_probes, lengthof(but_index_probes));
	return nest;
}

/*
 * From the second run on no setting has to be changed, and those that were
 * are given back.
 */
static void
end_planning(VvQuery *query, int nest)
{
	query->planned = true;
	if (nest >= 0)
		AtEOXact_GUC(true, nest);
}

/* The parameters of a run; isnull may be NULL if none of them is. */
static ParamListInfo
make_params(const VvQuery *query, const Datum *args, const bool *isnull)
{
	ParamListInfo params;

	/* an empty list is not the same as none to everybody who plans */
	if (query->nargs == 0)
		return NULL;
	params = makeParamList(query->nargs);
	for (int i = 0; i < query->nargs; i++)
	{
		params->params[i].value = args[i];
		params->params[i].isnull = isnull != NULL && isnull[i];
		params->params[i].pflags = PARAM_FLAG_CONST;
		params->params[i].ptype = query->argtypes[i];
	}
	return params;
}

/*
 * What reads sees the caller's snapshot. What writes gets a new one, and so
 * sees what was committed up to now, as a statement of a client does.
 */
static void
run(VvQuery *query, const Datum *args, const bool *isnull, bool writes,
	uint64 limit, RowReceiver *receiver)
{
	SPIExecuteOptions options = {0};
	int			nest;
	int			result;

	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = receiver_startup;
	receiver->pub.rShutdown = receiver_end;
	receiver->pub.rDestroy = receiver_end;
	receiver->pub.mydest = DestNone;

	nest = begin_planning(query);
	options.params = make_params(query, args, isnull);
	options.read_only = !writes;
	options.tcount = limit;
	options.dest = &receiver->pub;

	result = SPI_execute_plan_extended(query->plan, &options);
	/* SPI says UTILITY of a SELECT whose rows it does not keep itself */
	if (result < 0 || (!writes && result != SPI_OK_UTILITY))
		elog(ERROR, "could not run \"%s\": %s", query->sql,
			 SPI_result_code_string(result));
	end_planning(query, nest);
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
	RowReceiver receiver = {.action = action, .arg = arg};

	run(query, args, NULL, false, limit, &receiver);
	return receiver.nrows;
}

/*
 * The same with a statement that may write, under a snapshot of its own, and
 * with arguments that may be NULL where isnull says so. Whatever it returns
 * goes to the action, which never ends it.
 */
uint64
vv_query_write(VvQuery *query, const Datum *args, const bool *isnull,
			   VvRowAction action, void *arg)
{
	RowReceiver receiver = {.action = action, .arg = arg};

	run(query, args, isnull, true, 0, &receiver);
	return receiver.nrows;
}

/*
 * The same for who is not connected to SPI, with the rights of the owner of the
 * query's extension. To be SECURITY DEFINER costs a function that seldom runs
 * SQL more than what it does. An error ends the (sub)transaction, and that gives
 * the caller back too.
 */
void
vv_query_call(VvQuery *query, const Datum *args, const bool *isnull,
			  VvRowAction action, void *arg)
{
	Oid			caller;
	int			context;

	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(vv_extension_owner(query->extension),
						   context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	(void) vv_query_write(query, args, isnull, action, arg);
	SPI_finish();
	SetUserIdAndSecContext(caller, context);
}

/*
 * The owner of a function, for those that take his rights by themselves.
 */
Oid
vv_function_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	return owner;
}

typedef struct RowCopy
{
	RowReceiver receiver;		/* must be first */
	MemoryContext context;
	VvRow	   *row;
} RowCopy;

/* Copy the first row into the caller's memory, and stop there. */
static bool
copy_row(const Datum *values, const bool *isnull, void *arg)
{
	RowCopy    *copy = (RowCopy *) arg;
	TupleDesc	columns = copy->receiver.columns;
	MemoryContext old = MemoryContextSwitchTo(copy->context);

	Assert(columns->natts <= VV_ROW_MAX);
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		copy->row->isnull[i] = isnull[i];
		copy->row->values[i] = isnull[i] ? (Datum) 0 :
			datumCopy(values[i], column->attbyval, column->attlen);
	}
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * Runs a query for its first row, which is copied into the caller's memory
 * context; returns false where there is none. Errors as vv_query_run().
 */
bool
vv_query_row(VvQuery *query, const Datum *args, VvRow *row)
{
	RowCopy		copy = {.context = CurrentMemoryContext, .row = row};

	copy.receiver.action = copy_row;
	copy.receiver.arg = &copy;
	SPI_connect();
	run(query, args, NULL, false, 1, &copy.receiver);
	SPI_finish();
	return copy.receiver.nrows > 0;
}

/*
 * The text that is the first column of a query's first row, in the caller's
 * memory context; NULL where there is no row or no text.
 */
char *
vv_query_text(VvQuery *query, const Datum *args)
{
	VvRow		row;

	if (!vv_query_row(query, args, &row) || row.isnull[0])
		return NULL;
	return TextDatumGetCString(row.values[0]);
}

/*
 * A row's action: appends its first column, a text or json that is not NULL, to
 * the StringInfo that is its argument.
 */
bool
vv_append_text(const Datum *values, const bool *isnull pg_attribute_unused(),
			   void *arg)
{
	text	   *value = DatumGetTextPP(values[0]);

	appendBinaryStringInfo((StringInfo) arg, VARDATA_ANY(value),
						   VARSIZE_ANY_EXHDR(value));
	return true;
}

/*
 * A row's action where all that counts is whether there is one.
 */
bool
vv_any_row(const Datum *values pg_attribute_unused(),
		   const bool *isnull pg_attribute_unused(),
		   void *arg pg_attribute_unused())
{
	return false;
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

/* One row as an object of the array. */
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
