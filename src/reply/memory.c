/*-------------------------------------------------------------------------
 *
 * memory.c
 *		Where finished replies are kept, and the server's settings of it.
 *
 * With shared_preload_libraries the memory is part of the server's own. On
 * 17 and later it can also be had at run time: a named segment holds a lock
 * and the handle of the memory, which whoever comes first makes, as large as
 * vvault.cache_size says then. Without either there is none, and every reply
 * is computed.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/memory.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "reply/store.h"

/* A library of another version must not find what this one laid out. */
#define NAME				"vvault " VVAULT_VERSION " reply cache"
#define DEFAULT_SIZE_KB		(16 * 1024)
#define MAX_SIZE_KB			(16 * 1024 * 1024)

bool		vv_cache_enabled = true;
bool		vv_cache_warm = false;

static int	cache_size_kb = DEFAULT_SIZE_KB;

/* What this backend knows of the memory. */
static enum
{
	MEMORY_UNKNOWN,
	MEMORY_READY,
	MEMORY_NONE
}			memory_state = MEMORY_UNKNOWN;

static Size
cache_size(void)
{
	return (Size) cache_size_kb * 1024;
}

/*
 * The server's own memory
 */

static shmem_startup_hook_type next_startup_hook = NULL;

static void
on_startup(void)
{
	void	   *memory;
	bool		found;

	if (next_startup_hook != NULL)
		next_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct(NAME, cache_size(), &found);
	if (!found)
		vv_store_format(memory, cache_size());
	LWLockRelease(AddinShmemInitLock);
	vv_store_use(memory);
	memory_state = MEMORY_READY;
}

#ifdef HAVE_SHMEM_REQUEST_HOOK
static shmem_request_hook_type next_request_hook = NULL;

static void
on_request(void)
{
	if (next_request_hook != NULL)
		next_request_hook();
	RequestAddinShmemSpace(cache_size());
}
#endif

static void
preload(void)
{
	memory_state = MEMORY_NONE;
	if (!vv_store_fits(cache_size()))
		return;
#ifdef HAVE_SHMEM_REQUEST_HOOK
	next_request_hook = shmem_request_hook;
	shmem_request_hook = on_request;
#else
	RequestAddinShmemSpace(cache_size());
#endif
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = on_startup;
}

/*
 * Memory at run time
 */

#ifdef HAVE_NAMED_SEGMENTS

typedef struct Anchor
{
	LWLock		lock;
	dsm_handle	handle;
} Anchor;

static void
init_anchor(void *memory)
{
	Anchor	   *anchor = (Anchor *) memory;

	LWLockInitialize(&anchor->lock, LWLockNewTrancheId());
	anchor->handle = DSM_HANDLE_INVALID;
}

static void
map_segment(void)
{
	bool		found;
	Anchor	   *anchor = GetNamedDSMSegment(NAME, sizeof(Anchor), init_anchor,
											&found);
	dsm_segment *segment;

	LWLockRegisterTranche(anchor->lock.tranche, "VvaultReplyCache");
	LWLockAcquire(&anchor->lock, LW_EXCLUSIVE);
	if (anchor->handle != DSM_HANDLE_INVALID)
		segment = dsm_attach(anchor->handle);
	else
	{
		segment = dsm_create(cache_size(), 0);
		vv_store_format(dsm_segment_address(segment), cache_size());
		dsm_pin_segment(segment);
		anchor->handle = dsm_segment_handle(segment);
	}
	LWLockRelease(&anchor->lock);
	if (segment == NULL)
		elog(ERROR, "could not map the reply cache");
	dsm_pin_mapping(segment);
	vv_store_use(dsm_segment_address(segment));
}

/*
 * Where there is no memory to be had, this backend says so in the log and goes
 * on without; what it was about to read must not fail for it.
 */
static void
attach(void)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *error;

	memory_state = MEMORY_NONE;
	if (!vv_store_fits(cache_size()) || !IsTransactionState())
		return;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		map_segment();
		ReleaseCurrentSubTransaction();
		memory_state = MEMORY_READY;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		{
			memory_state = MEMORY_UNKNOWN;
			ReThrowError(error);
		}
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("vvault has no memory to cache replies in: %s",
						error->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

#else							/* !HAVE_NAMED_SEGMENTS */

static void
attach(void)
{
	memory_state = MEMORY_NONE;
}

#endif

/*
 * Whether replies can be kept. Maps the memory into this backend if need be.
 */
bool
vv_shared_memory_ready(void)
{
	if (memory_state == MEMORY_UNKNOWN)
		attach();
	return memory_state == MEMORY_READY;
}

/*
 * Raises 55000 where there is no memory to keep replies in.
 */
void
vv_require_shared_memory(void)
{
	if (vv_shared_memory_ready())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the reply cache of vvault is not available"),
			 !vv_store_fits(cache_size()) ?
			 errhint("Set vvault.cache_size to 128kB or more and restart the server.") :
#ifdef HAVE_NAMED_SEGMENTS
			 errhint("The server's log says why this session could not map it.")
#else
			 errhint("Add vvault to shared_preload_libraries and restart the server.")
#endif
			 ));
}

/*
 * Defines the settings and, while the server starts, asks for the memory. A
 * setting that needs a restart cannot be defined any later.
 */
void
vv_shared_memory_init(void)
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
	if (preloading)
		preload();
}
