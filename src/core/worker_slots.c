/*-------------------------------------------------------------------------
 *
 * worker_slots.c
 *		Which database has a background worker.
 *
 * There is one for a database at most, and after it ended none is started for
 * some seconds. Who starts one and who is one agree on it in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#include "core/worker_slots.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#define START_SECONDS	10		/* between two starts for a database */

static VvWorkerSlots *slots = NULL;

/*
 * Empties slots, which nobody else may use yet; memory is all zero.
 */
void
vv_worker_slots_format(VvWorkerSlots *memory, int tranche)
{
	LWLockInitialize(&memory->lock, tranche);
}

/*
 * Uses slots in this backend.
 */
void
vv_worker_slots_use(VvWorkerSlots *memory)
{
	slots = memory;
}

/* The slot of a database, or the one it may have; the lock is held. */
static VvWorkerSlot *
worker_slot(Oid database)
{
	VvWorkerSlot *oldest = NULL;

	for (int i = 0; i < VV_MAX_WORKERS; i++)
	{
		VvWorkerSlot *worker = &slots->workers[i];

		if (worker->database == database)
			return worker;
		if (worker->pid == 0 &&
			(oldest == NULL || worker->asked_at < oldest->asked_at))
			oldest = worker;
	}
	return oldest;
}

/*
 * Whether the caller is to start the worker of a database.
 */
bool
vv_worker_wanted(Oid database)
{
	TimestampTz now = GetCurrentTimestamp();
	VvWorkerSlot *worker;
	bool		wanted;

	LWLockAcquire(&slots->lock, LW_EXCLUSIVE);
	worker = worker_slot(database);
	wanted = worker != NULL && worker->pid == 0 &&
		now - worker->asked_at > START_SECONDS * USECS_PER_SEC;
	if (wanted)
	{
		worker->database = database;
		worker->asked_at = now;
	}
	LWLockRelease(&slots->lock);
	return wanted;
}

/*
 * Makes the caller the worker of a database; false where there is one.
 */
bool
vv_worker_enter(Oid database)
{
	VvWorkerSlot *worker;
	bool		entered;

	LWLockAcquire(&slots->lock, LW_EXCLUSIVE);
	worker = worker_slot(database);
	entered = worker != NULL && worker->pid == 0;
	if (entered)
	{
		worker->database = database;
		worker->pid = MyProcPid;
	}
	LWLockRelease(&slots->lock);
	return entered;
}

/*
 * Ends what vv_worker_enter() began.
 */
void
vv_worker_leave(Oid database)
{
	LWLockAcquire(&slots->lock, LW_EXCLUSIVE);
	worker_slot(database)->pid = 0;
	LWLockRelease(&slots->lock);
}

/*
 * The process of a database's worker, 0 where there is none.
 */
int
vv_worker_of(Oid database)
{
	int			pid = 0;

	LWLockAcquire(&slots->lock, LW_SHARED);
	for (int i = 0; i < VV_MAX_WORKERS; i++)
	{
		if (slots->workers[i].database == database)
			pid = slots->workers[i].pid;
	}
	LWLockRelease(&slots->lock);
	return pid;
}
