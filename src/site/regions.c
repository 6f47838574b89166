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

#include "core/query.h"

PG_FUNCTION_INFO_V1(vvault_region_valid);
PG_FUNCTION_INFO_V1(vvault_region_name);
PG_FUNCTION_INFO_V1(vvault_require_region);

static VvQuery name_query = {
	.sql = "SELECT e.name"
	VV_FROM_ENABLED_REGION,
	.nargs = 1,
	.argtypes = {TEXTOID},
};

static VvQuery codes_query = {
	.sql = "SELECT pg_catalog.string_agg(e.region, ', ' ORDER BY e.region)"
	" FROM vvault.enabled_regions e",
};

/*
 * The name of an enabled region in the current memory context, or NULL.
 */
char *
vv_region_name(text *region)
{
	Datum		args[1] = {PointerGetDatum(region)};

	return vv_query_text(&name_query, args);
}

/*
 * Raises the error of a region that is not valid; NULL stands for none given.
 */
void
vv_invalid_region(text *region)
{
	char	   *codes = vv_query_text(&codes_query, NULL);
	char	   *given = NULL;

	if (region != NULL)
	{
		char	   *whole = text_to_cstring(region);

		given = pnstrdup(whole, pg_mbcliplen(whole, strlen(whole), 64));
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 given == NULL ? errmsg("region must not be null") :
			 errmsg("invalid region \"%s\"", given),
			 codes == NULL ?
			 errhint("No region is enabled in vvault.regions.") :
			 errhint("The regions are %s.", codes)));
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
