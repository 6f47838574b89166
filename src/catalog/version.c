/*-------------------------------------------------------------------------
 *
 * version.c
 *		What a reply depends on, as bytes: the versions of feeds under the
 *		caller's snapshot, the function and its arguments.
 *
 * Every change of what a feed shows gives it a new version in the same
 * transaction (see derived.sql), so equal bytes mean equal replies: in an old
 * snapshot, on a standby and right after a commit alike.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/version.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/uuid.h"

#include "core/http_reply.h"
#include "core/query.h"

#define VERSIONS_SQL \
	"SELECT f.region, f.written_by, f.version FROM vvault.feed_versions f"

static VvQuery region_query = {
	.sql = VERSIONS_SQL " WHERE f.region OPERATOR(pg_catalog.=) $1"
	" ORDER BY f.written_by",
	.nargs = 1,
	.argtypes = {TEXTOID},
	.index_order = true,
};

static VvQuery all_query = {
	.sql = VERSIONS_SQL " ORDER BY f.region, f.written_by",
};

static VvQuery max_age_query = {
	.sql = "SELECT e.value::integer FROM vvault.effective_settings e"
	" WHERE e.name OPERATOR(pg_catalog.=) $1",
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static bool
append_version(const Datum *values, const bool *isnull, void *arg)
{
	StringInfo	identity = (StringInfo) arg;

	(void) isnull;
	appendStringInfo(identity, "%s>%s:", TextDatumGetCString(values[1]),
					 TextDatumGetCString(values[0]));
	appendBinaryStringInfo(identity,
						   (char *) DatumGetUUIDP(values[2])->data, UUID_LEN);
	return true;
}

/*
 * Appends the versions that the feed of a region is made of, or of all feeds
 * where region is NULL. The caller is connected to SPI.
 */
static void
append_versions(StringInfo identity, text *region)
{
	Datum		args[1] = {PointerGetDatum(region)};

	(void) vv_query_run(region == NULL ? &all_query : &region_query, args, 0,
						append_version, identity);
}

static bool
keep_seconds(const Datum *values, const bool *isnull, void *arg)
{
	if (!isnull[0])
		*(int *) arg = DatumGetInt32(values[0]);
	return false;
}

/*
 * Whether this role sees only some rows of a table that replies are made of.
 */
static bool
rows_are_filtered(void)
{
	static const char *const tables[] = {
		"videos", "video_regions", "snapshots", "categories", "ingests",
		"category_stats", "daily_stats", "regions", "region_defaults",
		"settings", "setting_defaults", "feed_versions", "video_search",
		"search_words"
	};
	Oid			schema = get_namespace_oid("vvault", false);

	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		Oid			table = get_relname_relid(tables[i], schema);

		if (OidIsValid(table) &&
			check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
			return true;
	}
	return false;
}

/*
 * Tells PostgREST, which made this call, of the reply that a function gives
 * for its arguments on a region's feed (NULL: on all of them); the setting
 * says for how long it may be kept. Under row-level security a reply is one
 * role's own, and nobody is to keep it. Returns true where the client has it
 * already and nothing needs to be made. The caller is connected to SPI.
 */
bool
vv_reply_known(const char *function, text *region, const char *arguments,
			   const char *max_age_setting)
{
	Datum		args[1] = {CStringGetTextDatum(max_age_setting)};
	int			max_age = 0;
	StringInfoData identity;

	(void) vv_query_run(&max_age_query, args, 1, keep_seconds, &max_age);
	initStringInfo(&identity);
	appendStringInfo(&identity, "%s %s(%s) ", VVAULT_VERSION, function,
					 arguments);
	append_versions(&identity, region);
	return vv_http_not_modified(&identity,
								rows_are_filtered() ? 0 : max_age);
}
