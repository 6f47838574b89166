/*-------------------------------------------------------------------------
 *
 * wait_points.c
 *		Where backends wait for what others do, such as a job that comes in.
 *
 * A fixed number of condition variables, shared by hash: who is woken looks
 * whether what he waits for has happened, and waits on if it has not.
 *
 *-------------------------------------------------------------------------
 */
#include "core/wait_points.h"

#include "common/hashfn.h"
#include "miscadmin.h"

#include "core/shared_memory.h"

#define WAIT_POINTS		64

typedef struct WaitPoints
{
	ConditionVariable points[WAIT_POINTS];
} WaitPoints;

/* The area has one size, whatever the settings are. */
static Size
points_size(void)
{
	return sizeof(WaitPoints);
}

/* Nobody waits yet. */
static void
points_initialize(void *memory, Size size, int tranche)
{
	(void) size;
	(void) tranche;
	for (int i = 0; i < WAIT_POINTS; i++)
		ConditionVariableInit(&((WaitPoints *) memory)->points[i]);
}

static VvSharedArea points_area = {
	.name = "wait points",
	.tranche = "VvaultWaitPoints",
	.size = points_size,
	.initialize = points_initialize,
};

/*
 * Asks for the memory of the wait points.
 */
void
vv_wait_points_init(void)
{
	vv_register_area(&points_area);
}

/*
 * The condition variable to wait on for something in this database, told by
 * its name; NULL where there is no shared memory: look again from time to time
 * then. Whoever signals at the end of a transaction gets it before, since
 * mapping the memory may fail.
 */
ConditionVariable *
vv_wait_point(const char *what, int len)
{
	WaitPoints *points = (WaitPoints *) vv_shared_area(&points_area);
	uint32		hash;

	if (points == NULL)
		return NULL;
	hash = hash_combine(hash_bytes((const unsigned char *) what, len),
						hash_bytes_uint32(MyDatabaseId));
	return &points->points[hash % WAIT_POINTS];
}
