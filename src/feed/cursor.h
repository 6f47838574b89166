/*-------------------------------------------------------------------------
 *
 * cursor.h
 *		Where a page of a feed ended, as an opaque text for the client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CURSOR_H
#define VVAULT_CURSOR_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/*
 * The last row of a page: its sort key, as the 64 bits it is, and its id;
 * and the instant that the order was made for, 0 where it knows no clock.
 */
typedef struct VvFeedCursor
{
	int64		key;
	TimestampTz as_of;
	char	   *video_id;
} VvFeedCursor;

extern char *vv_cursor_encode(const char *region, const char *sort,
							  const VvFeedCursor *cursor);
extern bool vv_cursor_decode(text *encoded, const char *region,
							 const char *sort, VvFeedCursor *cursor);

#endif							/* VVAULT_CURSOR_H */
