/*-------------------------------------------------------------------------
 *
 * stream_settings.c
 *		The settings of vvault_stream, for C.
 *
 *-------------------------------------------------------------------------
 */
#include "site/stream_settings.h"

#include "utils/builtins.h"

#include "core/index_scan.h"

static const VvIndexScan chosen = {
	.schema = "vvault_stream",
	.table = "settings",
	.index = "settings_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 1,
	.columns = {"value"},
};

static const VvIndexScan shipped = {
	.schema = "vvault_stream",
	.table = "setting_defaults",
	.index = "setting_defaults_pkey",
	.nkeys = 1,
	.direction = ForwardScanDirection,
	.ncolumns = 1,
	.columns = {"value"},
};

/* The one column of the one row. */
static bool
take_text(const Datum *values, const bool *isnull pg_attribute_unused(), void *arg)
{
	*(char **) arg = TextDatumGetCString(values[0]);
	return false;
}

/*
 * The value of a setting that is in force. It is an error that there is none:
 * who asks knows which settings are shipped. It skips rights: for functions that
 * run with their owner's.
 */
char *
vv_stream_setting(const char *name)
{
	Datum		key[1] = {CStringGetTextDatum(name)};
	char	   *value = NULL;

	if (vv_index_scan(&chosen, key, take_text, &value) == 0 &&
		vv_index_scan(&shipped, key, take_text, &value) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("setting \"%s\" of vvault_stream is missing", name),
				 errhint("Restore the shipped rows of vvault_stream.setting_defaults.")));
	return value;
}
