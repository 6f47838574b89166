/*-------------------------------------------------------------------------
 *
 * columns.h
 *		What every page of videos shows of a video, in its order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_COLUMNS_H
#define VVAULT_COLUMNS_H

#include "videos/video_regions.h"

/*
 * What a page shows of a row v of vvault.videos: X(name, kind, SQL) for each
 * field, of which those that are named below keep their places. The regions are
 * looked up by vv_write_video().
 */
#define VV_VIDEO_FIELDS(X) \
	X("video_id", TEXT, "v.video_id") \
	X("title", TEXT, "v.title") \
	X("channel_title", TEXT, "v.channel_title") \
	X("views", INT8, "v.views") \
	X("likes", INT8, "v.likes") \
	X("thumbnail_url", TEXT, "v.thumbnail_url") \
	X("regions", TEXT_ARRAY, "NULL::pg_catalog._text") \
	X("content_language", TEXT, "v.content_language") \
	X("engagement_rate", FLOAT8, "v.engagement_rate") \
	X("comments", INT8, "v.comments") \
	X("channel_id", TEXT, "v.channel_id") \
	X("category_id", INT4, "v.category_id") \
	X("published_at", TIMESTAMPTZ, "v.published_at") \
	X("rank", INT4, "v.rank") \
	X("virality_score", FLOAT8, "v.virality_score") \
	X("momentum_score", FLOAT8, "v.momentum_score") \
	X("live", TEXT, "v.live") \
	X("scheduled_at", TIMESTAMPTZ, "v.scheduled_at")

#define VV_COL_VIDEO_ID	0
#define VV_COL_REGIONS	6

/* How many there are; one more column may follow, and the regions behind it */
#define VV_ONE_FIELD(name, kind, sql) +1
#define VV_VIDEO_COLUMNS	(VV_VIDEO_FIELDS(VV_ONE_FIELD))
#define VV_COL_OWN_REGIONS	(VV_VIDEO_COLUMNS + 1)

/*
 * Lists leave out what is gone, and orders that reward being new what has not
 * begun.
 */
#define VV_NOT_GONE	" AND v.gone_at IS NULL"
#define VV_BEGUN \
	" AND (v.live IS NULL OR v.live OPERATOR(pg_catalog.<>) 'upcoming')"

#define VV_FIELD_SQL(name, kind, sql) sql ", "
#define VV_VIDEO_COLUMNS_SQL	"SELECT " VV_VIDEO_FIELDS(VV_FIELD_SQL)

extern void vv_write_video(StringInfo out, VvRegionLookup *regions,
						   const Datum *values, const bool *isnull);

#endif							/* VVAULT_COLUMNS_H */
