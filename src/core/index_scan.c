/*-------------------------------------------------------------------------
 *
 * index_scan.c
 *		Rows of an index, without a plan.
 *
 * To start and end the executor costs ten times what it costs to find a row
 * by its key. What looks for a row or two in each of thousands of calls a
 * second asks the index itself. That skips the rights of the current user and
 * row-level security: it is for an extension's own tables alone, in functions
 * that run with their owner's rights.
 *
 *-------------------------------------------------------------------------
 */
#include "core/index_scan.h"

#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/same_version.h"

/*
 * From here on what this transaction did, and others committed, is seen, as by
 * a new statement of a client.
 */
void
vv_begin_fresh_snapshot(void)
{
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * Ends vv_begin_fresh_snapshot().
 */
void
vv_end_fresh_snapshot(void)
{
	PopActiveSnapshot();
}

/* What a scan begins with, by names that are looked up each time. */
static Oid
relation_of(const VvIndexScan *what, const char *name)
{
	Oid			oid = get_relname_relid(name, get_namespace_oid(what->schema, false));

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", what->schema, name),
				 errhint("It belongs to the extension: drop the extension and create it again.")));
	return oid;
}

/* The function by which a key of that type is found. */
static RegProcedure
equality_of(Oid type)
{
	switch (type)
	{
		case TEXTOID:
			return F_TEXTEQ;
		case CHAROID:
			return F_CHAREQ;
		case INT2OID:
			return F_INT2EQ;
		case INT8OID:
			return F_INT8EQ;
		default:
			elog(ERROR, "no key of an index is of type %u", type);
	}
}

/* The keys of the scan, in the order of the index's columns. */
static void
make_keys(const VvIndexScan *what, Relation index, const Datum *keys, ScanKey made)
{
	for (int i = 0; i < what->nkeys; i++)
		ScanKeyEntryInitialize(&made[i], 0, i + 1, BTEqualStrategyNumber,
							   InvalidOid, index->rd_indcollation[i],
							   equality_of(index->rd_opcintype[i]), keys[i]);
}

/* The numbers of the columns that are read. */
static void
find_columns(const VvIndexScan *what, Relation table, AttrNumber *columns)
{
	for (int i = 0; i < what->ncolumns; i++)
	{
		columns[i] = get_attnum(RelationGetRelid(table), what->columns[i]);
		if (columns[i] == InvalidAttrNumber)
			elog(ERROR, "table \"%s\" has no column \"%s\"", what->table,
				 what->columns[i]);
	}
}

/*
 * Hands the rows that the active snapshot sees to the action, until it says
 * that it has enough; returns how many it got. Values last as long as the
 * action.
 */
uint64
vv_index_scan(const VvIndexScan *what, const Datum *keys, VvRowAction action,
			  void *arg)
{
	Relation	table;
	Relation	index;
	TupleTableSlot *slot;
	AttrNumber	columns[VV_INDEX_SCAN_MAX_COLUMNS];
	ScanKeyData made[VV_INDEX_SCAN_MAX_KEYS];
	IndexScanDesc scan;
	uint64		nrows = 0;
	bool		more = true;

	vv_require_same_version(what->schema);
	table = table_open(relation_of(what, what->table), AccessShareLock);
	index = index_open(relation_of(what, what->index), AccessShareLock);
	slot = table_slot_create(table, NULL);
	find_columns(what, table, columns);
	make_keys(what, index, keys, made);
	scan = vv_index_beginscan(table, index, GetActiveSnapshot(), what->nkeys);
	index_rescan(scan, made, what->nkeys, NULL, 0);
	while (more && index_getnext_slot(scan, what->direction, slot))
	{
		Datum		values[VV_INDEX_SCAN_MAX_COLUMNS];
		bool		isnull[VV_INDEX_SCAN_MAX_COLUMNS];

		for (int i = 0; i < what->ncolumns; i++)
			values[i] = slot_getattr(slot, columns[i], &isnull[i]);
		nrows++;
		more = action(values, isnull, arg);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, NoLock);
	table_close(table, NoLock);
	return nrows;
}
