/*-------------------------------------------------------------------------
 *
 * wait_points.h
 *		Where backends wait for what others do.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WAIT_POINTS_H
#define VVAULT_WAIT_POINTS_H

#include "core/compat.h"

#include "storage/condition_variable.h"

extern void vv_wait_points_init(void);
extern PGDLLEXPORT ConditionVariable *vv_wait_point(const char *what, int len);

#endif							/* VVAULT_WAIT_POINTS_H */
