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

#include "reply/memory.h"
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
	vv_shared_memory_init();
	vv_register_source(&vv_feeds);
	MarkGUCPrefixReserved("vvault");
}
