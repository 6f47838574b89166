/*-------------------------------------------------------------------------
 *
 * region_list.c
 *		The regions of the site as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "fmgr.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "reply/reply.h"
#include "site/settings.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_regions);

static VvQuery list_query = {
	.sql = "SELECT e.region, e.name, e.velocity_baseline,"
	" e.engagement_baseline,"
	" (SELECT coalesce(pg_catalog.sum(c.videos), 0)::bigint"
	"  FROM vvault.category_stats c"
	"  WHERE c.region OPERATOR(pg_catalog.=) e.region),"
	" (SELECT pg_catalog.max(c.fetched_at) FROM vvault.charts c"
	"  WHERE c.region OPERATOR(pg_catalog.=) e.region AND c.whole)"
	" FROM vvault.enabled_regions e ORDER BY e.region",
};

static const VvJsonColumn list_columns[] = {
	VV_JSON_COLUMN("region", TEXT),
	VV_JSON_COLUMN("region_name", TEXT),
	VV_JSON_COLUMN("velocity_baseline", FLOAT8),
	VV_JSON_COLUMN("engagement_baseline", FLOAT8),
	VV_JSON_COLUMN("videos", INT8),
	VV_JSON_COLUMN("fetched_at", TIMESTAMPTZ),
};

/* The reply of vvault_regions. */
static bool
write_regions(FunctionCallInfo fcinfo pg_attribute_unused(), VvReply *reply,
			  StringInfo out)
{
	int			n;

	if (vv_reply_is_known(reply, vv_setting_int("feed_max_age"), 0, 0))
		return true;
	appendStringInfoString(out, "{\"regions\":");
	n = vv_query_json_array(&list_query, NULL, out, list_columns,
							lengthof(list_columns));
	vv_json_key(out, "total");
	vv_json_int(out, n);
	appendStringInfoChar(out, '}');
	return true;
}

static const VvReplier regions = {
	.name = "vvault_regions",
	.source = &vv_feeds,
	.write = write_regions,
};

/*
 * vvault_regions() returns json
 *
 * The enabled regions with names, baselines, videos and latest chart. No
 * errors of its own. Source: vvault.enabled_regions, vvault.category_stats
 * and vvault.charts.
 */
Datum
vvault_regions(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &regions);
}
