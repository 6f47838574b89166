/*-------------------------------------------------------------------------
 *
 * memory.h
 *		Whether replies can be kept, and the server's settings of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_REPLY_MEMORY_H
#define VVAULT_REPLY_MEMORY_H

#include "core/compat.h"

extern bool vv_cache_enabled;	/* vvault.cache */
extern bool vv_cache_warm;		/* vvault.cache_warm */

extern void vv_reply_memory_init(void);
extern bool vv_reply_memory_ready(void);
extern void vv_require_reply_memory(void);

#endif							/* VVAULT_REPLY_MEMORY_H */
