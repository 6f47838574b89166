/*-------------------------------------------------------------------------
 *
 * sheet.c
 *		The storyboard of a video, out of its row.
 *
 *-------------------------------------------------------------------------
 */
#include "manifests/sheet.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "media/renditions.h"
#include "media/source.h"
#include "reply/rows.h"

static VvKeyedRows pictures = {
	.source = &vv_assets,
	.table = "pictures",
	.nkeys = 2,
	.key_types = {TEXTOID, INT4OID},
	.key = {"video_id", "generation", "name"},
	.ncolumns = 9,
	.columns = {"kind", "object_key", "width", "height", "tile_columns",
	"tile_rows", "tiles", "tile_seconds", "size"},
};

typedef struct SheetTaker
{
	MemoryContext context;
	VvSheet    *sheet;
	bool		found;
} SheetTaker;

/* The columns, in their order; the first storyboard is the one. */
static bool
take_sheet(const Datum *values, const bool *isnull, void *arg)
{
	SheetTaker *taker = (SheetTaker *) arg;
	VvSheet    *sheet = taker->sheet;
	MemoryContext old;

	if (*VARDATA_ANY(DatumGetTextPP(values[0])) != 's')
		return true;
	old = MemoryContextSwitchTo(taker->context);
	sheet->file = vv_file_of(TextDatumGetCString(values[1]));
	sheet->width = DatumGetInt32(values[2]);
	sheet->height = DatumGetInt32(values[3]);
	sheet->columns = DatumGetInt32(values[4]);
	sheet->rows = DatumGetInt32(values[5]);
	sheet->tiles = DatumGetInt32(values[6]);
	sheet->tile_seconds = isnull[7] ? 0 : DatumGetFloat8(values[7]);
	sheet->size = DatumGetInt64(values[8]);
	MemoryContextSwitchTo(old);
	taker->found = true;
	return false;
}

/*
 * The sheet of a generation; false where it has none.
 */
bool
vv_read_sheet(text *video_id, int generation, VvSheet *sheet)
{
	SheetTaker	taker = {CurrentMemoryContext, sheet, false};
	Datum		keys[2] = {PointerGetDatum(video_id), Int32GetDatum(generation)};

	(void) vv_read_rows(&pictures, keys, take_sheet, &taker);
	return taker.found;
}
