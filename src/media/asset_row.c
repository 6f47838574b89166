/*-------------------------------------------------------------------------
 *
 * asset_row.c
 *		What replies about a video ask of its row.
 *
 *-------------------------------------------------------------------------
 */
#include "media/asset_row.h"

#include "catalog/pg_type.h"

#include "media/source.h"
#include "reply/rows.h"

static VvKeyedRows asset_row = {
	.source = &vv_assets,
	.table = "assets",
	.nkeys = 1,
	.key_types = {TEXTOID},
	.key = {"video_id"},
	.ncolumns = 2,
	.columns = {"state", "generation"},
};

/* The columns, in their order. */
static bool
take_row(const Datum *values, const bool *isnull pg_attribute_unused(),
		 void *arg)
{
	VvAssetRow *row = (VvAssetRow *) arg;
	const text *state = DatumGetTextPP(values[0]);

	/* deleting and deleted */
	row->is_going = VARSIZE_ANY_EXHDR(state) > 6 &&
		memcmp(VARDATA_ANY(state), "delet", 5) == 0;
	row->generation = DatumGetInt32(values[1]);
	return false;
}

/*
 * The row of a video; false where there is none.
 */
bool
vv_read_asset(Datum video_id, VvAssetRow *row)
{
	return vv_read_rows(&asset_row, &video_id, take_row, row) > 0;
}

/*
 * The generation that is asked for, or where that is 0 the one that is shown;
 * 0 for a video that has none, is not there or is being deleted.
 */
int
vv_generation_to_show(Datum video_id, int generation)
{
	VvAssetRow	row;

	if (!vv_read_asset(video_id, &row) || row.is_going)
		return 0;
	return generation != 0 ? generation : row.generation;
}
