/*-------------------------------------------------------------------------
 *
 * worker_slots.h
 *		Background workers: one of each kind for a database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WORKER_SLOTS_H
#define VVAULT_WORKER_SLOTS_H

#include "core/compat.h"

/* A kind of worker, in static memory. */
typedef struct VvWorkerKind
{
	const char *name;			/* as pg_stat_activity shows it; up to 39
								 * characters */
	const char *function;		/* its main function in the library, called
								 * with the database's OID */
	int			start_seconds;	/* between two starts; 0: as others */
} VvWorkerKind;

extern void vv_workers_init(void);
extern bool vv_workers_ready(void);
extern void vv_worker_start(const VvWorkerKind *kind);
extern bool vv_worker_enter(const VvWorkerKind *kind, Oid database);
extern int	vv_worker_of(const VvWorkerKind *kind, Oid database);

#endif							/* VVAULT_WORKER_SLOTS_H */
