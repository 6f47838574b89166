/*-------------------------------------------------------------------------
 *
 * state.c
 *		Which state of the database a caller sees, and whether a reply made
 *		from it may be shared.
 *
 * Every change of what a feed shows gives it a new version in the same
 * transaction (see derived.sql), so equal versions mean equal replies: in an
 * old snapshot, on a standby and right after a commit alike. A tag is a hash
 * of all versions of a region, which are random: two states do not meet in it.
 *
 * Where no transaction ended since this backend read a tag, it has not changed
 * (see seen_tags.c). Else a hit of the reply cache costs little more than this
 * probe, so it scans the index itself. Where the table is not a plain one of this server, its rows
 * come through SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/state.h"

#include "access/gin.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "core/query.h"
#include "reply/memory.h"
#include "reply/seen_tags.h"

/* Of its columns */
#define COL_REGION		0
#define COL_WRITTEN_BY	1
#define COL_VERSION		2
#define NCOLUMNS		3

#define VERSIONS	0			/* among these: */

/* What replies are made of, two views among them. */
static const char *const tables[] = {
	"feed_versions", "videos", "video_regions", "snapshots", "categories", "ingests",
	"category_stats", "daily_stats", "regions", "region_defaults",
	"settings", "setting_defaults", "video_search", "search_words",
	"effective_regions", "effective_settings"
};

/* What a search calls. */
typedef struct Helper
{
	const char *name;
	int			nargs;
	Oid			argtypes[2];
} Helper;

static const Helper helpers[] = {
	{"fold", 1, {TEXTOID}},
	{"similar_words", 2, {TEXTOID, TEXTARRAYOID}},
};

#define MAX_CALLED	16

/*
 * What was looked up in the system catalogs. It holds until one of them
 * changes that it came from.
 */
typedef struct KnownCatalog
{
	bool		valid;
	Oid			schema;
	Oid			tables[lengthof(tables)];

	/* the helpers, and what they call of other extensions */
	Oid			called[MAX_CALLED];
	int			ncalled;

	/* who wrote their rows in pg_class, and the newest of these */
	TransactionId changed_by[lengthof(tables)];
	TransactionId last_changed_by;

	/* what one user may do; InvalidOid for none known */
	Oid			user;
	VvBypass	problem;
	bool		may_call;		/* all helpers */
} KnownCatalog;

static KnownCatalog known;
static uint64 nforgotten = 0;

static void
forget_known(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			 uint32 hash pg_attribute_unused())
{
	known.valid = false;
	nforgotten++;
}

/* With more than there is room for, none may be called: nothing is shared. */
static void
add_called(Oid function)
{
	if (known.ncalled < (int) lengthof(known.called))
		known.called[known.ncalled++] = function;
	else
		known.called[0] = InvalidOid;
}

/*
 * A helper and the functions and operators that its body depends on: they are
 * called with the caller's rights, as it is.
 */
static void
look_up_helper(const Helper *helper)
{
	oidvector  *argtypes = buildoidvector(helper->argtypes, helper->nargs);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum(helper->name),
										   PointerGetDatum(argtypes),
										   ObjectIdGetDatum(known.schema));
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	add_called(function);
	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(function));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == ProcedureRelationId)
			add_called(form->refobjid);
		else if (form->refclassid == OperatorRelationId)
			add_called(get_opcode(form->refobjid));
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	pfree(argtypes);
}

static void
look_up(void)
{
	static bool registered = false;
	uint64		nforgotten_before;

	if (!registered)
	{
		CacheRegisterSyscacheCallback(RELOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHOID, forget_known, (Datum) 0);
		CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_known, (Datum) 0);
		/* whose owner is a member of pg_database_owner */
		CacheRegisterSyscacheCallback(DATABASEOID, forget_known, (Datum) 0);
		registered = true;
	}
	nforgotten_before = nforgotten;
	known.user = InvalidOid;
	known.schema = get_namespace_oid("vvault", false);
	known.last_changed_by = FrozenTransactionId;
	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		HeapTuple	tuple;

		known.tables[i] = get_relname_relid(tables[i], known.schema);
		known.changed_by[i] = FrozenTransactionId;
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(known.tables[i]));
		if (!HeapTupleIsValid(tuple))
			continue;
		known.changed_by[i] = HeapTupleHeaderGetXmin(tuple->t_data);
		ReleaseSysCache(tuple);
		if (TransactionIdFollows(known.changed_by[i], known.last_changed_by))
			known.last_changed_by = known.changed_by[i];
	}
	known.ncalled = 0;
	for (int i = 0; i < (int) lengthof(helpers); i++)
		look_up_helper(&helpers[i]);
	/* not if a change came in meanwhile */
	known.valid = nforgotten == nforgotten_before;
}

