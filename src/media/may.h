/*-------------------------------------------------------------------------
 *
 * may.h
 *		What a caller may do with a video.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MAY_H
#define VVAULT_MAY_H

#include "core/compat.h"

#include "protect/caller.h"

typedef enum VvMay
{
	VV_MAY_NOT,
	VV_MAY,
	VV_EVERYBODY_MAY,
	VV_NO_SUCH_VIDEO
} VvMay;

extern VvMay vv_may(Datum video_id, VvPermission permission);
extern VvMay vv_may_as(const VvCaller *caller, Datum video_id,
					   VvPermission permission);
extern VvPermission vv_permission_wanted(text *name);
pg_noreturn extern void vv_may_not(Datum video_id);

#endif							/* VVAULT_MAY_H */
