/*-------------------------------------------------------------------------
 *
 * warmer.c
 *		A worker that makes replies anew before anybody asks for them.
 *
 * There is one for each database in which replies are asked for, where
 * vvault.cache_warm is on: the first backend to miss one starts it. It is woken
 * by transactions that gave a feed a new version, right after their commit;
 * what it is not woken for, such as commits that a standby replays, it finds by
 * looking from time to time. It ends when nobody has read a reply for long, so
 * that it does not hold a database that is to be dropped.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/warmer.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/worker_slots.h"
#include "reply/cache.h"
#include "reply/memory.h"
#include "reply/store.h"

PG_FUNCTION_INFO_V1(vvault_cache_wake);

PGDLLEXPORT void vv_warmer_main(Datum arg);

#define HOT_SECONDS			60	/* replies read since then are made anew */
#define IDLE_SECONDS		300 /* without a reader until it ends */
#define LOOK_MS				1000
#define LOOK_ON_STANDBY_MS	100

static const VvWorkerKind warmer = {
	.name = "vvault cache warmer",
	.function = "vv_warmer_main",
};

/*
 * Starts the worker of this database, unless it runs or was started a moment
 * ago. Where there is no slot for one, replies are made when they are asked
 * for.
 */
void
vv_warmer_start(void)
{
	if (vv_cache_warm && vv_workers_ready())
		vv_worker_start(&warmer);
}

/*
 * Looks once. Returns whether to go on.
 */
static bool
look(TimestampTz started)
{
	TimestampTz last_read = 0;
	bool		found;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	found = OidIsValid(get_extension_oid("vvault", true)) &&
		vv_reply_memory_ready();
	if (found)
	{
		pgstat_report_activity(STATE_RUNNING, "making replies anew");
		(void) vv_refresh_replies(HOT_SECONDS, &last_read);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(true);
	pgstat_report_activity(STATE_IDLE, NULL);
	return found && vv_cache_warm &&
		GetCurrentTimestamp() - Max(last_read, started) <
		IDLE_SECONDS * USECS_PER_SEC;
}

/*
 * The worker of the database whose OID is arg.
 */
void
vv_warmer_main(Datum arg)
{
	TimestampTz started = GetCurrentTimestamp();
	bool		ready;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(arg),
											  InvalidOid, 0);
	StartTransactionCommand();
	ready = vv_reply_memory_ready() && vv_workers_ready();
	CommitTransactionCommand();
	if (!ready || !vv_worker_enter(&warmer, MyDatabaseId))
		return;

	while (look(started))
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 RecoveryInProgress() ? LOOK_ON_STANDBY_MS : LOOK_MS,
						 vv_wait_event("VvaultWarmer"));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

/*
 * Waking it
 */

static bool wake_at_commit = false;

/*
 * Once the transaction has committed, set the latch of this database's
 * worker.
 */
static void
at_end(XactEvent event, void *arg pg_attribute_unused())
{
	PGPROC	   *proc;
	int			pid;

	if (!wake_at_commit || event == XACT_EVENT_PRE_COMMIT ||
		event == XACT_EVENT_PRE_PREPARE)
		return;
	wake_at_commit = false;
	if (event != XACT_EVENT_COMMIT)
		return;
	pid = vv_worker_of(&warmer, MyDatabaseId);
	proc = pid == 0 ? NULL : BackendPidGetProc(pid);
	if (proc != NULL)
		SetLatch(&proc->procLatch);
}

/*
 * vvault.cache_wake() returns void
 *
 * Wakes this database's worker when the transaction commits, if there is one.
 */
Datum
vvault_cache_wake(PG_FUNCTION_ARGS)
{
	static bool registered = false;

	(void) fcinfo;
	if (vv_cache_warm && vv_workers_ready())
	{
		if (!registered)
			RegisterXactCallback(at_end, NULL);
		registered = true;
		wake_at_commit = true;
	}
	PG_RETURN_VOID();
}
