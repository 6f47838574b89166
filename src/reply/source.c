/*-------------------------------------------------------------------------
 *
 * source.c
 *		What replies are made of, and whether a caller may share in them.
 *
 * A reply is everybody's who may read all rows of all tables that it is made
 * of. What a source's tables are and what a user may do with them is looked up
 * in the system catalogs once, and again after any change there.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/source.h"

#include "access/gin.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(vvault_source_objects);

#define MAX_SOURCES	8
#define MAX_CALLED	16

#define VERSIONS	0			/* among the tables */

/*
 * What was looked up in the system catalogs. It holds until one of them
 * changes that it came from.
 */
typedef struct VvKnownSource
{
	bool		valid;
	Oid			schema;
	int			ntables;
	Oid		   *tables;

	/* the helpers, and what they call of other extensions */
	Oid			called[MAX_CALLED];
	int			ncalled;

	uint64		shape;			/* how often it was looked up */

	/* who wrote the tables' rows in pg_class, and the newest of these */
	TransactionId *changed_by;
	TransactionId last_changed_by;

	bool		distributed;	/* another server has rows of a table */

	/* what one user may do; InvalidOid for none known */
	Oid			user;
	VvBypass	problem;
	bool		may_call;		/* all helpers */
} VvKnownSource;

static VvSource *sources[MAX_SOURCES];
static int	nsources = 0;
static uint64 nforgotten = 0;

/*
 * Registers a source; every backend does so in the same order, since keys of
 * replies tell sources by their number.
 */
void
vv_register_source(VvSource *source)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	VvKnownSource *known = palloc0(sizeof(VvKnownSource));

	if (nsources == MAX_SOURCES)
		elog(ERROR, "too many sources of replies");
	while (source->tables[known->ntables] != NULL)
		known->ntables++;
	known->tables = palloc0(known->ntables * sizeof(Oid));
	known->changed_by = palloc0(known->ntables * sizeof(TransactionId));
	source->known = known;
	sources[nsources++] = source;
	source->number = nsources;
	MemoryContextSwitchTo(old);
}

/*
 * The source of a number; NULL where this backend has none.
 */
VvSource *
vv_source_numbered(int number)
{
	return number >= 1 && number <= nsources ? sources[number - 1] : NULL;
}

/*
 * The source whose tables are in a schema, or NULL.
 */
VvSource *
vv_source_of(const char *schema)
{
	for (int i = 0; i < nsources; i++)
	{
		if (strcmp(sources[i]->schema, schema) == 0)
			return sources[i];
	}
	return NULL;
}

/* Something in the catalog changed: look everything up again. */
static void
forget_known(Datum arg pg_attribute_unused(), int cache pg_attribute_unused(),
			 uint32 hash pg_attribute_unused())
{
	for (int i = 0; i < nsources; i++)
		sources[i]->known->valid = false;
	nforgotten++;
}

/*
 * The same of a relation. A table that gets a second child keeps its row in
 * pg_class, and what Citus lists has none: only this tells of them.
 */
static void
forget_relation(Datum arg, Oid relation pg_attribute_unused())
{
	forget_known(arg, RELOID, 0);
}

/* Ask once in a session to be told of changes to what a source knows. */
static void
listen_for_changes(void)
{
	static bool registered = false;

	if (registered)
		return;
	CacheRegisterSyscacheCallback(RELOID, forget_known, (Datum) 0);
	CacheRegisterRelcacheCallback(forget_relation, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, forget_known, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, forget_known, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, forget_known, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, forget_known, (Datum) 0);
	/* whose owner is a member of pg_database_owner */
	CacheRegisterSyscacheCallback(DATABASEOID, forget_known, (Datum) 0);
	registered = true;
}

/* With more than there is room for, none may be called: nothing is shared. */
static void
add_called(VvKnownSource *known, Oid function)
{
	if (known->ncalled < (int) lengthof(known->called))
		known->called[known->ncalled++] = function;
	else
		known->called[0] = InvalidOid;
}

/*
 * A helper and the functions and operators that its body depends on: they are
 * called with the caller's rights, as it is.
 */
