/*-------------------------------------------------------------------------
 *
 * columns.c
 *		What a page shows of a video.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/columns.h"

#include "core/json_writer.h"

static const VvJsonColumn video_columns[] = {
	VV_JSON_COLUMN("video_id", TEXT),
	VV_JSON_COLUMN("title", TEXT),
	VV_JSON_COLUMN("channel_title", TEXT),
	VV_JSON_COLUMN("views", INT8),
	VV_JSON_COLUMN("likes", INT8),
	VV_JSON_COLUMN("thumbnail_url", TEXT),
	VV_JSON_COLUMN("regions", TEXT_ARRAY),
	VV_JSON_COLUMN("content_language", TEXT),
	VV_JSON_COLUMN("engagement_rate", FLOAT8),
	VV_JSON_COLUMN("comments", INT8),
	VV_JSON_COLUMN("channel_id", TEXT),
	VV_JSON_COLUMN("category_id", INT4),
	VV_JSON_COLUMN("published_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("rank", INT4),
	VV_JSON_COLUMN("virality_score", FLOAT8),
	VV_JSON_COLUMN("momentum_score", FLOAT8),
	VV_JSON_COLUMN("live", TEXT),
	VV_JSON_COLUMN("scheduled_at", TIMESTAMPTZ),
};

StaticAssertDecl(lengthof(video_columns) == VV_VIDEO_COLUMNS,
				 "VV_VIDEO_COLUMNS_SQL has a column for each of these");

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
