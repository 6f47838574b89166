/*-------------------------------------------------------------------------
 *
 * regions.c
 *		The regions of the site: which codes are valid, what they are called.
 *
 * There is no cache of them in the backend: a probe of two small tables under
 * the caller's snapshot is right in old snapshots and on standbys too.
 *
 *-------------------------------------------------------------------------
 */
#include "site/regions.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "reply/reply.h"

PG_FUNCTION_INFO_V1(vvault_region_valid);
PG_FUNCTION_INFO_V1(vvault_region_name);
PG_FUNCTION_INFO_V1(vvault_require_region);
PG_FUNCTION_INFO_V1(vvault_regions);

static VvQuery name_query = {
	.sql = "SELECT coalesce(o.name, d.name, o.region)"
	VV_FROM_ENABLED_REGION,
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery codes_query = {
	.sql = "SELECT pg_catalog.string_agg(e.region, ', ' ORDER BY e.region)"
	" FROM vvault.effective_regions e WHERE e.enabled",
};

static VvQuery list_query = {
	.sql = "SELECT e.region, e.name, e.velocity_baseline,"
	" e.engagement_baseline,"
	" (SELECT coalesce(pg_catalog.sum(c.videos), 0)::bigint"
	"  FROM vvault.category_stats c"
	"  WHERE c.region OPERATOR(pg_catalog.=) e.region),"
	" (SELECT pg_catalog.max(i.fetched_at) FROM vvault.ingests i"
	"  WHERE i.region OPERATOR(pg_catalog.=) e.region"
	"  AND i.accepted OPERATOR(pg_catalog.>) 0)"
	" FROM vvault.effective_regions e WHERE e.enabled ORDER BY e.region",
};

static const VvJsonColumn list_columns[] = {
	VV_JSON_COLUMN("region", TEXT),
	VV_JSON_COLUMN("region_name", TEXT),
	VV_JSON_COLUMN("velocity_baseline", FLOAT8),
	VV_JSON_COLUMN("engagement_baseline", FLOAT8),
	VV_JSON_COLUMN("videos", INT8),
	VV_JSON_COLUMN("fetched_at", TIMESTAMPTZ),
};

typedef struct TextResult
{
	MemoryContext context;
	char	   *value;
} TextResult;

static bool
keep_text(const Datum *values, const bool *isnull, void *arg)
{
	TextResult *result = (TextResult *) arg;

	if (!isnull[0])
	{
		MemoryContext old = MemoryContextSwitchTo(result->context);

		result->value = TextDatumGetCString(values[0]);
		MemoryContextSwitchTo(old);
	}
	return false;
}

/*
 * The name of an enabled region in the current memory context, or NULL.
 */
char *
vv_region_name(text *region)
{
	TextResult	result = {CurrentMemoryContext, NULL};
	Datum		args[1] = {PointerGetDatum(region)};

	SPI_connect();
	(void) vv_query_run(&name_query, args, 1, keep_text, &result);
	SPI_finish();
	return result.value;
}

/*
 * Raises the error of a region that is not valid; NULL stands for none given.
 */
void
vv_invalid_region(text *region)
{
	TextResult	codes = {CurrentMemoryContext, NULL};
	char	   *given = NULL;

	if (region != NULL)
	{
		char	   *whole = text_to_cstring(region);

		given = pnstrdup(whole, pg_mbcliplen(whole, strlen(whole), 64));
	}

	SPI_connect();
	(void) vv_query_run(&codes_query, NULL, 1, keep_text, &codes);
	SPI_finish();
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 given == NULL ? errmsg("invalid region NULL") :
			 errmsg("invalid region \"%s\"", given),
			 codes.value == NULL ?
			 errhint("No region is enabled in vvault.regions.") :
			 errhint("The regions are %s.", codes.value)));
}

/*
 * vvault_region_valid(region text) returns boolean
 *
 * Whether a text is the code of an enabled region. STRICT; no errors.
 */
Datum
vvault_region_valid(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(vv_region_name(PG_GETARG_TEXT_PP(0)) != NULL);
}

/*
 * vvault_region_name(region text) returns text
 *
 * The name of an enabled region, NULL for other codes. STRICT; no errors.
 */
Datum
vvault_region_name(PG_FUNCTION_ARGS)
{
	char	   *name = vv_region_name(PG_GETARG_TEXT_PP(0));

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * vvault.require_region(region text) returns void
 *
 * Raises 22023 with the valid codes unless the region is enabled; NULL is not.
 */
Datum
vvault_require_region(PG_FUNCTION_ARGS)
{
	text	   *region = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);

	if (region == NULL || vv_region_name(region) == NULL)
		vv_invalid_region(region);
	PG_RETURN_VOID();
}

static bool
write_regions(FunctionCallInfo fcinfo pg_attribute_unused(), VvReply *reply,
			  StringInfo out)
{
	int			n;

	if (vv_reply_is_known(reply, vv_max_age("feed_max_age"), 0, 0))
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
	.write = write_regions,
};

/*
 * vvault_regions() returns json
 *
 * The enabled regions with names, baselines, videos and latest chart.
 */
Datum
vvault_regions(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &regions);
}
