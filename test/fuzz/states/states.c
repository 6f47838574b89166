/*-------------------------------------------------------------------------
 *
 * states.c
 *		A way for SQL to give an aggregate's deserialization function bytes of
 *		one's own: a module of the fuzzer states.pl and of nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(fuzz_final);

/* Calls a support function as an aggregate's executor does. */
static Datum
call(Oid function, Node *context, int nargs, NullableDatum a, NullableDatum b,
	 bool *isnull)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	FmgrInfo	flinfo;
	Datum		result;

	fmgr_info(function, &flinfo);
	for (int i = 0; i < FUNC_MAX_ARGS; i++)
		fcinfo->args[i].isnull = true;
	InitFunctionCallInfoData(*fcinfo, &flinfo, nargs, InvalidOid, context, NULL);
	fcinfo->args[0] = a;
	fcinfo->args[1] = b;
	result = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return result;
}

static const NullableDatum null_value = {(Datum) 0, true};

static NullableDatum
value(Datum datum)
{
	NullableDatum result = {datum, false};

	return result;
}

/* The result of the final function as text, or "NULL". */
static char *
final_text(Oid function, Node *context, NullableDatum state)
{
	Oid			output;
	bool		varlena;
	bool		isnull;
	Datum		result = call(function, context, get_func_nargs(function),
							  state, null_value, &isnull);

	if (isnull)
		return pstrdup("NULL");
	getTypeOutputInfo(get_func_rettype(function), &output, &varlena);
	return OidOutputFunctionCall(output, result);
}

/*
 * fuzz_final(aggregate regprocedure, states bytea[]) returns text
 *
 * Deserializes each of the states, combines them all, and returns what the
 * aggregate's final function makes of the whole. XX000 where it makes
 * something else of a copy that went through bytes.
 */
Datum
fuzz_final(PG_FUNCTION_ARGS)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, PG_GETARG_DATUM(0));
	WindowAggState *caller = makeNode(WindowAggState);
	Node	   *context = (Node *) caller;
	NullableDatum whole = null_value;
	FormData_pg_aggregate aggregate;
	Datum	   *states;
	bool	   *nulls;
	int			n;
	bool		isnull;
	Datum		copy;
	char	   *first;
	char	   *second;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not an aggregate")));
	memcpy(&aggregate, GETSTRUCT(tuple), sizeof(aggregate));
	ReleaseSysCache(tuple);

	/* the support functions ask for the context that their state lives in */
	caller->curaggcontext = CurrentMemoryContext;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), BYTEAOID, -1, false,
					  TYPALIGN_INT, &states, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		Datum		state = call(aggregate.aggdeserialfn, context, 2,
								 value(states[i]), value((Datum) 0), &isnull);

		whole = value(call(aggregate.aggcombinefn, context, 2, whole,
						   value(state), &isnull));
		whole.isnull = isnull;
	}
	first = final_text(aggregate.aggfinalfn, context, whole);
	if (!whole.isnull)
	{
		copy = call(aggregate.aggserialfn, context, 1, whole, null_value,
					&isnull);
		copy = call(aggregate.aggdeserialfn, context, 2, value(copy),
					value((Datum) 0), &isnull);
		second = final_text(aggregate.aggfinalfn, context, value(copy));
		if (strcmp(first, second) != 0)
			elog(ERROR, "a copy of the state tells \"%s\" instead of \"%s\"",
				 second, first);
	}
	PG_RETURN_TEXT_P(cstring_to_text(first));
}
