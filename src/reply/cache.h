/*-------------------------------------------------------------------------
 *
 * cache.h
 *		The reply cache, as its owner and its worker see it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CACHE_H
#define VVAULT_CACHE_H

#include "core/compat.h"

#include "datatype/timestamp.h"

extern int	vv_refresh_replies(int read_within, TimestampTz *last_read);

#endif							/* VVAULT_CACHE_H */
