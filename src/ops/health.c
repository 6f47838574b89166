/*-------------------------------------------------------------------------
 *
 * health.c
 *		How the site stands, as JSON.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "http/headers.h"
#include "reply/memory.h"
#include "reply/store.h"

PG_FUNCTION_INFO_V1(vvault_health);

static VvQuery regions_query = {
	.sql = "SELECT e.region, coalesce(c.videos, 0)::bigint, i.fetched_at,"
	" CASE WHEN i.fetched_at IS NOT NULL THEN GREATEST(0,"
	"  pg_catalog.date_part('epoch',"
	"   $1 OPERATOR(pg_catalog.-) i.fetched_at)::bigint) END,"
	" pg_catalog.date_part('epoch',"
	"  i.newest OPERATOR(pg_catalog.-) $1)::bigint"
	" FROM vvault.enabled_regions e"
	" LEFT JOIN LATERAL (SELECT pg_catalog.sum(s.videos) AS videos"
	"  FROM vvault.category_stats s"
	"  WHERE s.region OPERATOR(pg_catalog.=) e.region) c ON true"
	" LEFT JOIN LATERAL (SELECT pg_catalog.max(n.fetched_at) AS newest,"
	"  pg_catalog.max(n.fetched_at) FILTER (WHERE n.whole) AS fetched_at"
	"  FROM vvault.charts n"
	"  WHERE n.region OPERATOR(pg_catalog.=) e.region) i ON true"
	" ORDER BY e.region",
	.nargs = 1,
	.argtypes = {TIMESTAMPTZOID},
};

static const VvJsonColumn region_columns[] = {
	VV_JSON_COLUMN("region", TEXT),
	VV_JSON_COLUMN("videos", INT8),
	VV_JSON_COLUMN("charted_at", TIMESTAMPTZ),
	VV_JSON_COLUMN("age_seconds", INT8),
};

/* Behind them: by how many seconds the newest chart is ahead of the clock. */
#define COL_AHEAD	lengthof(region_columns)

typedef struct HealthRegions
{
	StringInfoData json;
	StringInfoData warnings;
	int64		videos;
} HealthRegions;

/* One more member of the array of warnings, which begins empty. */
static void
add_warning(StringInfo warnings, const char *region, const char *text)
{
	appendStringInfoChar(warnings, warnings->len > 0 ? ',' : '[');
	appendStringInfoChar(warnings, '{');
	vv_json_key(warnings, "region");
	vv_json_text(warnings, region, strlen(region));
	vv_json_key(warnings, "warning");
	vv_json_text(warnings, text, strlen(text));
	appendStringInfoChar(warnings, '}');
}

/*
 * A row as an object, and a warning if its chart is dated ahead of the clock.
 */
static bool
add_region(const Datum *values, const bool *isnull, void *arg)
{
	HealthRegions *regions = (HealthRegions *) arg;

	appendStringInfoString(&regions->json,
						   regions->json.len > 0 ? ",{" : "{");
	vv_json_row(&regions->json, region_columns, lengthof(region_columns),
				values, isnull);
	appendStringInfoChar(&regions->json, '}');
	if (!isnull[COL_AHEAD] && DatumGetInt64(values[COL_AHEAD]) > 0)
		add_warning(&regions->warnings, TextDatumGetCString(values[0]),
					psprintf("Its newest chart is dated " INT64_FORMAT " seconds"
							 " ahead of the server's clock.",
							 DatumGetInt64(values[COL_AHEAD])));
	regions->videos += DatumGetInt64(values[1]);
	return true;
}

/*
 * The reply cache of the server, all its databases together; null where there
 * is none.
 */
static void
append_cache(StringInfo out)
{
	VvStoreTotals totals;
	const struct
	{
		const char *key;
		const int64 *value;
	}			counters[] = {
		{"size", &totals.size}, {"used", &totals.used},
		{"replies", &totals.entries}, {"hits", &totals.hits},
		{"misses", &totals.misses}, {"waits", &totals.waits},
		{"published", &totals.published}, {"evicted", &totals.evicted},
	};

	vv_json_key(out, "cache");
	if (!vv_reply_memory_ready())
	{
		appendStringInfoString(out, "null");
		return;
	}
	vv_store_totals(&totals);
	appendStringInfoChar(out, '{');
	for (int i = 0; i < (int) lengthof(counters); i++)
	{
		vv_json_key(out, counters[i].key);
		vv_json_int(out, *counters[i].value);
	}
	vv_json_key(out, "bypasses");
	appendStringInfoChar(out, '{');
	for (int i = 0; i < VV_BYPASSES; i++)
	{
		vv_json_key(out, vv_bypass_name(i));
		vv_json_int(out, totals.bypasses[i]);
	}
	appendStringInfoString(out, "}}");
}

/*
 * vvault_health() returns json
 *
 * How the site stands. No errors of its own. Source: vvault.category_stats,
 * vvault.charts and shared memory.
 */
Datum
vvault_health(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	HealthRegions regions = {0};
	StringInfoData out;
	Datum		args[1];

	(void) fcinfo;
	initStringInfo(&out);
	initStringInfo(&regions.json);
	initStringInfo(&regions.warnings);
	args[0] = TimestampTzGetDatum(now);
	SPI_connect();
	(void) vv_query_run(&regions_query, args, 0, add_region, &regions);
	SPI_finish();

	appendStringInfo(&out, "{\"status\":\"%s\",\"version\":\"%s\",\"server_version\":",
					 regions.videos > 0 ? "ok" : "empty", VVAULT_VERSION);
	vv_json_text(&out, PG_VERSION, strlen(PG_VERSION));
	vv_json_key(&out, "time");
	vv_json_timestamptz(&out, now);
	vv_json_key(&out, "standby");
	appendStringInfoString(&out, RecoveryInProgress() ? "true" : "false");
	vv_json_key(&out, "videos");
	vv_json_int(&out, regions.videos);
	vv_json_key(&out, "regions");
	appendStringInfo(&out, "[%s]", regions.json.data);
	vv_json_key(&out, "warnings");
	appendStringInfo(&out, "%s]", regions.warnings.len > 0 ?
					 regions.warnings.data : "[");
	append_cache(&out);
	appendStringInfoChar(&out, '}');
	vv_http_of_now();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
