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

#include "access/heapam.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
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

/*
 * A relation of an extension's own, by names that are looked up each time.
 * 42P01 where it is not there.
 */
Oid
vv_own_relation(const char *schema, const char *name)
{
	Oid			oid = get_relname_relid(name, get_namespace_oid(schema, false));

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s.%s\" does not exist", schema, name),
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
		case INT4OID:
			return F_INT4EQ;
		case INT8OID:
			return F_INT8EQ;
		default:
			elog(ERROR, "no key of an index is of type %u", type);
	}
}

/* The keys of the scan, in the order of the index's columns. */
static void
make_keys(Relation index, const Datum *keys, int nkeys, ScanKey made)
{
	StrategyNumber equal = index->rd_rel->relam == HASH_AM_OID ?
	HTEqualStrategyNumber : BTEqualStrategyNumber;

	for (int i = 0; i < nkeys; i++)
		ScanKeyEntryInitialize(&made[i], 0, i + 1, equal,
							   InvalidOid, index->rd_indcollation[i],
							   equality_of(index->rd_opcintype[i]), keys[i]);
}

/* Is it the column of that name? */
static bool
is_named(Form_pg_attribute column, const char *name)
{
	return !column->attisdropped && strcmp(NameStr(column->attname), name) == 0;
}

/* The number of the column of that name. */
static AttrNumber
number_of(TupleDesc described, const char *name)
{
	for (int i = 0; i < described->natts; i++)
	{
		if (is_named(TupleDescAttr(described, i), name))
			return i + 1;
	}
	elog(ERROR, "a table has no column \"%s\"", name);
}

/*
 * The numbers of columns, out of their names; returns the highest. What is
 * there already is taken where it is right, so that looking again costs little.
 */
AttrNumber
vv_find_columns(TupleDesc described, const char *const *names, int n,
				AttrNumber *numbers)
{
	AttrNumber	highest = 0;

	for (int i = 0; i < n; i++)
	{
		AttrNumber	number = numbers[i];

		if (number < 1 || number > described->natts ||
			!is_named(TupleDescAttr(described, number - 1), names[i]))
			number = number_of(described, names[i]);
		numbers[i] = number;
		highest = Max(highest, number);
	}
	return highest;
}

/*
 * Hands the rows of an open table that the active snapshot sees to the action,
 * in the order of an index or backward, those whose first nkeys columns of the
 * index equal the keys, until it says that it has enough; returns how many it
 * got. Where last_is_least is set, the last one, an int8, is that key or more.
 */
