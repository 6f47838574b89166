/*-------------------------------------------------------------------------
 *
 * wait.c
 *		The procedure vvault_wait_for_jobs.
 *
 * It ends the transaction that it looked in before it sleeps: a sleeping
 * worker holds no snapshot, which would keep vacuum from every row that the
 * queue leaves behind.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/query.h"
#include "jobs/waiters.h"

#define SLEEP_SECONDS			5.0 /* at most, between two looks */
#define SLEEP_SECONDS_ALONE		1.0 /* where nobody wakes us */
#define MAX_WAIT_SECONDS		86400.0
#define MAX_KINDS				100

/*
 * Ask how long it is to the next job, with the rights of the extension's
 * owner. The answer is left in SPI's table.
 */
static void
run_as(Oid owner, Datum kinds)
{
	static SPIPlanPtr plan = NULL;
	Oid			caller;
	int			context;

	/* an error ends the transaction, and that gives the caller back too */
	GetUserIdAndSecContext(&caller, &context);
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	if (plan == NULL)
	{
		Oid			argtypes[1] = {TEXTARRAYOID};
		SPIPlanPtr	new_plan = SPI_prepare("SELECT vvault_stream.seconds_to_job($1)",
										   1, argtypes);

		if (new_plan == NULL || SPI_keepplan(new_plan) != 0)
			elog(ERROR, "could not prepare the look for jobs");
		plan = new_plan;
	}
	if (SPI_execute_plan(plan, &kinds, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not look for jobs");
	SetUserIdAndSecContext(caller, context);
}

/*
 * Seconds until a job may be taken, as far as is known: 0 for now, infinite for
 * none. Its snapshot is gone when it returns.
 */
static double
look(Oid owner, Datum kinds)
{
	double		seconds = get_float8_infinity();
	bool		isnull = true;
	Datum		value;

	vv_waiter_look();
	run_as(owner, kinds);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
						  &isnull);
	if (!isnull)
		seconds = DatumGetFloat8(value);
	SPI_freetuptable(SPI_tuptable);
	SPI_commit();
	return seconds;
}

/* Until that time is over or somebody sets the latch. */
static void
sleep_for(double seconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 (long) (seconds * 1000.0) + 1, vv_wait_event("VvaultJob"));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/*
 * Look and sleep until there is a job or the time is over; without shared
 * memory nobody wakes, so look more often.
 */
static void
wait_for_jobs(Oid owner, Datum kinds, double seconds, bool woken)
{
	TimestampTz begin = GetCurrentTimestamp();

	for (;;)
	{
		double		due = look(owner, kinds);
		double		left = seconds -
		(double) (GetCurrentTimestamp() - begin) / USECS_PER_SEC;

		if (due <= 0 || left <= 0)
			return;
		sleep_for(Min(Min(due, left),
					  woken ? SLEEP_SECONDS : SLEEP_SECONDS_ALONE));
	}
}

/* The kinds as waiters.c tells them. */
static bool
enter(ArrayType *kinds)
{
	Datum	   *names;
	bool	   *nulls;
	int			nkinds;
	uint32		hashes[MAX_KINDS];

	deconstruct_array(kinds, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls,
					  &nkinds);
	if (nkinds < 1 || nkinds > MAX_KINDS || array_contains_nulls(kinds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kinds"),
				 errhint("They are 1 to %d kinds of jobs.", MAX_KINDS)));
	for (int i = 0; i < nkinds; i++)
	{
		text	   *name = DatumGetTextPP(names[i]);

		hashes[i] = vv_waiter_kind(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	}
	return vv_waiter_enter(hashes, nkinds);
}

/* 22023 for a time that is none, 2D000 inside a transaction block. */
static void
check_arguments(FunctionCallInfo fcinfo, double seconds)
{
	CallContext *context = (CallContext *) fcinfo->context;

	if (isnan(seconds) || seconds < 0 || seconds > MAX_WAIT_SECONDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid seconds"),
				 errhint("They are from 0 to %.0f.", MAX_WAIT_SECONDS)));
	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("vvault_wait_for_jobs cannot run inside a transaction block"),
				 errhint("CALL it by itself: it holds no snapshot while it waits.")));
}

PG_FUNCTION_INFO_V1(vvault_wait_for_jobs);

/*
 * vvault_wait_for_jobs(kinds text[], seconds double precision)
 *
 * Returns when a job of these kinds may be taken, or after so many seconds.
 * 22023 for arguments out of range or NULL, 2D000 inside a transaction block.
 */
Datum
vvault_wait_for_jobs(PG_FUNCTION_ARGS)
{
	ArrayType  *kinds;
	double		seconds;
	Oid			owner;
	bool		woken;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("kinds and seconds must not be null")));
	seconds = PG_GETARG_FLOAT8(1);
	check_arguments(fcinfo, seconds);

	/*
	 * its rights are for looking: whoever is SECURITY DEFINER ends no
	 * transaction
	 */
	owner = vv_function_owner(fcinfo->flinfo->fn_oid);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	kinds = PG_GETARG_ARRAYTYPE_P_COPY(0);
	woken = enter(kinds);
	PG_TRY();
	{
		wait_for_jobs(owner, PointerGetDatum(kinds), seconds, woken);
	}
	PG_FINALLY();
	{
		vv_waiter_leave();
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_NULL();
}
