/*-------------------------------------------------------------------------
 *
 * shared_memory.c
 *		The server's shared memory, in areas that rooms register.
 *
 * With shared_preload_libraries the areas are part of the server's own memory.
 * On 17 and later they can also be had at run time: a named segment holds a
 * lock and the handle of an area, which whoever comes first makes, as large as
 * it is wanted then. Without either there is none, and rooms do without.
 *
 *-------------------------------------------------------------------------
 */
#include "core/shared_memory.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#define MAX_AREAS	8

static VvSharedArea *areas[MAX_AREAS];
static int	nareas = 0;

/* In front of each area */
typedef struct AreaHeader
{
	int			tranche;
} AreaHeader;

#define HEADER_SIZE		MAXALIGN(sizeof(AreaHeader))

/*
 * Registers an area; while the library is loaded, before
 * vv_shared_memory_init().
 */
void
vv_register_area(VvSharedArea *area)
{
	if (nareas == MAX_AREAS)
		elog(ERROR, "too many areas of shared memory");
	areas[nareas++] = area;
}

/* A library of another version must not find what this one laid out. */
static char *
full_name(const VvSharedArea *area)
{
	return psprintf("vvault " VVAULT_VERSION " %s", area->name);
}

/* Make an area in fresh memory: its header, then what its room initialises. */
static void
lay_out(VvSharedArea *area, void *memory, Size size)
{
	AreaHeader *header = (AreaHeader *) memory;

	memset(memory, 0, HEADER_SIZE + size);
	header->tranche = vv_new_tranche(area->tranche);
	area->initialize((char *) memory + HEADER_SIZE, size, header->tranche);
}

/* An area is there: name its locks in this process and tell its room. */
static void
use(VvSharedArea *area, void *memory)
{
	vv_name_tranche(((AreaHeader *) memory)->tranche, area->tranche);
	area->memory = (char *) memory + HEADER_SIZE;
	area->state = VV_AREA_READY;
	if (area->attach != NULL)
		area->attach(area->memory);
}

/*
 * The server's own memory
 */

static shmem_startup_hook_type next_startup_hook = NULL;

/*
 * The hook of the postmaster: make all areas in its shared memory, or find
 * them in a child started by EXEC_BACKEND.
 */
static void
on_startup(void)
{
	if (next_startup_hook != NULL)
		next_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (int i = 0; i < nareas; i++)
	{
		Size		size = areas[i]->size();
		void	   *memory;
		bool		found;

		if (size == 0)
			continue;
		memory = ShmemInitStruct(full_name(areas[i]), HEADER_SIZE + size,
								 &found);
		if (!found)
			lay_out(areas[i], memory, size);
		use(areas[i], memory);
	}
	LWLockRelease(AddinShmemInitLock);
}

/* Ask for the memory of all areas of a size. */
static void
request(void)
{
	for (int i = 0; i < nareas; i++)
	{
		Size		size = areas[i]->size();

		if (size > 0)
			RequestAddinShmemSpace(add_size(HEADER_SIZE, MAXALIGN(size)));
	}
}

static shmem_request_hook_type next_request_hook = NULL;

/* The hook that asks for memory, there from PostgreSQL 15 on. */
static void
on_request(void)
{
	if (next_request_hook != NULL)
		next_request_hook();
	request();
}

/*
 * While the server starts, asks for the memory of all areas that are
 * registered.
 */
void
vv_shared_memory_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	for (int i = 0; i < nareas; i++)
		areas[i]->state = VV_AREA_NONE;
	next_request_hook = shmem_request_hook;
	shmem_request_hook = on_request;
	next_startup_hook = shmem_startup_hook;
	shmem_startup_hook = on_startup;
}

/*
 * Memory at run time
 */

#ifdef HAVE_NAMED_SEGMENTS

#define ANCHOR_TRANCHE "VvaultSharedMemory"

typedef struct Anchor
{
	LWLock		lock;
	dsm_handle	handle;
} Anchor;

/* The first who asks for the named segment makes the anchor. */
static void
init_anchor(VV_SEGMENT_INIT_ARGS)
{
	Anchor	   *anchor = (Anchor *) memory;

	LWLockInitialize(&anchor->lock, vv_new_tranche(ANCHOR_TRANCHE));
	anchor->handle = DSM_HANDLE_INVALID;
}

/*
 * Map an area without preloading: a segment of its own that the named one
 * leads to.
 */
static void
map_segment(VvSharedArea *area)
{
	bool		found;
	Anchor	   *anchor = vv_named_segment(full_name(area), sizeof(Anchor),
										  init_anchor, &found);
	dsm_segment *segment;

	vv_name_tranche(anchor->lock.tranche, ANCHOR_TRANCHE);
	LWLockAcquire(&anchor->lock, LW_EXCLUSIVE);
	if (anchor->handle != DSM_HANDLE_INVALID)
		segment = dsm_attach(anchor->handle);
	else
	{
		Size		size = area->size();

		segment = dsm_create(HEADER_SIZE + size, 0);
		lay_out(area, dsm_segment_address(segment), size);
		dsm_pin_segment(segment);
		anchor->handle = dsm_segment_handle(segment);
	}
	LWLockRelease(&anchor->lock);
	if (segment == NULL)
		elog(ERROR, "could not map the area \"%s\"", area->name);
	dsm_pin_mapping(segment);
	use(area, dsm_segment_address(segment));
}

/*
 * Where there is no memory to be had, this backend says so in the log and goes
 * on without; what it was about to do must not fail for it.
 */
static void
attach(VvSharedArea *area)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *error;

	if (!IsTransactionState())
		return;
	area->state = VV_AREA_NONE;
	if (area->size() == 0)
		return;
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		map_segment(area);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		area->state = VV_AREA_NONE;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		{
			area->state = VV_AREA_UNKNOWN;
			ReThrowError(error);
		}
		ereport(LOG,
				(errcode(error->sqlerrcode),
				 errmsg("vvault has no shared memory for its %s: %s",
						area->name, error->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
}

#else							/* !HAVE_NAMED_SEGMENTS */

/* Up to 16 an area is there by preloading or not at all. */
static void
attach(VvSharedArea *area)
{
	area->state = VV_AREA_NONE;
}

#endif

/*
 * An area's memory, which is mapped into this backend if need be. NULL where
 * there is none, and outside of transactions where it was not mapped yet.
 */
void *
vv_shared_area(VvSharedArea *area)
{
	if (area->state == VV_AREA_UNKNOWN)
		attach(area);
	return area->state == VV_AREA_READY ? area->memory : NULL;
}
