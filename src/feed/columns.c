/*-------------------------------------------------------------------------
 *
 * columns.c
 *		What a page shows of a video.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/columns.h"

#include "core/json_writer.h"

#define JSON_FIELD(name, kind, sql) VV_JSON_COLUMN(name, kind),

static const VvJsonColumn video_columns[] = {
	VV_VIDEO_FIELDS(JSON_FIELD)
};

/*
 * Appends what VV_VIDEO_COLUMNS_SQL gives of a video as the members of an
 * object, without its braces. Where regions is NULL its regions stand behind
 * the column that follows.
 */
void
vv_write_video(StringInfo out, VvRegionLookup *regions, const Datum *values,
			   const bool *isnull)
{
	Datum		shown[VV_VIDEO_COLUMNS];
	bool		nulls[VV_VIDEO_COLUMNS];

	memcpy(shown, values, sizeof(shown));
	memcpy(nulls, isnull, sizeof(nulls));
	if (regions != NULL)
		shown[VV_COL_REGIONS] =
			vv_region_lookup(regions, values[VV_COL_VIDEO_ID],
							 &nulls[VV_COL_REGIONS]);
	else
	{
		shown[VV_COL_REGIONS] = values[VV_COL_OWN_REGIONS];
		nulls[VV_COL_REGIONS] = isnull[VV_COL_OWN_REGIONS];
	}
	vv_json_row(out, video_columns, VV_VIDEO_COLUMNS, shown, nulls);
}
