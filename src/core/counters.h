/*-------------------------------------------------------------------------
 *
 * counters.h
 *		What happened how often since the server started.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_COUNTERS_H
#define VVAULT_COUNTERS_H

#include "core/compat.h"

/* A counter, in static memory, by its name. */
typedef struct VvCounter
{
	const char *name;
	int			number;			/* set when it is registered */
} VvCounter;

extern void vv_register_counter(VvCounter *counter);
extern void vv_counters_init(void);
extern void vv_count(const VvCounter *counter);
extern int64 vv_counted(const VvCounter *counter);

#endif							/* VVAULT_COUNTERS_H */
