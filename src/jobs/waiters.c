/*-------------------------------------------------------------------------
 *
 * waiters.c
 *		Backends that wait for jobs, and who wakes them.
 *
 * Each waiter has a place in shared memory that says which kinds it waits for.
 * A transaction that makes a job ready wakes one waiter for each such job right
 * after its commit, and never the same one twice: with a hundred workers at
 * rest a job disturbs one of them. A condition variable would wake all, or one
 * that waits for another kind.
 *
 * A waiter takes its place before it looks for jobs. So either it sees a job
 * or whoever commits it sees the waiter.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs/waiters.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/proc.h"

#include "core/shared_memory.h"

#define MAX_WAITERS		1000
#define MAX_WAKES		32		/* kinds that a transaction tells apart */

typedef struct Waiter
{
	Latch	   *latch;			/* NULL: the place is free */
	Oid			database;
	bool		woken;			/* since it looked last */
	int			nkinds;			/* 0: whatever the kind */
	uint32		kinds[VV_WAITER_KINDS];
} Waiter;

typedef struct Waiters
{
	LWLock		lock;
	pg_atomic_uint32 nplaces;	/* none is taken from here on */
	Waiter		places[MAX_WAITERS];
} Waiters;

/* Kinds of which this transaction made jobs ready, and how many. */
typedef struct Wake
{
	uint32		kind;
	int			njobs;
} Wake;

static Waiter *own_place = NULL;
static Wake wakes[MAX_WAKES];
static int	nwakes = 0;
static Waiters *woken_here = NULL;
static bool callbacks_registered = false;

/* The area has one size, whatever the settings are. */
static Size
waiters_size(void)
{
	return sizeof(Waiters);
}

/* Nobody waits yet. */
static void
waiters_initialize(void *memory, Size size, int tranche)
{
	Waiters    *waiters = (Waiters *) memory;

	(void) size;
	LWLockInitialize(&waiters->lock, tranche);
	pg_atomic_init_u32(&waiters->nplaces, 0);
}

static VvSharedArea waiters_area = {
	.name = "waiters",
	.tranche = "VvaultWaiters",
	.size = waiters_size,
	.initialize = waiters_initialize,
};

/*
 * Asks for the memory of the waiters.
 */
void
vv_waiters_init(void)
{
	vv_register_area(&waiters_area);
}

/*
 * How a kind is told in shared memory. Two that have the same number wake each
 * other's waiters, who look and wait on.
 */
uint32
vv_waiter_kind(const char *kind, int len)
{
	return hash_bytes((const unsigned char *) kind, len);
}

/* Does the waiter take jobs of that kind? */
static bool
waits_for(const Waiter *waiter, uint32 kind)
{
	if (waiter->nkinds == 0)
		return true;
	for (int i = 0; i < waiter->nkinds; i++)
	{
		if (waiter->kinds[i] == kind)
			return true;
	}
	return false;
}

/*
 * Wakes up to so many that wait for a kind in this database. Neither allocates
 * nor raises.
 */
static void
wake(Waiters *waiters, uint32 kind, int njobs)
{
	int			nplaces;

	/* what was committed comes before what is read here */
	pg_memory_barrier();
	if (pg_atomic_read_u32(&waiters->nplaces) == 0)
		return;

	LWLockAcquire(&waiters->lock, LW_EXCLUSIVE);
	nplaces = (int) pg_atomic_read_u32(&waiters->nplaces);
	for (int i = 0; i < nplaces && njobs > 0; i++)
	{
		Waiter	   *waiter = &waiters->places[i];

		if (waiter->latch == NULL || waiter->woken ||
			waiter->database != MyDatabaseId || !waits_for(waiter, kind))
			continue;
		waiter->woken = true;
		SetLatch(waiter->latch);
		njobs--;
	}
	LWLockRelease(&waiters->lock);
}

/*
 * After a commit its jobs can be seen, and waiters are woken. A prepared
 * transaction wakes nobody: its jobs are found when the waiters look next.
 */
static void
wake_after_commit(XactEvent event, void *arg)
{
	int			n = nwakes;

	(void) arg;
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			nwakes = 0;
			for (int i = 0; i < n; i++)
				wake(woken_here, wakes[i].kind, wakes[i].njobs);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			nwakes = 0;
			break;
		default:
			break;
	}
}