static void
look_up_helper(VvKnownSource *known, const VvHelper *helper)
{
	oidvector  *argtypes = buildoidvector(helper->argtypes, helper->nargs);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum(helper->name),
										   PointerGetDatum(argtypes),
										   ObjectIdGetDatum(known->schema));
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData key[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	add_called(known, function);
	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(ProcedureRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(function));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend form = (Form_pg_depend) GETSTRUCT(tuple);

		if (form->refclassid == ProcedureRelationId)
			add_called(known, form->refobjid);
		else if (form->refclassid == OperatorRelationId)
			add_called(known, get_opcode(form->refobjid));
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	pfree(argtypes);
}

/*
 * Whether Citus spreads a table over its nodes: it lists such tables beside
 * the system catalogs.
 */
static bool
is_spread(Oid table)
{
	Oid			list = get_relname_relid("pg_dist_partition",
										 PG_CATALOG_NAMESPACE);
	Relation	relation = OidIsValid(list) ?
	try_relation_open(list, AccessShareLock) : NULL;
	ScanKeyData key[1];
	SysScanDesc scan;
	bool		found;

	if (relation == NULL)
		return false;
	ScanKeyInit(&key[0], 1, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(table));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	relation_close(relation, AccessShareLock);
	return found;
}

/*
 * Whether another server has rows of a table or of a child of it. A version
 * vouches only for what commits with it in one transaction of one server.
 */
static bool
is_distributed(Oid table)
{
	List	   *family;
	ListCell   *cell;

	if (is_spread(table))
		return true;
	if (!has_subclass(table))
		return get_rel_relkind(table) == RELKIND_FOREIGN_TABLE;
	family = find_all_inheritors(table, NoLock, NULL);
	foreach(cell, family)
	{
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	list_free(family);
	return false;
}

/*
 * A table's oid, and the transaction that last changed its row in the
 * catalog.
 */
static void
look_up_table(VvKnownSource *known, int i, const char *name)
{
	HeapTuple	tuple;

	known->tables[i] = get_relname_relid(name, known->schema);
	known->changed_by[i] = FrozenTransactionId;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(known->tables[i]));
	if (!HeapTupleIsValid(tuple))
		return;
	known->changed_by[i] = HeapTupleHeaderGetXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	if (TransactionIdFollows(known->changed_by[i], known->last_changed_by))
		known->last_changed_by = known->changed_by[i];
	if (is_distributed(known->tables[i]))
		known->distributed = true;
}

/*
 * Everything the catalog says of a source, to be known until the catalog
 * changes.
 */
static void
look_up(VvSource *source)
{
	VvKnownSource *known = source->known;
	uint64		nforgotten_before;

	listen_for_changes();
	nforgotten_before = nforgotten;
	known->user = InvalidOid;
	known->schema = get_namespace_oid(source->schema, false);
	known->last_changed_by = FrozenTransactionId;
	known->distributed = false;
	for (int i = 0; i < known->ntables; i++)
		look_up_table(known, i, source->tables[i]);
	known->shape++;
	known->ncalled = 0;
	for (const VvHelper *helper = source->helpers;
		 helper != NULL && helper->name != NULL; helper++)
		look_up_helper(known, helper);
	/* not if a change came in meanwhile */
	known->valid = nforgotten == nforgotten_before;
}

/*
 * Whether a table is another than the active snapshot knows. TRUNCATE and an
 * ALTER TABLE that rewrites leave nothing for older snapshots to see, whatever
 * the versions say.
 */
static bool
tables_are_newer(const VvKnownSource *known)
{
	Snapshot	snapshot = GetActiveSnapshot();

	if (TransactionIdPrecedes(known->last_changed_by, snapshot->xmin))
		return false;
	for (int i = 0; i < known->ntables; i++)
	{
		if (TransactionIdIsNormal(known->changed_by[i]) &&
			XidInMVCCSnapshot(known->changed_by[i], snapshot))
			return true;
	}
	return false;
}

/*
 * Opens one of the tables; NULL where it is gone.
 */
