/*-------------------------------------------------------------------------
 *
 * rows.h
 *		Rows of a source's table, by what its primary key begins with.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_ROWS_H
#define VVAULT_ROWS_H

#include "core/compat.h"

#include "core/query.h"
#include "reply/source.h"

#define VV_ROWS_MAX_KEYS	3
#define VV_ROWS_MAX_COLUMNS	32

/*
 * Which rows: those whose first nkeys columns of the primary key equal what is
 * given. In static memory.
 */
typedef struct VvKeyedRows
{
	VvSource   *source;
	const char *table;			/* one of the source's */
	int			nkeys;
	Oid			key_types[VV_ROWS_MAX_KEYS];	/* text or integer */
	const char *key[VV_ROWS_MAX_KEYS + 1];	/* all its columns; NULL ends them */
	int			ncolumns;
	const char *columns[VV_ROWS_MAX_COLUMNS];	/* that the action gets */

	/* what this backend has looked up */
	AttrNumber	numbers[VV_ROWS_MAX_COLUMNS];
	VvQuery    *query;
} VvKeyedRows;

extern uint64 vv_read_rows(VvKeyedRows *rows, const Datum *keys,
						   VvRowAction action, void *arg);

#endif							/* VVAULT_ROWS_H */
