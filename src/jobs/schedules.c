/*-------------------------------------------------------------------------
 *
 * schedules.c
 *		A worker that runs the schedules of a database.
 *
 * It is started by whoever waits for jobs, or finds none, when the time of a
 * schedule has come, runs all that is due, each in a transaction of its own,
 * and ends. Between two times there is no process: nothing holds a snapshot, or
 * a database that is to be dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/snapmgr.h"

#include "core/query.h"
#include "core/same_version.h"
#include "core/worker_slots.h"

PGDLLEXPORT void vv_schedules_main(Datum arg);

#define MAX_RUNS		1000	/* of one worker */

static const VvWorkerKind schedule_worker = {
	.name = "vvault schedules",
	.function = "vv_schedules_main",
	.start_seconds = 1,
};

static VvQuery run_due_schedule = {
	.sql = "SELECT vvault_stream.run_due_schedule() IS NOT NULL",
	.extension = "vvault_stream",
};

/* The row's one value; NULL is false. */
static bool
take_bool(const Datum *values, const bool *isnull, void *arg)
{
	*(bool *) arg = !isnull[0] && DatumGetBool(values[0]);
	return true;
}

/*
 * Runs one schedule in a transaction of its own; returns whether there was one.
 * All of it, up to the triggers that wait for the commit, has the rights of the
 * extension's owner, who may change what the functions do.
 */
static bool
run_one(void)
{
	bool		ran = false;
	Oid			superuser;
	Oid			owner;
	int			context;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	GetUserIdAndSecContext(&superuser, &context);
	owner = vv_extension_owner("vvault_stream");
	if (OidIsValid(owner))
	{
		SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
		pgstat_report_activity(STATE_RUNNING, "running schedules");
		SPI_connect();
		(void) vv_query_write(&run_due_schedule, NULL, NULL, take_bool, &ran);
		SPI_finish();
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	SetUserIdAndSecContext(superuser, context);
	pgstat_report_activity(STATE_IDLE, NULL);
	return ran;
}

/*
 * The worker of the database whose OID is arg.
 */
void
vv_schedules_main(Datum arg)
{
	bool		ready;

	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	StartTransactionCommand();
	ready = vv_workers_ready() && !RecoveryInProgress();
	CommitTransactionCommand();
	if (!ready || !vv_worker_enter(&schedule_worker, MyDatabaseId))
		return;

	for (int i = 0; i < MAX_RUNS && run_one(); i++)
		CHECK_FOR_INTERRUPTS();
}

PG_FUNCTION_INFO_V1(vvault_start_schedule_worker);

/*
 * vvault_stream.start_schedule_worker() returns void
 *
 * Starts the worker of this database, unless it was started a moment ago or
 * there can be none.
 */
Datum
vvault_start_schedule_worker(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	if (!RecoveryInProgress() && vv_workers_ready())
		vv_worker_start(&schedule_worker);
	PG_RETURN_VOID();
}
