/*-------------------------------------------------------------------------
 *
 * index_scan.h
 *		Rows of an index, without a plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_INDEX_SCAN_H
#define VVAULT_INDEX_SCAN_H

#include "core/compat.h"

#include "access/sdir.h"
#include "executor/tuptable.h"

#include "core/query.h"

#define VV_INDEX_SCAN_MAX_KEYS		5
#define VV_INDEX_SCAN_MAX_COLUMNS	8

/*
 * Which rows: those of a table of an extension's own whose first nkeys columns
 * of a b-tree index equal the keys, in the order of the index or backward. A
 * key is text, "char", int2, int4 or int8, as its column is.
 */
typedef struct VvIndexScan
{
	const char *schema;			/* named as its extension is */
	const char *table;
	const char *index;
	int			nkeys;
	ScanDirection direction;
	int			ncolumns;
	const char *columns[VV_INDEX_SCAN_MAX_COLUMNS]; /* that the action gets */
} VvIndexScan;

/* Called for each row; false ends the scan. */
typedef bool (*VvSlotAction) (TupleTableSlot *slot, void *arg);

extern void vv_begin_fresh_snapshot(void);
extern void vv_end_fresh_snapshot(void);
extern Oid	vv_own_relation(const char *schema, const char *name);
extern AttrNumber vv_find_columns(TupleDesc described, const char *const *names,
								  int n, AttrNumber *numbers);
extern uint64 vv_scan_slots(Relation table, Relation index, const Datum *keys,
							int nkeys, bool last_is_least,
							ScanDirection direction, VvSlotAction action,
							void *arg);
extern TupleDesc vv_front_columns(TupleDesc described, int n);
extern uint64 vv_scan_heap(Relation table, Relation index, const Datum *keys,
						   int nkeys, TupleDesc front, VvRowAction action,
						   void *arg);
extern uint64 vv_index_scan(const VvIndexScan *what, const Datum *keys,
							VvRowAction action, void *arg);

#endif							/* VVAULT_INDEX_SCAN_H */
