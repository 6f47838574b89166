/*-------------------------------------------------------------------------
 *
 * rows.c
 *		Rows of a source's table, by what its primary key begins with.
 *
 * To start and end the executor costs several times what it costs to find a
 * row, so they are looked for in the index itself. Where the table is not a
 * plain one of this server, or the caller may not read all of it, or has
 * written, they come by SQL: the same rows in the same order.
 *
 *-------------------------------------------------------------------------
 */
#include "reply/rows.h"

#include "access/genam.h"
#include "access/hash.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/index_scan.h"
#include "core/same_version.h"

/* The query of the same rows. */
static VvQuery *
make_query(const VvKeyedRows *rows)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	VvQuery    *query = palloc0(sizeof(VvQuery));
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < rows->ncolumns; i++)
		appendStringInfo(&sql, "%s r.%s", i == 0 ? "SELECT" : ",",
						 rows->columns[i]);
	appendStringInfo(&sql, " FROM %s r",
					 quote_qualified_identifier(rows->source->schema, rows->table));
	for (int i = 0; i < rows->nkeys; i++)
		appendStringInfo(&sql, " %s r.%s OPERATOR(pg_catalog.=) $%d",
						 i == 0 ? "WHERE" : "AND", rows->key[i], i + 1);
	for (int i = 0; rows->key[i] != NULL; i++)
		appendStringInfo(&sql, "%s r.%s", i == 0 ? " ORDER BY" : ",",
						 rows->key[i]);
	query->sql = sql.data;
	query->extension = rows->source->schema;
	query->nargs = rows->nkeys;
	memcpy(query->argtypes, rows->key_types, rows->nkeys * sizeof(Oid));
	query->index_order = true;
	MemoryContextSwitchTo(old);
	return query;
}

/* The rows by SQL. */
static uint64
query_rows(VvKeyedRows *rows, const Datum *keys, VvRowAction action, void *arg)
{
	uint64		nrows;

	if (rows->query == NULL)
		rows->query = make_query(rows);
	SPI_connect();
	nrows = vv_query_run(rows->query, keys, 0, action, arg);
	SPI_finish();
	return nrows;
}

/* Who gets the columns of a row. */
typedef struct ColumnTaker
{
	const VvKeyedRows *rows;
	VvRowAction action;
	void	   *arg;
} ColumnTaker;

/* The columns of a row, picked out of its first ones. */
static bool
take_columns(const Datum *first, const bool *first_isnull, void *arg)
{
	const ColumnTaker *taker = (const ColumnTaker *) arg;
	Datum		values[VV_ROWS_MAX_COLUMNS];
	bool		isnull[VV_ROWS_MAX_COLUMNS];

	for (int i = 0; i < taker->rows->ncolumns; i++)
	{
		AttrNumber	number = taker->rows->numbers[i];

		values[i] = first[number - 1];
		isnull[i] = first_isnull[number - 1];
	}
	return taker->action(values, isnull, taker->arg);
}

/* The same of a row in a slot. */
static bool
take_slot(TupleTableSlot *slot, void *arg)
{
	slot_getsomeattrs(slot, ((const ColumnTaker *) arg)->rows->last);
	return take_columns(slot->tts_values, slot->tts_isnull, arg);
}

/* Are the columns the first of the table, in its order? */
static bool
are_in_front(const VvKeyedRows *rows)
{
	for (int i = 0; i < rows->ncolumns; i++)
	{
		if (rows->numbers[i] != i + 1)
			return false;
	}
	return true;
}

/* Is a column NULL in all rows that lack it? */
static bool
lack_is_null(TupleDesc described, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (TupleDescAttr(described, i)->atthasmissing)
			return false;
	}
	return true;
}

/* Is it a hash index of a column of text, of all rows, for every snapshot? */
static bool
is_hash_of(Relation index, Form_pg_attribute column)
{
	return index->rd_rel->relam == HASH_AM_OID &&
		index->rd_index->indisvalid && !index->rd_index->indcheckxmin &&
		index->rd_index->indkey.values[0] == column->attnum &&
		index->rd_indcollation[0] == column->attcollation &&
		index_getprocid(index, 1, HASHSTANDARD_PROC) == F_HASHTEXT &&
		RelationGetIndexPredicate(index) == NIL;
}

/* A hash index of a column of an open table, or InvalidOid. */
static Oid
find_hash(Relation table, AttrNumber number)
{
	List	   *indexes = RelationGetIndexList(table);
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_hash_of(index, TupleDescAttr(RelationGetDescr(table), number - 1)))
			found = RelationGetRelid(index);
		index_close(index, NoLock);
	}
	list_free(indexes);
	return found;
}

