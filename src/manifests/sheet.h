/*-------------------------------------------------------------------------
 *
 * sheet.h
 *		The storyboard of a video: a sheet of small pictures.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SHEET_H
#define VVAULT_SHEET_H

#include "core/compat.h"

typedef struct VvSheet
{
	char	   *file;			/* the last part of its object's key */
	int			width;			/* of a tile */
	int			height;
	int			columns;
	int			rows;
	int			tiles;			/* the last row may have fewer */
	double		tile_seconds;
	int64		size;			/* in bytes */
} VvSheet;

extern bool vv_read_sheet(text *video_id, int generation, VvSheet *sheet);

#endif							/* VVAULT_SHEET_H */