uint64
vv_scan_slots(Relation table, Relation index, const Datum *keys, int nkeys,
			  bool last_is_least, ScanDirection direction,
			  VvSlotAction action, void *arg)
{
	ScanKeyData made[VV_INDEX_SCAN_MAX_KEYS];
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan;
	uint64		nrows = 0;
	bool		more = true;

	make_keys(index, keys, nkeys, made);
	if (last_is_least)
		ScanKeyEntryInitialize(&made[nkeys - 1], 0, nkeys, BTGreaterEqualStrategyNumber,
							   InvalidOid, InvalidOid, F_INT8GE, keys[nkeys - 1]);
	scan = vv_index_beginscan(table, index, GetActiveSnapshot(), nkeys);
	index_rescan(scan, made, nkeys, NULL, 0);
	while (more && index_getnext_slot(scan, direction, slot))
	{
		nrows++;
		more = action(slot, arg);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return nrows;
}

/* ---------- rows of a heap, page by page ---------- */

/*
 * The first n columns of a table, in the current memory context.
 */
TupleDesc
vv_front_columns(TupleDesc described, int n)
{
	TupleDesc	front = CreateTemplateTupleDesc(n);

	for (int i = 1; i <= n; i++)
		TupleDescCopyEntry(front, i, described, i);
	vv_tuple_desc_complete(front);
	return front;
}

/* Entries of an index that are looked for in the table together */
#define MAX_ENTRIES		64

/* The next entries of a scan; fewer than there is room for at its end. */
static int
next_entries(IndexScanDesc scan, ItemPointerData * entries)
{
	int			n = 0;
	ItemPointer entry;

	while (n < MAX_ENTRIES &&
		   (entry = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
		entries[n++] = *entry;
	return n;
}

/*
 * The rows of entries that are of one page, in a buffer that is pinned; returns
 * how many of them the snapshot sees.
 */
static int
rows_of_page(Relation table, Buffer buffer, Snapshot snapshot,
			 const ItemPointerData * entries, int n, HeapTupleData *rows)
{
	int			nrows = 0;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	for (int i = 0; i < n; i++)
	{
		ItemPointerData place = entries[i];

		if (heap_hot_search_buffer(&place, table, buffer, snapshot,
								   &rows[nrows], NULL, true))
			nrows++;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	for (int i = 0; i < nrows; i++)
		pgstat_count_heap_fetch(table);
	return nrows;
}

/* How many entries, one at least, are of the page of the first one. */
static int
count_of_page(const ItemPointerData * entries, int n)
{
	BlockNumber page = ItemPointerGetBlockNumber(&entries[0]);
	int			i = 1;

	while (i < n && ItemPointerGetBlockNumber(&entries[i]) == page)
		i++;
	return i;
}

/* Who gets the rows of vv_scan_heap(). */
typedef struct FrontTaker
{
	TupleDesc	front;
	VvRowAction action;
	void	   *arg;
	uint64		nrows;
} FrontTaker;

/* Hands on the rows of entries of one page; false where it was enough. */
static bool
take_page(Relation table, const ItemPointerData * entries, int n,
		  FrontTaker *taker)
{
	Datum		values[MaxHeapAttributeNumber];
	bool		isnull[MaxHeapAttributeNumber];
	HeapTupleData rows[MAX_ENTRIES];
	Buffer		buffer = ReadBuffer(table, ItemPointerGetBlockNumber(&entries[0]));
	int			nrows = rows_of_page(table, buffer, GetActiveSnapshot(),
									 entries, n, rows);
	bool		more = true;

	for (int i = 0; i < nrows && more; i++)
	{
		heap_deform_tuple(&rows[i], taker->front, values, isnull);
		taker->nrows++;
		more = taker->action(values, isnull, taker->arg);
	}
	ReleaseBuffer(buffer);
	return more;
}

/*
 * The same as vv_scan_slots() of a table that is a heap, in the order of the
 * index: the action gets the first columns, those of front. Rows of one page,
 * which those of one key mostly are, are looked for under one lock. Of a row that
 * was there before one of these columns it is NULL. Where it is a hash index, the
 * action also gets rows that do not equal the key.
 */
uint64
vv_scan_heap(Relation table, Relation index, const Datum *keys, int nkeys,
			 TupleDesc front, VvRowAction action, void *arg)
{
	FrontTaker	taker = {.front = front, .action = action, .arg = arg};
	ScanKeyData made[VV_INDEX_SCAN_MAX_KEYS];
	ItemPointerData entries[MAX_ENTRIES];
	IndexScanDesc scan;
	bool		more = true;
	int			n;

	make_keys(index, keys, nkeys, made);
	scan = vv_index_beginscan(table, index, GetActiveSnapshot(), nkeys);
	index_rescan(scan, made, nkeys, NULL, 0);
	do
	{
		n = next_entries(scan, entries);
		for (int at = 0; at < n && more;)
		{
			int			together = count_of_page(&entries[at], n - at);

			more = take_page(table, &entries[at], together, &taker);
			at += together;
		}
	} while (more && n == MAX_ENTRIES);
	index_endscan(scan);
	return taker.nrows;
}

/* ---------- scans that are known ---------- */

/*
 * What was looked up of a scan, which is in static memory, until something about
 * its table or its index changes.
 */
typedef struct KnownScan
{
	const VvIndexScan *what;	/* NULL: none */
	Oid			table;
	Oid			index;
	AttrNumber	columns[VV_INDEX_SCAN_MAX_COLUMNS];
} KnownScan;

#define MAX_KNOWN	64

static KnownScan known_scans[MAX_KNOWN];
static uint64 nchanges = 0;

/* Something about a relation changed, about all where it is InvalidOid. */
static void
relation_changed(Datum arg pg_attribute_unused(), Oid relation)
{
	nchanges++;
	for (int i = 0; i < MAX_KNOWN; i++)
	{
		KnownScan  *known = &known_scans[i];

		if (relation == InvalidOid || relation == known->table ||
			relation == known->index)
			known->what = NULL;
	}
}

/* The place for what is known of a scan, and maybe has of another one. */
static KnownScan *
place_of(const VvIndexScan *what)
{
	static bool listening = false;

	if (!listening)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	listening = true;
	return &known_scans[(uintptr_t) what / sizeof(VvIndexScan) % MAX_KNOWN];
}

/* What is known of a scan, and is looked up where it is not. */
static KnownScan
known_of(const VvIndexScan *what)
{
	KnownScan  *place = place_of(what);
	KnownScan	found = {.what = what};
	uint64		before = nchanges;

	if (place->what == what)
		return *place;
	found.table = vv_own_relation(what->schema, what->table);
	found.index = vv_own_relation(what->schema, what->index);
	if (nchanges == before)
		*place = found;
	return found;
}

/* The numbers of the columns that are read of an open table. */
static void
find_columns(KnownScan *known, Relation table)
{
	const VvIndexScan *what = known->what;
	KnownScan  *place = place_of(what);

	(void) vv_find_columns(RelationGetDescr(table), what->columns, what->ncolumns,
						   known->columns);
	if (place->what == what)
		memcpy(place->columns, known->columns, sizeof(known->columns));
}

/* Who gets the columns of the rows, and which columns. */
typedef struct ColumnTaker
{
	int			ncolumns;
	const AttrNumber *columns;
	VvRowAction action;
	void	   *arg;
} ColumnTaker;

/* A row of the scan. */
static bool
take_columns(TupleTableSlot *slot, void *arg)
{
	const ColumnTaker *taker = (const ColumnTaker *) arg;
	Datum		values[VV_INDEX_SCAN_MAX_COLUMNS];
	bool		isnull[VV_INDEX_SCAN_MAX_COLUMNS];

	for (int i = 0; i < taker->ncolumns; i++)
		values[i] = slot_getattr(slot, taker->columns[i], &isnull[i]);
	return taker->action(values, isnull, taker->arg);
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
	KnownScan	known;
	ColumnTaker taker = {.ncolumns = what->ncolumns, .columns = known.columns,
	.action = action, .arg = arg};
	Relation	table;
	Relation	index;
	uint64		nrows;

	vv_require_same_version(what->schema);
	known = known_of(what);
	table = table_open(known.table, AccessShareLock);
	index = index_open(known.index, AccessShareLock);
	find_columns(&known, table);
	nrows = vv_scan_slots(table, index, keys, what->nkeys, false,
						  what->direction, take_columns, &taker);
	index_close(index, NoLock);
	table_close(table, NoLock);
	return nrows;
}
