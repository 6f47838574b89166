/*-------------------------------------------------------------------------
 *
 * worker_slots.h
 *		Which database has a background worker.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WORKER_SLOTS_H
#define VVAULT_WORKER_SLOTS_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "storage/lwlock.h"

#define VV_MAX_WORKERS	16

/* The worker of a database. */
typedef struct VvWorkerSlot
{
	Oid			database;
	int			pid;			/* 0 while it starts, or after it ended */
	TimestampTz asked_at;		/* when it was wanted last */
} VvWorkerSlot;

/* In shared memory. */
typedef struct VvWorkerSlots
{
	LWLock		lock;
	VvWorkerSlot workers[VV_MAX_WORKERS];
} VvWorkerSlots;

extern void vv_worker_slots_format(VvWorkerSlots *memory, int tranche);
extern void vv_worker_slots_use(VvWorkerSlots *memory);

extern bool vv_worker_wanted(Oid database);
extern bool vv_worker_enter(Oid database);
extern void vv_worker_leave(Oid database);
extern int	vv_worker_of(Oid database);

#endif							/* VVAULT_WORKER_SLOTS_H */
