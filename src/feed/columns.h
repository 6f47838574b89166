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
 * What a page shows of a row v of vvault.videos, of which one more column may
 * follow, for vv_write_video(). The regions are looked up there.
 */
#define VV_VIDEO_COLUMNS	18
#define VV_COL_VIDEO_ID	0
#define VV_COL_REGIONS	6
#define VV_COL_OWN_REGIONS	(VV_VIDEO_COLUMNS + 1)

/*
 * Lists leave out what is gone, and orders that reward being new what has not
 * begun.
 */
#define VV_NOT_GONE	" AND v.gone_at IS NULL"
#define VV_BEGUN \
	" AND (v.live IS NULL OR v.live OPERATOR(pg_catalog.<>) 'upcoming')"

#define VV_VIDEO_COLUMNS_SQL \
	"SELECT v.video_id, v.title, v.channel_title, v.views, v.likes," \
	" v.thumbnail_url, NULL::pg_catalog._text, v.content_language," \
	" v.engagement_rate, v.comments, v.channel_id, v.category_id," \
	" v.published_at, v.rank, v.virality_score, v.momentum_score, v.live," \
	" v.scheduled_at, "

extern void vv_write_video(StringInfo out, VvRegionLookup *regions,
						   const Datum *values, const bool *isnull);

#endif							/* VVAULT_COLUMNS_H */
