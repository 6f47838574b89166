/*-------------------------------------------------------------------------
 *
 * worker_slots.c
 *		Background workers: one of each kind for a database.
 *
 * After one ended none is started for some seconds. Who starts one and who is
 * one agree on it in shared memory, where the lock guards all of a slot.
 *
 *-------------------------------------------------------------------------
 */
#include "core/worker_slots.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "utils/timestamp.h"

#include "core/counters.h"
#include "core/shared_memory.h"

#define MAX_WORKERS		32
#define MAX_NAME_LEN	40
#define START_SECONDS	10		/* between two starts for a database */

/* The worker of a kind for a database */
typedef struct WorkerSlot
{
	Oid			database;		/* InvalidOid: never used */
	char		kind[MAX_NAME_LEN];
	int			pid;			/* 0 while it starts, or after it ended */
	TimestampTz asked_at;		/* when it was wanted last */
} WorkerSlot;

typedef struct WorkerSlots
{
	LWLock		lock;
	WorkerSlot	workers[MAX_WORKERS];
} WorkerSlots;

/* The area has one size, whatever the settings are. */
static Size
slots_size(void)
{
	return sizeof(WorkerSlots);
}

/* No worker runs yet: zeros say so. */
static void
slots_initialize(void *memory, Size size, int tranche)
{
	(void) size;
	LWLockInitialize(&((WorkerSlots *) memory)->lock, tranche);
}

static VvSharedArea slots_area = {
	.name = "workers",
	.tranche = "VvaultWorkers",
	.size = slots_size,
	.initialize = slots_initialize,
};

static VvCounter starts = {.name = "worker_starts"};

/*
 * Asks for the memory of the slots.
 */
void
vv_workers_init(void)
{
	vv_register_area(&slots_area);
	vv_register_counter(&starts);
}

/*
 * Whether there can be workers. Maps the slots into this backend if need be.
 */
bool
vv_workers_ready(void)
{
	return vv_shared_area(&slots_area) != NULL;
}

/* The slots in shared memory, NULL where there is none. */
static WorkerSlots *
slots(void)
{
	return (WorkerSlots *) vv_shared_area(&slots_area);
}

/* Is this the slot of a database's worker of that kind? */
static bool
is_of(const WorkerSlot *worker, const VvWorkerKind *kind, Oid database)
{
	return worker->database == database &&
		strcmp(worker->kind, kind->name) == 0;
}

/* The slot of a worker, or the one it may have; the lock is held. */
static WorkerSlot *
worker_slot(const VvWorkerKind *kind, Oid database)
{
	WorkerSlot *oldest = NULL;

	for (int i = 0; i < MAX_WORKERS; i++)
	{
		WorkerSlot *worker = &slots()->workers[i];

		if (is_of(worker, kind, database))
			return worker;
		if (worker->pid == 0 &&
			(oldest == NULL || worker->asked_at < oldest->asked_at))
			oldest = worker;
	}
	return oldest;
}

/*
 * The caller holds the lock; the worker itself enters its pid when it starts.
 */
static void
take_slot(WorkerSlot *worker, const VvWorkerKind *kind, Oid database)
{
	worker->database = database;
	strlcpy(worker->kind, kind->name, MAX_NAME_LEN);
}

/* Whether the caller is to start a worker. */
static bool
is_wanted(const VvWorkerKind *kind, Oid database)
{
	TimestampTz now = GetCurrentTimestamp();
	int			seconds = kind->start_seconds > 0 ? kind->start_seconds : START_SECONDS;
	WorkerSlot *worker;
	bool		wanted;

	LWLockAcquire(&slots()->lock, LW_EXCLUSIVE);
	worker = worker_slot(kind, database);
	wanted = worker != NULL && worker->pid == 0 &&
		(!is_of(worker, kind, database) ||
		 now - worker->asked_at > seconds * USECS_PER_SEC);
	if (wanted)
	{
		take_slot(worker, kind, database);
		worker->asked_at = now;
	}
	LWLockRelease(&slots()->lock);
	return wanted;
}

/*
 * Starts a worker for this database, unless it runs or was started a moment
 * ago, or there is no slot for one. There is the memory of the slots.
 */
void
vv_worker_start(const VvWorkerKind *kind)
{
	BackgroundWorker worker;

	if (MyBgworkerEntry != NULL || !is_wanted(kind, MyDatabaseId))
		return;
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "vvault", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, kind->function, BGW_MAXLEN);
	strlcpy(worker.bgw_name, kind->name, BGW_MAXLEN);
	strlcpy(worker.bgw_type, kind->name, BGW_MAXLEN);
	worker.bgw_main_arg = ObjectIdGetDatum(MyDatabaseId);
	if (RegisterDynamicBackgroundWorker(&worker, NULL))
		vv_count(&starts);
}

/* Ends what vv_worker_enter() began. */
static void
leave(int code pg_attribute_unused(), Datum arg)
{
	const VvWorkerKind *kind = (const VvWorkerKind *) DatumGetPointer(arg);

	LWLockAcquire(&slots()->lock, LW_EXCLUSIVE);
	worker_slot(kind, MyDatabaseId)->pid = 0;
	LWLockRelease(&slots()->lock);
}

/*
 * Makes the caller the worker of a database until it exits; false where there
 * is one.
 */
bool
vv_worker_enter(const VvWorkerKind *kind, Oid database)
{
	WorkerSlot *worker;
	bool		entered;

	LWLockAcquire(&slots()->lock, LW_EXCLUSIVE);
	worker = worker_slot(kind, database);
	entered = worker != NULL && worker->pid == 0;
	if (entered)
	{
		take_slot(worker, kind, database);
		worker->pid = MyProcPid;
	}
	LWLockRelease(&slots()->lock);
	if (entered)
		before_shmem_exit(leave, PointerGetDatum(kind));
	return entered;
}

/*
 * The process of a worker, 0 where there is none.
 */
int
vv_worker_of(const VvWorkerKind *kind, Oid database)
{
	int			pid = 0;

	LWLockAcquire(&slots()->lock, LW_SHARED);
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (is_of(&slots()->workers[i], kind, database))
			pid = slots()->workers[i].pid;
	}
	LWLockRelease(&slots()->lock);
	return pid;
}