/*
 * Whether a table is another than the active snapshot knows. TRUNCATE and an
 * ALTER TABLE that rewrites leave nothing for older snapshots to see, whatever
 * the versions say.
 */
static bool
tables_are_newer(void)
{
	Snapshot	snapshot = GetActiveSnapshot();

	if (TransactionIdPrecedes(known.last_changed_by, snapshot->xmin))
		return false;
	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		if (TransactionIdIsNormal(known.changed_by[i]) &&
			XidInMVCCSnapshot(known.changed_by[i], snapshot))
			return true;
	}
	return false;
}

/*
 * Opens one of the tables; NULL where it is gone.
 */
static Relation
open_table(int i)
{
	for (int tries = 0; tries < 3; tries++)
	{
		Relation	table;

		if (!known.valid)
			look_up();
		/* taking the lock lets news of other sessions in */
		table = try_relation_open(known.tables[i], AccessShareLock);
		if (table != NULL && known.valid)
			return table;
		if (table != NULL)
			relation_close(table, AccessShareLock);
	}
	return NULL;
}

/*
 * The primary key's index of a table that lies in this server's own storage,
 * all of it; else InvalidOid.
 */
static Oid
plain_index(Relation table)
{
	if (table->rd_rel->relkind != RELKIND_RELATION ||
		table->rd_rel->relhassubclass ||
		table->rd_tableam != GetHeapamTableAmRoutine())
		return InvalidOid;
	if (!table->rd_indexvalid)
		list_free(RelationGetIndexList(table));
	return table->rd_pkindex;
}

static void
append_version(StringInfo state, Datum region, Datum written_by,
			   Datum version)
{
	text	   *names[2] = {DatumGetTextPP(written_by), DatumGetTextPP(region)};

	for (int i = 0; i < 2; i++)
	{
		appendBinaryStringInfo(state, VARDATA_ANY(names[i]),
							   VARSIZE_ANY_EXHDR(names[i]));
		appendStringInfoChar(state, '\0');
	}
	appendBinaryStringInfo(state, (char *) DatumGetUUIDP(version)->data,
						   UUID_LEN);
}

/*
 * Reads the versions of a region, or all, in the order of the primary key.
 */
static void
scan_versions(Relation table, Oid index, text *region, StringInfo state)
{
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (region != NULL)
		ScanKeyInit(&key[0], COL_REGION + 1, BTEqualStrategyNumber, F_TEXTEQ,
					PointerGetDatum(region));
	scan = systable_beginscan(table, index, true, GetActiveSnapshot(),
							  region != NULL ? 1 : 0, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[NCOLUMNS];
		bool		isnull;

		for (int i = 0; i < NCOLUMNS; i++)
			values[i] = heap_getattr(tuple, i + 1, RelationGetDescr(table),
									 &isnull);
		append_version(state, values[COL_REGION], values[COL_WRITTEN_BY],
					   values[COL_VERSION]);
	}
	systable_endscan(scan);
}

/*
 * The same by SQL
 */

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

static bool
keep_version(const Datum *values, const bool *isnull pg_attribute_unused(),
			 void *arg)
{
	append_version((StringInfo) arg, values[COL_REGION],
				   values[COL_WRITTEN_BY], values[COL_VERSION]);
	return true;
}

static void
query_versions(text *region, StringInfo state)
{
	MemoryContext context = CurrentMemoryContext;
	Datum		args[1] = {PointerGetDatum(region)};

	SPI_connect();
	(void) vv_query_run(region == NULL ? &all_query : &region_query, args, 0,
						keep_version, state);
	SPI_finish();
	MemoryContextSwitchTo(context);
}

/*
 * Reads the tag of a region's feed, or of all feeds where region is NULL,
 * under the active snapshot. Returns false where it has none: the region is
 * unknown.
 */
