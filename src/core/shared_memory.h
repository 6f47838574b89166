/*-------------------------------------------------------------------------
 *
 * shared_memory.h
 *		The server's shared memory, in areas that rooms register.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SHARED_MEMORY_H
#define VVAULT_SHARED_MEMORY_H

#include "core/compat.h"

/*
 * An area, in static memory and zeroed but for what its room says of it. It
 * may lie at another address in each backend.
 */
typedef struct VvSharedArea
{
	const char *name;
	const char *tranche;		/* of its locks, as pg_stat_activity shows it */

	/* how large it shall be; 0 where it is not wanted */
	Size		(*size) (void);

	/* lays it out: it is all zero, and nobody else uses it yet */
	void		(*initialize) (void *memory, Size size, int tranche);

	/* after this backend has it; may be NULL */
	void		(*attach) (void *memory);

	/* what this backend knows of it */
	enum
	{
		VV_AREA_UNKNOWN,
		VV_AREA_READY,
		VV_AREA_NONE
	}			state;
	void	   *memory;
} VvSharedArea;

extern void vv_register_area(VvSharedArea *area);
extern void vv_shared_memory_init(void);
extern void *vv_shared_area(VvSharedArea *area);

#endif							/* VVAULT_SHARED_MEMORY_H */
