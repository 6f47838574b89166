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
#include "access/relation.h"
#include "executor/spi.h"
#include "utils/builtins.h"
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
	AttrNumber	last;
	VvRowAction action;
	void	   *arg;
} ColumnTaker;

/* A row of the scan. */
static bool
take_columns(TupleTableSlot *slot, void *arg)
{
	const ColumnTaker *taker = (const ColumnTaker *) arg;
	Datum		values[VV_ROWS_MAX_COLUMNS];
	bool		isnull[VV_ROWS_MAX_COLUMNS];

	slot_getsomeattrs(slot, taker->last);
	for (int i = 0; i < taker->rows->ncolumns; i++)
	{
		AttrNumber	number = taker->rows->numbers[i];

		values[i] = slot->tts_values[number - 1];
		isnull[i] = slot->tts_isnull[number - 1];
	}
	return taker->action(values, isnull, taker->arg);
}

/* The rows by the index of the primary key. */
static uint64
scan_rows(VvKeyedRows *rows, Relation table, Relation index, const Datum *keys,
		  VvRowAction action, void *arg)
{
	ColumnTaker taker = {.rows = rows, .action = action, .arg = arg};

	taker.last = vv_find_columns(RelationGetDescr(table), rows->columns,
								 rows->ncolumns, rows->numbers);
	return vv_scan_slots(table, index, keys, rows->nkeys, false,
						 ForwardScanDirection, take_columns, &taker);
}

/*
 * Hands the columns of the rows that the active snapshot sees to the action, in
 * the order of the primary key, until it says that it has enough; returns how
 * many it got. Values last as long as the action, whose memory context is
 * anybody's. Errors: 55000 for another version of the extension.
 */
uint64
vv_read_rows(VvKeyedRows *rows, const Datum *keys, VvRowAction action,
			 void *arg)
{
	Relation	index;
	Relation	table;
	uint64		nrows;

	vv_require_same_version(rows->source->schema);
	table = vv_open_plain_table(rows->source, rows->table, &index);
	if (table == NULL)
		return query_rows(rows, keys, action, arg);
	nrows = scan_rows(rows, table, index, keys, action, arg);
	index_close(index, NoLock);
	relation_close(table, NoLock);
	return nrows;
}
