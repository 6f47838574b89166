/*-------------------------------------------------------------------------
 *
 * own_table.h
 *		Rows of an extension's own table, written without a plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_OWN_TABLE_H
#define VVAULT_OWN_TABLE_H

#include "core/compat.h"

#include "access/sdir.h"
#include "executor/tuptable.h"
#include "nodes/nodes.h"
#include "utils/rel.h"

#include "core/index_scan.h"

/* At most, so that a set of columns fits into a word */
#define VV_OWN_TABLE_MAX_COLUMNS	63
#define VV_OWN_TABLE_MAX_INDEXES	16

typedef struct VvColumn
{
	const char *name;
	Oid			type;
} VvColumn;

/*
 * A table as the extension's script makes it, in static memory. Column n of the
 * table is columns[n - 1].
 */
typedef struct VvOwnTable
{
	const char *schema;			/* named as its extension is */
	const char *name;
	int			ncolumns;
	const VvColumn *columns;
	struct VvKnownTable *known; /* what this backend has looked up */
} VvOwnTable;

/* A set of columns, by their numbers in the table. */
#define VV_COLUMN(attno)	((uint64) 1 << (attno))

/* Which rows of a table: as VvIndexScan says. */
typedef struct VvOwnScan
{
	const char *index;
	int			nkeys;
	bool		last_is_least;	/* the last column is its key or more */
	ScanDirection direction;
} VvOwnScan;

extern Relation vv_open_own_table(VvOwnTable *own, CmdType command);
extern uint64 vv_scan_own_table(VvOwnTable *own, Relation table,
								const VvOwnScan *what, const Datum *keys,
								VvSlotAction action, void *arg);
extern bool vv_lock_own_row(Relation table, ItemPointer tid,
							TupleTableSlot *locked);
extern bool vv_may_write_own_row(VvOwnTable *own, Relation table,
								 CmdType command, TupleTableSlot *old,
								 const Datum *values, const bool *isnull);
extern void vv_insert_own_row(VvOwnTable *own, Relation table,
							  const Datum *values, const bool *isnull);
extern void vv_update_own_row(VvOwnTable *own, Relation table,
							  ItemPointer tid, const Datum *values,
							  const bool *isnull, uint64 changed);
extern bool vv_delete_own_row(Relation table, ItemPointer tid);

#endif							/* VVAULT_OWN_TABLE_H */
