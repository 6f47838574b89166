/*-------------------------------------------------------------------------
 *
 * same_version.c
 *		Whether the library and the extension's SQL belong together.
 *
 * They are installed at different times: the library takes effect in the next
 * session, its SQL with ALTER EXTENSION. What the C code knows of tables and
 * of the rows its functions return would be wrong in between.
 *
 *-------------------------------------------------------------------------
 */
#include "core/same_version.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Whether this backend has compared since functions last changed. */
static bool compared = false;

/*
 * Any CREATE EXTENSION and ALTER EXTENSION UPDATE makes functions, here or in
 * another session; nothing tells of pg_extension itself.
 */
static void
functions_changed(Datum arg pg_attribute_unused(),
				  int cacheid pg_attribute_unused(),
				  uint32 hashvalue pg_attribute_unused())
{
	compared = false;
}

/*
 * The version of the extension in this database, or NULL where there is none.
 */
static char *
installed_version(void)
{
	Relation	extensions = table_open(ExtensionRelationId, AccessShareLock);
	char	   *version = NULL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum("vvault"));
	scan = systable_beginscan(extensions, ExtensionNameIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(extensions), &isnull);

		if (!isnull)
			version = TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(extensions, AccessShareLock);
	return version;
}

/*
 * Raises 55000 unless the extension is of this library's version. Costs a
 * look into pg_extension once for each backend and change of functions. Says
 * nothing while an extension's script runs, where the two may differ, nor
 * where there is no extension.
 */
void
vv_require_same_version(void)
{
	static bool listening = false;
	char	   *version;

	if (likely(compared) || creating_extension)
		return;
	if (!listening)
	{
		CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
		listening = true;
	}
	compared = true;			/* unless something changes while we look */
	version = installed_version();
	if (version != NULL && strcmp(version, VVAULT_VERSION) != 0)
	{
		compared = false;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the installed extension vvault is version %s, its library is %s",
						version, VVAULT_VERSION),
				 errhint("Run ALTER EXTENSION vvault UPDATE, or, where that was done, connect anew: a session keeps the library it has loaded.")));
	}
}

/*
 * Raises 55000 for a function that only older versions have: the versions
 * differ, and that is said, but for within an update's script.
 */
void
vv_refuse_gone(void)
{
	vv_require_same_version();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("function of an older version of vvault is called"),
			 errhint("Run ALTER EXTENSION vvault UPDATE.")));
}

PG_FUNCTION_INFO_V1(vvault_library_version);

/*
 * vvault.library_version() returns text
 *
 * The version that this library was built as.
 */
Datum
vvault_library_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_TEXT_P(cstring_to_text(VVAULT_VERSION));
}
