/*-------------------------------------------------------------------------
 *
 * memory.c
 *		Whether replies can be kept, and the server's settings of it.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/memory.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/shared_memory.h"
#include "reply/store.h"

#define DEFAULT_SIZE_KB		(16 * 1024)
#define MAX_SIZE_KB			(16 * 1024 * 1024)

bool		vv_cache_enabled = true;
bool		vv_cache_warm = false;

static int	cache_size_kb = DEFAULT_SIZE_KB;

/* What is too small for replies is not wanted. */
static Size
cache_size(void)
{
	Size		size = (Size) cache_size_kb * 1024;

	return vv_store_fits(size) ? size : 0;
}

static VvSharedArea cache_area = {
	.name = "reply cache",
	.tranche = "VvaultReplyStore",
	.size = cache_size,
	.initialize = vv_store_format,
	.attach = vv_store_use,
};

/*
 * Whether replies can be kept. Maps the memory into this backend if need be.
 */
bool
vv_reply_memory_ready(void)
{
	return vv_shared_area(&cache_area) != NULL;
}

/*
 * Raises 55000 where there is no memory to keep replies in.
 */
void
vv_require_reply_memory(void)
{
	if (vv_reply_memory_ready())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("reply cache of vvault is not available"),
			 cache_size() == 0 ?
			 errhint("Set vvault.cache_size to 128kB or more and restart the server.") :
#ifdef HAVE_NAMED_SEGMENTS
			 errhint("The server's log says why this session could not map it.")
#else
			 errhint("Add vvault to shared_preload_libraries and restart the server.")
#endif
			 ));
}

/*
 * Defines the settings and asks for the memory. A setting that needs a restart
 * cannot be defined any later than while the server starts.
 */
void
vv_reply_memory_init(void)
{
	bool		preloading = process_shared_preload_libraries_in_progress;

	DefineCustomIntVariable("vvault.cache_size",
							"Memory for finished replies of vvault.",
							"0 turns the reply cache off.",
							&cache_size_kb, DEFAULT_SIZE_KB, 0, MAX_SIZE_KB,
							preloading ? PGC_POSTMASTER : PGC_SIGHUP,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("vvault.cache",
							 "Whether replies of vvault may come from the reply cache.",
							 NULL, &vv_cache_enabled, true, PGC_USERSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("vvault.cache_warm",
							 "Whether a worker rebuilds replies that are asked for often as soon as they are old.",
							 NULL, &vv_cache_warm, false, PGC_SIGHUP, 0,
							 NULL, NULL, NULL);
	vv_register_area(&cache_area);
}
