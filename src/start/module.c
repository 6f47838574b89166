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

PG_MODULE_MAGIC;

void		_PG_init(void);

/*
 * Settings come before their prefix is reserved. A misspelt setting vvault.* is refused instead of being kept in silence.
 */
void
_PG_init(void)
{
	vv_shared_memory_init();
	MarkGUCPrefixReserved("vvault");
}
