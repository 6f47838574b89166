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
 * Descending the index was still a third of it. So a backend remembers where
 * it found the rows of some videos and looks there first. Such a place is a
 * guess: what the snapshot sees there counts if it is a row of that video, and
 * as the video is the primary key, there is no other one then.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/video_regions.h"

#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "storage/bufmgr.h"
#include "storage/itemptr.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/query.h"
#include "videos/source.h"

/* Columns, from 1 */
#define COL_VIDEO_ID	1
#define COL_REGIONS		2

/* Where a row was: a root of a HOT chain, which the index points to. */
typedef struct Place
{
	uint32		hash;			/* of the video's id */
	ItemPointerData tid;
} Place;

#define MAX_PLACES		1024

static Place places[MAX_PLACES];

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
	lookup->table = vv_open_plain_table(&vv_feeds, "video_regions",
										&lookup->index);
	if (lookup->table == NULL)
		return;
	lookup->scan = vv_index_beginscan(lookup->table, lookup->index,
									  GetActiveSnapshot(), 1);
	lookup->fetch = vv_index_fetch_begin(lookup->table);
	/* while the table is open no block goes */
	lookup->nblocks = RelationGetNumberOfBlocks(lookup->table);
	lookup->slot = table_slot_create(lookup->table, NULL);
}

/* Is the row in the slot one of this video? */
static bool
is_row_of(TupleTableSlot *slot, text *video_id)
{
	bool		isnull;
	text	   *found = DatumGetTextPP(slot_getattr(slot, COL_VIDEO_ID, &isnull));

	return VARSIZE_ANY_EXHDR(found) == VARSIZE_ANY_EXHDR(video_id) &&
		memcmp(VARDATA_ANY(found), VARDATA_ANY(video_id),
			   VARSIZE_ANY_EXHDR(video_id)) == 0;
}

/* Looks where the row was. */
static bool
find_by_place(VvRegionLookup *lookup, const Place *place, uint32 hash,
			  text *video_id)
{
	ItemPointerData tid = place->tid;
	bool		again = false;
	bool		all_dead;

	return place->hash == hash && ItemPointerIsValid(&tid) &&
		ItemPointerGetBlockNumber(&tid) < lookup->nblocks &&
		table_index_fetch_tuple(lookup->fetch, &tid, GetActiveSnapshot(),
								lookup->slot, &again, &all_dead) &&
		is_row_of(lookup->slot, video_id);
}

/* The video's row by its key, which is remembered as its place. */
static bool
find_by_index(VvRegionLookup *lookup, Place *place, uint32 hash,
			  text *video_id)
{
	ScanKeyData key;
	ItemPointer tid;

	ScanKeyInit(&key, COL_VIDEO_ID, BTEqualStrategyNumber, F_TEXTEQ,
				PointerGetDatum(video_id));
	index_rescan(lookup->scan, &key, 1, NULL, 0);
	while ((tid = index_getnext_tid(lookup->scan, ForwardScanDirection)) != NULL)
	{
		place->hash = hash;
		place->tid = *tid;
		if (index_fetch_heap(lookup->scan, lookup->slot))
			return true;
	}
	return false;
}

/*
 * The regions that list a video, as a text[] that holds until the next
 * look-up, or NULL.
 */
Datum
vv_region_lookup(VvRegionLookup *lookup, Datum video_id, bool *isnull)
{
	text	   *id = DatumGetTextPP(video_id);
	MemoryContext old;
	Datum		regions = (Datum) 0;
	uint32		hash;
	Place	   *place;

	if (lookup->table == NULL)
	{
		VvRow		row;

		/* what it found before is of the page, as what it finds now */
		old = MemoryContextSwitchTo(lookup->context);
		*isnull = !vv_query_row(&regions_query, &video_id, &row);
		MemoryContextSwitchTo(old);
		return *isnull ? (Datum) 0 : row.values[0];
	}
	hash = hash_bytes((unsigned char *) VARDATA_ANY(id), VARSIZE_ANY_EXHDR(id));
	place = &places[hash % MAX_PLACES];
	/* what a scan allocates on its way must live as long as it does */
	old = MemoryContextSwitchTo(lookup->context);
	*isnull = true;
	if (find_by_place(lookup, place, hash, id) ||
		find_by_index(lookup, place, hash, id))
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
	table_index_fetch_end(lookup->fetch);
	index_endscan(lookup->scan);
	index_close(lookup->index, NoLock);
	table_close(lookup->table, NoLock);
}