static Relation
open_table(VvSource *source, int i)
{
	VvKnownSource *known = source->known;

	for (int tries = 0; tries < 3; tries++)
	{
		Relation	table;

		if (!known->valid)
			look_up(source);
		/* taking the lock lets news of other sessions in */
		table = try_relation_open(known->tables[i], AccessShareLock);
		if (table != NULL && known->valid)
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

/*
 * Opens the table of versions; NULL where it is gone. *index is that of its
 * primary key, or InvalidOid where it is to be read by SQL.
 */
Relation
vv_open_versions(VvSource *source, Oid *index)
{
	Relation	table = open_table(source, VERSIONS);

	if (table != NULL)
		*index = plain_index(table);
	return table;
}

/* May the current user execute every helper? */
static bool
may_call_helpers(const VvKnownSource *known)
{
	for (int i = 0; i < known->ncalled; i++)
	{
		if (!OidIsValid(known->called[i]) ||
			!vv_may_execute(known->called[i], GetUserId()))
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
find_problem(const VvKnownSource *known)
{
	if (!vv_may_use_schema(known->schema, GetUserId()))
		return VV_BYPASS_PRIVILEGE;
	for (int i = 0; i < known->ntables; i++)
	{
		Oid			table = known->tables[i];
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
	return known->distributed ? VV_BYPASS_DISTRIBUTED : VV_BYPASS_NONE;
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
vv_sharing_problem(VvSource *source)
{
	VvKnownSource *known = source->known;
	Oid			user = GetUserId();

	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return VV_BYPASS_WRITE;
	if (GinFuzzySearchLimit != 0 || IgnoreSystemIndexes)
		return VV_BYPASS_SETTING;
	if (!known->valid)
		look_up(source);
	if (tables_are_newer(known))
		return VV_BYPASS_VERSION;
	if (known->user != user)
	{
		VvBypass	problem = find_problem(known);

		known->may_call = may_call_helpers(known);
		known->user = user;
		known->problem = problem;
	}
	return known->problem;
}

/*
 * The same of a reply for which helpers are called.
 */
VvBypass
vv_calling_problem(VvSource *source)
{
	VvBypass	problem = vv_sharing_problem(source);

	if (problem == VV_BYPASS_NONE && !source->known->may_call)
		return VV_BYPASS_PRIVILEGE;
	return problem;
}

/*
 * Opens a table, which the current user may read all rows of, and says which is
 * the index of its primary key. NULL where it is not a plain one, or he may not,
 * or may have written: it is then to be read by SQL.
 */
Relation
vv_open_plain_rows(VvSource *source, const char *name, Oid *index)
{
	int			i = 0;
	Relation	table;

	while (strcmp(source->tables[i], name) != 0)
		i++;
	table = open_table(source, i);
	if (table == NULL)
		return NULL;
	*index = plain_index(table);
	if (vv_sharing_problem(source) != VV_BYPASS_NONE || !OidIsValid(*index))
	{
		relation_close(table, NoLock);
		return NULL;
	}
	return table;
}

/*
 * The same with the index of the primary key open.
 */
Relation
vv_open_plain_table(VvSource *source, const char *name, Relation *index)
{
	Oid			oid;
	Relation	table = vv_open_plain_rows(source, name, &oid);

	if (table != NULL)
		*index = index_open(oid, AccessShareLock);
	return table;
}

/*
 * A number above 0 that is another one when a table of a source, of which one is
 * open, may have other columns than before.
 */
uint64
vv_source_shape(const VvSource *source)
{
	return source->known->shape;
}

/* A row of vvault.source_objects. */
static void
put_object(ReturnSetInfo *rsinfo, const char *kind, const char *object)
{
	Datum		values[2] = {CStringGetTextDatum(kind), CStringGetTextDatum(object)};
	bool		nulls[2] = {false, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* A helper's name with the types of its arguments, as GRANT takes it. */
static char *
helper_signature(const VvSource *source, const VvHelper *helper)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "%s(", quote_qualified_identifier(source->schema,
															 helper->name));
	for (int i = 0; i < helper->nargs; i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "",
						 format_type_be(helper->argtypes[i]));
	appendStringInfoChar(&out, ')');
	return out.data;
}

/*
 * vvault.source_objects(schema name) returns table (kind text, object text)
 *
 * What replies are made of whose tables are in a schema: kind is relation or
 * function, object its name as SQL. No row for a schema without a source.
 * STRICT; no errors.
 */
Datum
vvault_source_objects(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	VvSource   *source = vv_source_of(NameStr(*PG_GETARG_NAME(0)));

	InitMaterializedSRF(fcinfo, 0);
	if (source == NULL)
		return (Datum) 0;
	for (int i = 0; i < source->known->ntables; i++)
		put_object(rsinfo, "relation",
				   quote_qualified_identifier(source->schema, source->tables[i]));
	for (const VvHelper *helper = source->helpers;
		 helper != NULL && helper->name != NULL; helper++)
		put_object(rsinfo, "function", helper_signature(source, helper));
	return (Datum) 0;
}
