/*-------------------------------------------------------------------------
 *
 * waiters.h
 *		Backends that wait for jobs, and who wakes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WAITERS_H
#define VVAULT_WAITERS_H

#include "core/compat.h"

#define VV_WAITER_KINDS		16

extern void vv_waiters_init(void);

extern void vv_wake_workers(const char *kind, int len);
extern bool vv_waiter_enter(const uint32 *kinds, int nkinds);
extern void vv_waiter_look(void);
extern void vv_waiter_leave(void);
extern uint32 vv_waiter_kind(const char *kind, int len);

#endif							/* VVAULT_WAITERS_H */