/*
 * Gives the place back. Who was woken and has not looked since leaves its jobs
 * to others.
 */
static void
leave(bool hand_on)
{
	Waiters    *waiters = (Waiters *) waiters_area.memory;
	Waiter		left = *own_place;
	int			nplaces;

	LWLockAcquire(&waiters->lock, LW_EXCLUSIVE);
	hand_on = hand_on && own_place->woken;
	own_place->latch = NULL;
	own_place = NULL;
	nplaces = (int) pg_atomic_read_u32(&waiters->nplaces);
	while (nplaces > 0 && waiters->places[nplaces - 1].latch == NULL)
		nplaces--;
	pg_atomic_write_u32(&waiters->nplaces, nplaces);
	LWLockRelease(&waiters->lock);

	for (int i = 0; hand_on && i < left.nkinds; i++)
		wake(waiters, left.kinds[i], 1);
}

/* A session that ends while it waits gives its place back. */
static void
leave_at_exit(int code, Datum arg)
{
	(void) code;
	(void) arg;
	if (own_place != NULL)
		leave(true);
}

/* Once in a session, and ahead of the commit, since this may fail. */
static void
register_callbacks(void)
{
	if (callbacks_registered)
		return;
	RegisterXactCallback(wake_after_commit, NULL);
	before_shmem_exit(leave_at_exit, (Datum) 0);
	callbacks_registered = true;
}

/*
 * Takes a place among the waiters; false where there is none to be had: look
 * for jobs from time to time then. No kinds: whatever the kind.
 */
bool
vv_waiter_enter(const uint32 *kinds, int nkinds)
{
	Waiters    *waiters = (Waiters *) vv_shared_area(&waiters_area);

	if (waiters == NULL)
		return false;
	register_callbacks();
	if (own_place != NULL)
		leave(true);

	LWLockAcquire(&waiters->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_WAITERS; i++)
	{
		Waiter	   *place = &waiters->places[i];

		if (place->latch != NULL)
			continue;
		place->latch = MyLatch;
		place->database = MyDatabaseId;
		place->woken = false;
		place->nkinds = nkinds <= VV_WAITER_KINDS ? nkinds : 0;
		memcpy(place->kinds, kinds, place->nkinds * sizeof(uint32));
		if ((uint32) i >= pg_atomic_read_u32(&waiters->nplaces))
			pg_atomic_write_u32(&waiters->nplaces, i + 1);
		own_place = place;
		break;
	}
	LWLockRelease(&waiters->lock);
	return own_place != NULL;
}

/*
 * Before a waiter looks: from now on it may be woken again.
 */
void
vv_waiter_look(void)
{
	Waiters    *waiters = (Waiters *) waiters_area.memory;

	if (own_place == NULL)
		return;
	LWLockAcquire(&waiters->lock, LW_EXCLUSIVE);
	own_place->woken = false;
	LWLockRelease(&waiters->lock);
}

/*
 * Ends the wait.
 */
void
vv_waiter_leave(void)
{
	if (own_place != NULL)
		leave(true);
}

/*
 * When this transaction commits, wakes a worker that waits for a job of this
 * kind.
 */
void
vv_wake_workers(const char *kind, int len)
{
	uint32		number = vv_waiter_kind(kind, len);
	int			i = 0;

	/* now, since it may fail: after the commit nothing may */
	woken_here = (Waiters *) vv_shared_area(&waiters_area);
	if (woken_here == NULL)
		return;
	register_callbacks();

	while (i < nwakes && wakes[i].kind != number)
		i++;
	if (i == nwakes && nwakes < MAX_WAKES)
	{
		wakes[nwakes].kind = number;
		wakes[nwakes++].njobs = 0;
	}
	if (i < MAX_WAKES)
		wakes[i].njobs++;
}

PG_FUNCTION_INFO_V1(vvault_wake_workers);

/*
 * vvault_stream.wake_workers(kind text) returns void
 *
 * The same for SQL. STRICT.
 */
Datum
vvault_wake_workers(PG_FUNCTION_ARGS)
{
	text	   *kind = PG_GETARG_TEXT_PP(0);

	vv_wake_workers(VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind));
	PG_RETURN_VOID();
}
