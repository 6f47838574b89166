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

#include "access/tupdesc.h"

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
	bool		any_order;		/* they need not come in that of the key: a
								 * hash index of its first column may be used */

	/* what this backend has looked up */
	uint64		shape;			/* of the source, when it did; 0: never */
	AttrNumber	numbers[VV_ROWS_MAX_COLUMNS];
	AttrNumber	key_numbers[VV_ROWS_MAX_KEYS];
	AttrNumber	last;			/* the highest of all of these */
	Oid			hash;			/* such an index, or InvalidOid */
	bool		in_front;		/* they are the first of the table */
	TupleDesc	front;			/* all up to the highest; NULL where rows that
								 * lack one have a value for it all the same */
	VvQuery    *query;
} VvKeyedRows;

/*
 * The bytes of a text, in place where it is stored as short ones are.
 */
static inline const char *
vv_text_bytes(Datum value, int *len)
{
	const text *stored = (const text *) DatumGetPointer(value);

	if (VARATT_IS_SHORT(stored) && !VARATT_IS_EXTERNAL(stored))
	{
		*len = VARSIZE_SHORT(stored) - VARHDRSZ_SHORT;
		return VARDATA_SHORT(stored);
	}
	stored = DatumGetTextPP(value);
	*len = VARSIZE_ANY_EXHDR(stored);
	return VARDATA_ANY(stored);
}

extern uint64 vv_read_rows(VvKeyedRows *rows, const Datum *keys,
						   VvRowAction action, void *arg);

#endif							/* VVAULT_ROWS_H */
