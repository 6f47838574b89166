/*-------------------------------------------------------------------------
 *
 * state.c
 *		Which state of the database a caller sees.
 *
 * Every change of what a reply shows gives its scope a new version in the same
 * transaction, so equal versions mean equal replies: in an old snapshot, on a
 * standby and right after a commit alike. A tag is a hash of all versions of a
 * scope, which are random: two states do not meet in it.
 *
 * Where no transaction ended since this backend read a tag, it has not changed
 * (see seen_tags.c). Else a hit of the reply cache costs little more than this
 * probe, so it scans the index itself. Where the table is not a plain one of
 * this server, its rows come through SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/state.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "core/query.h"
#include "reply/scope.h"
#include "reply/seen_tags.h"

/* Of the table of versions */
#define COL_SCOPE		0
#define COL_WRITTEN_BY	1
#define COL_VERSION		2
#define NCOLUMNS		3

typedef struct VersionRows
{
	Oid			scope_type;
	StringInfo	state;
} VersionRows;

/* Bytes and a zero behind them, so that "ab", "c" is not "a", "bc". */
static void
append_bytes(StringInfo state, const char *bytes, int len)
{
	appendBinaryStringInfo(state, bytes, len);
	appendStringInfoChar(state, '\0');
}

/* Who wrote, the scope and the version of one row. */
static void
append_version(const VersionRows *rows, const Datum *values)
{
	text	   *written_by = DatumGetTextPP(values[COL_WRITTEN_BY]);
	VvScopeBytes scope;

	vv_scope_bytes(rows->scope_type, values[COL_SCOPE], &scope);
	append_bytes(rows->state, VARDATA_ANY(written_by),
				 VARSIZE_ANY_EXHDR(written_by));
	append_bytes(rows->state, scope.bytes, scope.len);
	appendBinaryStringInfo(rows->state,
						   (char *) DatumGetUUIDP(values[COL_VERSION])->data,
						   UUID_LEN);
}

/* The function of the index that finds a scope. */
static RegProcedure
equality_of(Oid scope_type)
{
	switch (scope_type)
	{
		case UUIDOID:
			return F_UUID_EQ;
		case INT8OID:
			return F_INT8EQ;
		default:
			return F_TEXTEQ;
	}
}

/*
 * Reads the versions of a scope, or all, in the order of the primary key.
 */
static void
scan_versions(Relation table, Oid index, NullableDatum scope,
			  const VersionRows *rows)
{
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple	tuple;

	if (!scope.isnull)
		ScanKeyInit(&key[0], COL_SCOPE + 1, BTEqualStrategyNumber,
					equality_of(rows->scope_type), scope.value);
	scan = systable_beginscan(table, index, true, GetActiveSnapshot(),
							  scope.isnull ? 0 : 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[NCOLUMNS];
		bool		isnull;

		for (int i = 0; i < NCOLUMNS; i++)
			values[i] = heap_getattr(tuple, i + 1, RelationGetDescr(table),
									 &isnull);
		append_version(rows, values);
	}
	systable_endscan(scan);
}

/*
 * The same by SQL
 */

/* The query of the versions of one scope, or of all. */
static VvQuery *
make_query(const VvSource *source, bool all)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	VvQuery    *query = palloc0(sizeof(VvQuery));
	const char *scope = quote_identifier(source->scope);

	query->sql = psprintf("SELECT v.%s, v.written_by, v.version FROM %s v%s%s%s"
						  " ORDER BY v.%s, v.written_by", scope,
						  quote_qualified_identifier(source->schema,
													 source->tables[0]),
						  all ? "" : " WHERE v.", all ? "" : scope,
						  all ? "" : " OPERATOR(pg_catalog.=) $1", scope);
	query->extension = source->schema;
	query->nargs = all ? 0 : 1;
	query->argtypes[0] = source->scope_type;
	query->index_order = !all;
	MemoryContextSwitchTo(old);
	return query;
}

/* A row of the query joins the state. */
static bool
keep_version(const Datum *values, const bool *isnull pg_attribute_unused(),
			 void *arg)
{
	append_version((VersionRows *) arg, values);
	return true;
}

/* Read the versions by SQL, where no index scan of our own can. */
static void
query_versions(VvSource *source, NullableDatum scope, VersionRows *rows)
{
	VvQuery   **query = scope.isnull ? &source->all_query : &source->scope_query;
	MemoryContext context = CurrentMemoryContext;
	Datum		args[1] = {scope.value};

	if (*query == NULL)
		*query = make_query(source, scope.isnull);
	SPI_connect();
	(void) vv_query_run(*query, args, 0, keep_version, rows);
	SPI_finish();
	MemoryContextSwitchTo(context);
}

/*
 * Reads the versions of a scope, by the index where the table has one of its
 * own.
 */
static void
read_versions(VvSource *source, Relation table, Oid index, NullableDatum scope,
			  VersionRows *rows)
{
	if (OidIsValid(index))
		scan_versions(table, index, scope, rows);
	else
		query_versions(source, scope, rows);
}

/*
 * Reads the tag of a scope, or of all where it is NULL, under the active
 * snapshot. Returns false where it has none: the scope is unknown.
 *
 * Tags read through SPI are never remembered: who answers there may be another
 * server, whose transactions the snapshot does not know.
 */
bool
vv_read_tag(VvSource *source, NullableDatum scope, VvTag *tag)
{
	StringInfoData state;
	VersionRows rows = {source->scope_type, &state};
	Relation	table;
	Oid			index;
	bool		found;

	if (vv_recall_tag(source, scope, tag))
	{
		/* what opening the table would have let in */
		AcceptInvalidationMessages();
		return true;
	}
	table = vv_open_versions(source, &index);
	if (table == NULL)
		return false;
	initStringInfo(&state);
	read_versions(source, table, index, scope, &rows);
	found = state.len > 0;
	if (found && !scope.isnull && source->common_scope != NULL)
	{
		NullableDatum common = {CStringGetTextDatum(source->common_scope), false};

		read_versions(source, table, index, common, &rows);
	}
	relation_close(table, NoLock);
	for (int i = 0; i < (int) lengthof(tag->words); i++)
		tag->words[i] = hash_bytes_extended((unsigned char *) state.data,
											state.len, i);
	pfree(state.data);
	if (found && OidIsValid(index))
		vv_remember_tag(source, scope, tag);
	return found;
}
