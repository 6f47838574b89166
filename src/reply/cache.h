/*-------------------------------------------------------------------------
 *
 * cache.h
 *		Which replies of the cache are old, and making them anew.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CACHE_H
#define VVAULT_CACHE_H

#include "core/compat.h"

#include "reply/key.h"
#include "reply/store.h"

extern VvEntryInfo *vv_own_replies(int *n);
extern bool vv_reply_is_fresh(const VvEntryInfo *entry, const VvCall *call);
extern int	vv_refresh_replies(int read_within, TimestampTz *last_read);

#endif							/* VVAULT_CACHE_H */
