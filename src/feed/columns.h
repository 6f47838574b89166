/*-------------------------------------------------------------------------
 *
 * columns.h
 *		What every page of videos shows of a video, in its order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_COLUMNS_H
#define VVAULT_COLUMNS_H

#include "core/json_writer.h"

#define VV_VIDEO_JSON_COLUMNS \
	JSON_COLUMN("video_id", TEXT), \
	JSON_COLUMN("title", TEXT), \
	JSON_COLUMN("channel_title", TEXT), \
	JSON_COLUMN("views", INT8), \
	JSON_COLUMN("likes", INT8), \
	JSON_COLUMN("thumbnail_url", TEXT), \
	JSON_COLUMN("regions", TEXT_ARRAY), \
	JSON_COLUMN("content_language", TEXT), \
	JSON_COLUMN("engagement_rate", FLOAT8), \
	JSON_COLUMN("comments", INT8), \
	JSON_COLUMN("channel_id", TEXT), \
	JSON_COLUMN("category_id", INT4), \
	JSON_COLUMN("published_at", TIMESTAMPTZ), \
	JSON_COLUMN("rank", INT4), \
	JSON_COLUMN("virality_score", FLOAT8), \
	JSON_COLUMN("momentum_score", FLOAT8)

#define VV_COL_VIDEO_ID	0
#define VV_COL_REGIONS	6		/* which vv_region_lookup() gives */

/* The same columns of a row v of vvault.videos; one more may follow. */
#define VV_VIDEO_COLUMNS_SQL \
	"SELECT v.video_id, v.title, v.channel_title, v.views, v.likes," \
	" v.thumbnail_url, NULL::pg_catalog._text," \
	" v.content_language, v.engagement_rate, v.comments, v.channel_id," \
	" v.category_id, v.published_at, v.rank, v.virality_score," \
	" v.momentum_score, "

#endif							/* VVAULT_COLUMNS_H */
