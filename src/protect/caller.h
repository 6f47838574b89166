/*-------------------------------------------------------------------------
 *
 * caller.h
 *		Who calls: what his role lets him do, and what is known of him.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CALLER_H
#define VVAULT_CALLER_H

#include "core/compat.h"

/* What may be done with a video; each includes those before it. */
typedef enum VvPermission
{
	VV_PERMIT_NOTHING,
	VV_PERMIT_VIEW,
	VV_PERMIT_DOWNLOAD,
	VV_PERMIT_EDIT,
	VV_PERMIT_MANAGE
} VvPermission;

typedef struct VvCaller
{
	bool		is_operator;
	char	   *subject;		/* NULL for nobody */
	VvPermission most;			/* that his role and his token let him do */
	char	   *only_video;		/* that his token is for; NULL for any */
	bool		has_permissions;	/* his token names what he may do */
} VvCaller;

extern void vv_read_caller(VvCaller *caller);
extern bool vv_claimed_subject(char **subject);
extern VvPermission vv_permission_named(const char *name, int len);

#endif							/* VVAULT_CALLER_H */
