/*-------------------------------------------------------------------------
 *
 * video_regions.c
 *		Which regions list a video.
 *
 * A page shows this of each of its videos, and as a subquery of the page's
 * own it took a quarter of the page's time. So the index is probed directly;
 * where the caller's rights, or a table that is no plain one, stand against
 * that, the rows come through SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/video_regions.h"

#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/version.h"
#include "core/query.h"

/* Columns, from 1 */
#define COL_VIDEO_ID	1
#define COL_REGIONS		2

static VvQuery regions_query = {
	.sql = "SELECT r.regions FROM vvault.video_regions r"
	" WHERE r.video_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
	.index_order = true,
};

/*
 * Makes ready for look-ups under the active snapshot, as the current user.
 */
void
vv_region_lookup_begin(VvRegionLookup *lookup)
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->context = CurrentMemoryContext;
	lookup->table = vv_open_plain_table("video_regions", &lookup->index);
	if (lookup->table == NULL)
		return;
	lookup->scan = vv_index_beginscan(lookup->table, lookup->index,
									  GetActiveSnapshot(), 1);
	lookup->slot = table_slot_create(lookup->table, NULL);
}

static bool
keep_regions(const Datum *values, const bool *isnull pg_attribute_unused(),
			 void *arg)
{
	VvRegionLookup *lookup = (VvRegionLookup *) arg;
	MemoryContext old = MemoryContextSwitchTo(lookup->context);

	lookup->found = PointerGetDatum(DatumGetArrayTypePCopy(values[0]));
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * The regions that list a video, as a text[] that holds until the next
 * look-up, or NULL.
 */
Datum
vv_region_lookup(VvRegionLookup *lookup, Datum video_id, bool *isnull)
{
	ScanKeyData key;
	MemoryContext old;
	Datum		regions = (Datum) 0;

	if (lookup->table == NULL)
	{
		SPI_connect();
		*isnull = vv_query_run(&regions_query, &video_id, 1, keep_regions,
							   lookup) == 0;
		SPI_finish();
		return lookup->found;
	}
	ScanKeyInit(&key, COL_VIDEO_ID, BTEqualStrategyNumber, F_TEXTEQ,
				video_id);
	/* what the scan allocates on its way must live as long as it does */
	old = MemoryContextSwitchTo(lookup->context);
	index_rescan(lookup->scan, &key, 1, NULL, 0);
	*isnull = true;
	if (index_getnext_slot(lookup->scan, ForwardScanDirection, lookup->slot))
		regions = slot_getattr(lookup->slot, COL_REGIONS, isnull);
	MemoryContextSwitchTo(old);
	return regions;
}

/*
 * Ends what vv_region_lookup_begin() began.
 */
void
vv_region_lookup_end(VvRegionLookup *lookup)
{
	if (lookup->table == NULL)
		return;
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_endscan(lookup->scan);
	index_close(lookup->index, NoLock);
	table_close(lookup->table, NoLock);
}
