/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings of the site: the owner's choice, else what is shipped.
 *
 *-------------------------------------------------------------------------
 */
#include "site/settings.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "core/query.h"

static VvQuery setting_query = {
	.sql = "SELECT " VV_SETTING_SQL("$1"),
	.nargs = 1,
	.argtypes = {TEXTOID},
};

/*
 * The value of a setting, in the caller's memory context. It is an error that
 * there is none: who asks knows which settings are shipped.
 */
char *
vv_setting(const char *name)
{
	Datum		args[1] = {CStringGetTextDatum(name)};
	char	   *value = vv_query_text(&setting_query, args);

	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("setting \"%s\" of vvault is missing", name),
				 errhint("Restore the shipped rows of vvault.setting_defaults.")));
	return value;
}

/*
 * The same of a setting that is a whole number.
 */
int
vv_setting_int(const char *name)
{
	return pg_strtoint32(vv_setting(name));
}
