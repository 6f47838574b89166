/*-------------------------------------------------------------------------
 *
 * response_item.h
 *		One item of a response, as columns of vvault.chart_item.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_RESPONSE_ITEM_H
#define VVAULT_RESPONSE_ITEM_H

#include "core/compat.h"

/* Columns of vvault.chart_item */
enum
{
	VV_ITEM_INDEX, VV_ITEM_VIDEO_ID, VV_ITEM_TITLE, VV_ITEM_CHANNEL_ID,
	VV_ITEM_CHANNEL_TITLE, VV_ITEM_CATEGORY_ID, VV_ITEM_CONTENT_LANGUAGE,
	VV_ITEM_THUMBNAIL_URL, VV_ITEM_PUBLISHED_AT, VV_ITEM_DURATION,
	VV_ITEM_TAGS, VV_ITEM_VIEWS, VV_ITEM_LIKES, VV_ITEM_COMMENTS,
	VV_ITEM_TOTAL_RESULTS, VV_ITEM_REASON, VV_ITEM_ITEM, VV_ITEM_LIVE,
	VV_ITEM_SCHEDULED_AT, VV_ITEM_COUNT
};

extern void vv_read_item(char *json, char *blotted, int len, Datum *values,
						 bool *nulls);

#endif							/* VVAULT_RESPONSE_ITEM_H */
