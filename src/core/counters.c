/*-------------------------------------------------------------------------
 *
 * counters.c
 *		What happened how often since the server started, in all databases.
 *
 * They count whether there is a reply cache or not. What is undone by a
 * rollback is not taken back: what must be exact is counted in tables.
 *
 *-------------------------------------------------------------------------
 */
#include "core/counters.h"

#include "fmgr.h"
#include "funcapi.h"
#include "port/atomics.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "core/shared_memory.h"

PG_FUNCTION_INFO_V1(vvault_counters);

#define MAX_COUNTERS	64

typedef struct Counters
{
	pg_atomic_uint64 values[MAX_COUNTERS];
} Counters;

static const VvCounter *registered[MAX_COUNTERS];
static int	ncounters = 0;

/* The area has one size, whatever the settings are. */
static Size
counters_size(void)
{
	return sizeof(Counters);
}

/* All counters begin at 0. */
static void
counters_initialize(void *memory, Size size, int tranche)
{
	Counters   *counters = (Counters *) memory;

	(void) size;
	(void) tranche;
	for (int i = 0; i < MAX_COUNTERS; i++)
		pg_atomic_init_u64(&counters->values[i], 0);
}

static VvSharedArea counters_area = {
	.name = "counters",
	.tranche = "VvaultCounters",
	.size = counters_size,
	.initialize = counters_initialize,
};

/*
 * Registers a counter, while the library is loaded: every backend does so in
 * the same order.
 */
void
vv_register_counter(VvCounter *counter)
{
	if (ncounters == MAX_COUNTERS)
		elog(ERROR, "too many counters");
	registered[ncounters] = counter;
	counter->number = ncounters++;
}

/*
 * Asks for the memory of the counters.
 */
void
vv_counters_init(void)
{
	vv_register_area(&counters_area);
}

/*
 * Counts one more; nothing where there is no shared memory.
 */
void
vv_count(const VvCounter *counter)
{
	Counters   *counters = (Counters *) vv_shared_area(&counters_area);

	if (counters != NULL)
		pg_atomic_fetch_add_u64(&counters->values[counter->number], 1);
}

/*
 * How often; -1 where there is no shared memory.
 */
int64
vv_counted(const VvCounter *counter)
{
	Counters   *counters = (Counters *) vv_shared_area(&counters_area);

	return counters == NULL ? -1 :
		(int64) pg_atomic_read_u64(&counters->values[counter->number]);
}

/*
 * vvault.counters() returns table (name text, value bigint)
 *
 * Every counter; value is NULL where there is no shared memory. No errors.
 */
Datum
vvault_counters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < ncounters; i++)
	{
		int64		value = vv_counted(registered[i]);
		Datum		values[2] = {CStringGetTextDatum(registered[i]->name), Int64GetDatum(value)};
		bool		nulls[2] = {false, value < 0};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
