/*-------------------------------------------------------------------------
 *
 * module.c
 *		What the server runs when it loads the library.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "core/counters.h"
#include "core/shared_memory.h"
#include "core/wait_points.h"
#include "core/worker_slots.h"
#include "jobs/waiters.h"
#include "media/source.h"
#include "protect/limits.h"
#include "protect/master_key.h"
#include "reply/memory.h"
#include "reply/reply.h"
#include "videos/source.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

/*
 * Settings come before their prefix is reserved: a misspelt setting vvault.* is
 * refused instead of being kept in silence. Sources come in one order, since
 * keys in shared memory tell them by their number.
 */
void
_PG_init(void)
{
	vv_reply_memory_init();
	vv_replies_init();
	vv_workers_init();
	vv_counters_init();
	vv_wait_points_init();
	vv_waiters_init();
	vv_limits_init();
	vv_shared_memory_init();
	vv_master_key_init();
	vv_register_source(&vv_feeds);
	vv_register_source(&vv_assets);
	MarkGUCPrefixReserved("vvault");
}
