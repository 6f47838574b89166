/*-------------------------------------------------------------------------
 *
 * limits.h
 *		What PostgREST asks before each request.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_LIMITS_H
#define VVAULT_LIMITS_H

#include "core/compat.h"

extern void vv_limits_init(void);

#endif							/* VVAULT_LIMITS_H */
