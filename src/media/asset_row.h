/*-------------------------------------------------------------------------
 *
 * asset_row.h
 *		What replies about a video ask of its row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_ASSET_ROW_H
#define VVAULT_ASSET_ROW_H

#include "core/compat.h"

typedef struct VvAssetRow
{
	bool		is_going;		/* it is being deleted, or is */
	int			generation;		/* that is shown; 0 for none */
} VvAssetRow;

extern bool vv_read_asset(Datum video_id, VvAssetRow *row);
extern int	vv_generation_to_show(Datum video_id, int generation);

#endif							/* VVAULT_ASSET_ROW_H */
