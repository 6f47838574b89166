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

#include "core/query.h"

/* What is being deleted is not shown; 0 is the generation that is. */
static VvQuery sheet_query = {
	.sql = "SELECT pg_catalog.regexp_replace(p.object_key, '^.*/', ''),"
	" p.width, p.height, p.tile_columns, p.tile_rows, p.tiles,"
	" p.tile_seconds, p.size"
	" FROM vvault_stream.assets a JOIN vvault_stream.pictures p"
	" ON p.video_id OPERATOR(pg_catalog.=) a.video_id"
	" AND p.generation OPERATOR(pg_catalog.=)"
	" CASE WHEN $2 OPERATOR(pg_catalog.=) 0 THEN a.generation ELSE $2 END"
	" WHERE a.video_id OPERATOR(pg_catalog.=) $1"
	" AND a.state OPERATOR(pg_catalog.<>) ALL ('{deleting,deleted}'::pg_catalog.text[])"
	" AND p.kind OPERATOR(pg_catalog.=) 'storyboard' ORDER BY p.name",
	.extension = "vvault_stream",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
};

/*
 * The sheet of a generation (0: the one that is shown); false where it has
 * none. The caller is connected to SPI.
 */
bool
vv_read_sheet(text *video_id, int generation, VvSheet *sheet)
{
	Datum		args[2] = {PointerGetDatum(video_id), Int32GetDatum(generation)};
	VvRow		row;

	if (!vv_query_row(&sheet_query, args, &row))
		return false;
	sheet->file = TextDatumGetCString(row.values[0]);
	sheet->width = DatumGetInt32(row.values[1]);
	sheet->height = DatumGetInt32(row.values[2]);
	sheet->columns = DatumGetInt32(row.values[3]);
	sheet->rows = DatumGetInt32(row.values[4]);
	sheet->tiles = DatumGetInt32(row.values[5]);
	sheet->tile_seconds = DatumGetFloat8(row.values[6]);
	sheet->size = DatumGetInt64(row.values[7]);
	return true;
}