/* Finds columns and index of an open table, where they are not known. */
static void
find_columns(VvKeyedRows *rows, Relation table)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	AttrNumber	last_key = vv_find_columns(RelationGetDescr(table), rows->key,
										   rows->nkeys, rows->key_numbers);

	rows->last = Max(last_key, vv_find_columns(RelationGetDescr(table), rows->columns,
											   rows->ncolumns, rows->numbers));
	rows->hash = rows->any_order ? find_hash(table, rows->key_numbers[0]) : InvalidOid;
	rows->in_front = are_in_front(rows);
	if (rows->front != NULL)
		FreeTupleDesc(rows->front);
	rows->front = NULL;
	if (lack_is_null(RelationGetDescr(table), rows->last))
		rows->front = vv_front_columns(RelationGetDescr(table), rows->last);
	rows->shape = vv_source_shape(rows->source);
	MemoryContextSwitchTo(old);
}

/* Who gets those rows of a hash that have the keys. */
typedef struct RowFilter
{
	const VvKeyedRows *rows;
	const Datum *keys;
	const char *texts[VV_ROWS_MAX_KEYS];	/* of those that are text */
	int			lens[VV_ROWS_MAX_KEYS];
	uint64		nrows;
	VvRowAction action;
	void	   *arg;
} RowFilter;

/* Does a column equal a key, which is given by its number? */
static inline bool
equals_key(const RowFilter *filter, int key, Datum value)
{
	const char *bytes;
	int			len;

	if (filter->rows->key_types[key] == INT4OID)
		return DatumGetInt32(value) == DatumGetInt32(filter->keys[key]);
	bytes = vv_text_bytes(value, &len);
	return len == filter->lens[key] && memcmp(bytes, filter->texts[key], len) == 0;
}

/* A row of the hash, which may be one of other keys. */
static bool
filter_row(const Datum *first, const bool *isnull, void *arg)
{
	RowFilter  *filter = (RowFilter *) arg;
	const VvKeyedRows *rows = filter->rows;

	for (int i = 0; i < rows->nkeys; i++)
	{
		if (!equals_key(filter, i, first[rows->key_numbers[i] - 1]))
			return true;
	}
	filter->nrows++;
	return filter->action(first, isnull, filter->arg);
}

/* The rows by the hash index. */
static uint64
scan_hash(const VvKeyedRows *rows, Relation table, const Datum *keys,
		  VvRowAction action, void *arg)
{
	RowFilter	filter = {.rows = rows, .keys = keys, .action = action, .arg = arg};
	Relation	index = index_open(rows->hash, AccessShareLock);

	for (int i = 0; i < rows->nkeys; i++)
	{
		if (rows->key_types[i] == TEXTOID)
			filter.texts[i] = vv_text_bytes(keys[i], &filter.lens[i]);
	}
	(void) vv_scan_heap(table, index, keys, 1, rows->front, filter_row, &filter);
	index_close(index, NoLock);
	return filter.nrows;
}

/* The rows by the primary key. */
static uint64
scan_key(const VvKeyedRows *rows, Relation table, Oid key, const Datum *keys,
		 VvRowAction action, void *arg)
{
	Relation	index = index_open(key, AccessShareLock);
	uint64		nrows = rows->front == NULL ?
	vv_scan_slots(table, index, keys, rows->nkeys, false,
				  ForwardScanDirection, take_slot, arg) :
	vv_scan_heap(table, index, keys, rows->nkeys, rows->front, action, arg);

	index_close(index, NoLock);
	return nrows;
}

/* The rows by an index; key is that of the primary key. */
static uint64
scan_rows(VvKeyedRows *rows, Relation table, Oid key, const Datum *keys,
		  VvRowAction action, void *arg)
{
	ColumnTaker taker = {.rows = rows, .action = action, .arg = arg};

	if (rows->shape != vv_source_shape(rows->source))
		find_columns(rows, table);
	if (rows->front == NULL || !rows->in_front)
	{
		action = take_columns;
		arg = &taker;
	}
	return rows->front != NULL && OidIsValid(rows->hash) ?
		scan_hash(rows, table, keys, action, arg) :
		scan_key(rows, table, key, keys, action, arg);
}

/*
 * Hands the columns of the rows that the active snapshot sees to the action, in
 * the order of the primary key unless any will do, until it says that it has
 * enough; returns how many it got. Values last as long as the action, whose
 * memory context is anybody's. Errors: 55000 for another version of the extension.
 */
uint64
vv_read_rows(VvKeyedRows *rows, const Datum *keys, VvRowAction action,
			 void *arg)
{
	Oid			key;
	Relation	table;
	uint64		nrows;

	vv_require_same_version(rows->source->schema);
	table = vv_open_plain_rows(rows->source, rows->table, &key);
	if (table == NULL)
		return query_rows(rows, keys, action, arg);
	nrows = scan_rows(rows, table, key, keys, action, arg);
	relation_close(table, NoLock);
	return nrows;
}
