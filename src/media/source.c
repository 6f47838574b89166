/*-------------------------------------------------------------------------
 *
 * source.c
 *		What replies about videos of one's own are made of.
 *
 * A reply is about one video. The triggers of these tables give a video a new
 * version in every transaction that changes its rows; the versions of 'site',
 * which settings change, belong to every video.
 *
 *-------------------------------------------------------------------------
 */
#include "media/source.h"

#include "catalog/pg_type.h"

static const char *const tables[] = {
	"asset_versions", "assets", "generations", "pictures",
	"renditions", "setting_defaults", "settings", NULL
};

VvSource	vv_assets = {
	.schema = "vvault_stream",
	.scope = "video_id",
	.scope_type = TEXTOID,
	.tables = tables,
	.common_scope = "site",
};
