/*-------------------------------------------------------------------------
 *
 * buckets.h
 *		How much each caller has asked for lately, in shared memory.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_BUCKETS_H
#define VVAULT_BUCKETS_H

#include "core/compat.h"

typedef struct VvRate
{
	double		per_second;
	int			burst;			/* that may come at once */
} VvRate;

extern void vv_buckets_init(void);
extern bool vv_buckets_ready(void);
extern int64 vv_take_from_bucket(const char *name, int len, const VvRate *rate);

#endif							/* VVAULT_BUCKETS_H */
