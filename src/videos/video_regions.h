/*-------------------------------------------------------------------------
 *
 * video_regions.h
 *		Which regions list a video.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_VIDEO_REGIONS_H
#define VVAULT_VIDEO_REGIONS_H

#include "core/compat.h"

#include "access/genam.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"

/* Look-ups of one reply. */
typedef struct VvRegionLookup
{
	MemoryContext context;		/* of what a look-up gives */
	Relation	table;			/* NULL where rows come through SPI */
	Relation	index;
	IndexScanDesc scan;
	IndexFetchTableData *fetch; /* of rows whose place is known */
	BlockNumber nblocks;		/* of the table */
	TupleTableSlot *slot;
} VvRegionLookup;

extern void vv_region_lookup_begin(VvRegionLookup *lookup);
extern Datum vv_region_lookup(VvRegionLookup *lookup, Datum video_id,
							  bool *isnull);
extern void vv_region_lookup_end(VvRegionLookup *lookup);

#endif							/* VVAULT_VIDEO_REGIONS_H */
