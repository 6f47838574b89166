/*-------------------------------------------------------------------------
 *
 * same_version.c
 *		Whether the library and the extensions' SQL belong together.
 *
 * They are installed at different times: the library takes effect in the next
 * session, the SQL of each extension with its ALTER EXTENSION. What the C code
 * knows of tables and of the rows its functions return would be wrong in
 * between.
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

/*
 * The extensions of this library, each after the one that it stands on, and
 * whether this backend has compared since functions last changed.
 */
static struct
{
	const char *name;
	bool		compared;
}			extensions[] = {
	{"vvault", false},
	{"vvault_stream", false}
};

/*
 * Any CREATE EXTENSION and ALTER EXTENSION UPDATE makes functions, here or in
 * another session; nothing tells of pg_extension itself.
 */
static void
functions_changed(Datum arg pg_attribute_unused(),
				  int cacheid pg_attribute_unused(),
				  uint32 hashvalue pg_attribute_unused())
{
	for (int i = 0; i < (int) lengthof(extensions); i++)
		extensions[i].compared = false;
}

/*
 * Calls an action with an extension's row, if it is in this database.
 */
static void
with_extension(const char *name, void (*action) (HeapTuple, TupleDesc, void *),
			   void *arg)
{
	Relation	table = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber,
				F_NAMEEQ, CStringGetDatum(name));
	scan = systable_beginscan(table, ExtensionNameIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		action(tuple, RelationGetDescr(table), arg);
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/* The extension's version. */
static void
take_version(HeapTuple tuple, TupleDesc columns, void *arg)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
									 columns, &isnull);

	if (!isnull)
		*(char **) arg = TextDatumGetCString(value);
}

/* The extension's owner. */
static void
take_owner(HeapTuple tuple, TupleDesc columns, void *arg)
{
	(void) columns;
	*(Oid *) arg = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
}

/*
 * The version of an extension in this database, or NULL where it is not.
 */
static char *
installed_version(const char *name)
{
	char	   *version = NULL;

	with_extension(name, take_version, &version);
	return version;
}

/*
 * The owner of an extension in this database, or InvalidOid where it is not.
 */
Oid
vv_extension_owner(const char *extension)
{
	Oid			owner = InvalidOid;

	with_extension(extension, take_owner, &owner);
	return owner;
}

/*
 * Ask once in a session to be told when a function changes, as an update of
 * the extension does.
 */
static void
listen_for_changes(void)
{
	static bool listening = false;

	if (listening)
		return;
	CacheRegisterSyscacheCallback(PROCOID, functions_changed, (Datum) 0);
	listening = true;
}

/*
 * Error if extension i is installed and of another version than this library.
 */
static void
compare(int i)
{
	char	   *version;

	extensions[i].compared = true;	/* unless something changes while we look */
	version = installed_version(extensions[i].name);
	if (version == NULL || strcmp(version, VVAULT_VERSION) == 0)
		return;
	extensions[i].compared = false;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("extension %s is version %s, but its library is version %s",
					extensions[i].name, version, VVAULT_VERSION),
			 errhint("Run ALTER EXTENSION %s UPDATE, or, where that was done, connect anew: a session keeps the library it has loaded.",
					 extensions[i].name)));
}

/*
 * Raises 55000 unless an extension, NULL for vvault, is of this library's
 * version, and so are those that it stands on. Costs a look into pg_extension
 * once for each backend and change of functions. Says nothing while an
 * extension's script runs, where the two may differ, nor where there is no
 * extension.
 */
void
vv_require_same_version(const char *extension)
{
	int			last = 0;

	for (int i = 1; extension != NULL && i < (int) lengthof(extensions); i++)
	{
		if (strcmp(extensions[i].name, extension) == 0)
			last = i;
	}
	if (likely(extensions[last].compared && extensions[0].compared) ||
		creating_extension)
		return;
	listen_for_changes();
	for (int i = 0; i <= last; i++)
		compare(i);
}

/*
 * Raises 55000 for a function that only older versions have: the versions
 * differ, and that is said, but for within an update's script.
 */
void
vv_refuse_gone(void)
{
	vv_require_same_version("vvault_stream");
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