bool
vv_read_tag(text *region, VvTag *tag)
{
	StringInfoData state;
	Relation	table;
	Oid			index;
	bool		scanned;

	if (vv_recall_tag(region, tag))
	{
		/* what opening the table would have let in */
		AcceptInvalidationMessages();
		return true;
	}
	table = open_table(VERSIONS);
	if (table == NULL)
		return false;
	initStringInfo(&state);
	index = plain_index(table);
	if (OidIsValid(index))
		scan_versions(table, index, region, &state);
	relation_close(table, NoLock);
	scanned = state.len > 0;
	if (!scanned)
		query_versions(region, &state);
	for (int i = 0; i < (int) lengthof(tag->words); i++)
		tag->words[i] = hash_bytes_extended((unsigned char *) state.data,
											state.len, i);
	pfree(state.data);
	if (scanned)
		vv_remember_tag(region, tag);
	return state.len > 0;
}

static bool
may_call_helpers(void)
{
	for (int i = 0; i < known.ncalled; i++)
	{
		if (!OidIsValid(known.called[i]) ||
			!vv_may_execute(known.called[i], GetUserId()))
			return false;
	}
	return true;
}

/*
 * Whether a user may not read all rows of all tables that replies are made
 * of, by privileges or by row-level security. Where even a table's owner is
 * under it, so are the views over the table.
 */
static VvBypass
find_problem(void)
{
	if (!vv_may_use_schema(known.schema, GetUserId()))
		return VV_BYPASS_PRIVILEGE;
	for (int i = 0; i < (int) lengthof(tables); i++)
	{
		Oid			table = known.tables[i];
		HeapTuple	tuple;
		bool		forced;

		if (!OidIsValid(table))
			return VV_BYPASS_VERSION;
		if (pg_class_aclcheck(table, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			return VV_BYPASS_PRIVILEGE;
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
		if (!HeapTupleIsValid(tuple))
			return VV_BYPASS_VERSION;
		forced = ((Form_pg_class) GETSTRUCT(tuple))->relforcerowsecurity;
		ReleaseSysCache(tuple);
		if (forced || check_enable_rls(table, InvalidOid, true) == RLS_ENABLED)
			return VV_BYPASS_ROW_SECURITY;
	}
	return VV_BYPASS_NONE;
}

/*
 * Why a reply that this caller would compute now is not what everybody with
 * the same tag would; VV_BYPASS_NONE where it is. To be called after
 * vv_read_tag().
 *
 * A transaction that may have written sees rows whose version is not changed
 * yet. A search under gin_fuzzy_search_limit finds what it happens to find, and
 * without indexes versions come in no order. To be asked again after
 * computing: waiting for a lock on the way lets changes in.
 */
VvBypass
vv_sharing_problem(void)
{
	Oid			user = GetUserId();

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return VV_BYPASS_WRITE;
	if (GinFuzzySearchLimit != 0 || IgnoreSystemIndexes)
		return VV_BYPASS_SETTING;
	if (!known.valid)
		look_up();
	if (tables_are_newer())
		return VV_BYPASS_VERSION;
	if (known.user != user)
	{
		VvBypass	problem = find_problem();

		known.may_call = may_call_helpers();
		known.user = user;
		known.problem = problem;
	}
	return known.problem;
}

/*
 * The same of a reply for which helpers are called.
 */
VvBypass
vv_calling_problem(void)
{
	VvBypass	problem = vv_sharing_problem();

	if (problem == VV_BYPASS_NONE && !known.may_call)
		return VV_BYPASS_PRIVILEGE;
	return problem;
}

/*
 * Opens a table and the index of its primary key, which the current user may
 * read all rows of. NULL where it is not a plain one, or he may not, or may
 * have written: it is then to be read by SQL.
 */
Relation
vv_open_plain_table(const char *name, Relation *index)
{
	int			i = 0;
	Relation	table;
	Oid			index_oid;

	while (strcmp(tables[i], name) != 0)
		i++;
	table = open_table(i);
	if (table == NULL)
		return NULL;
	index_oid = plain_index(table);
	if (vv_sharing_problem() != VV_BYPASS_NONE || !OidIsValid(index_oid))
	{
		relation_close(table, NoLock);
		return NULL;
	}
	*index = index_open(index_oid, AccessShareLock);
	return table;
}
