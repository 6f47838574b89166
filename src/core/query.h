/*-------------------------------------------------------------------------
 *
 * query.h
 *		SQL that C code runs again and again: planned once per backend.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_QUERY_H
#define VVAULT_QUERY_H

#include "core/compat.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"

#include "core/json_writer.h"

#define VV_QUERY_MAX_ARGS	12

/*
 * A statement over qualified names. It reads with the snapshot of the caller
 * and the rights of the session's user. Zeroed at start; lives as long as the
 * backend, since PostgreSQL replans it when what it reads changes.
 */
typedef struct VvQuery
{
	const char *sql;
	const char *extension;		/* whose tables it knows; NULL: vvault's */
	int			nargs;
	Oid			argtypes[VV_QUERY_MAX_ARGS];

	/*
	 * Set where the plan must be an index scan in the index's order, whatever
	 * the statistics say of a table that has just been made or filled.
	 */
	bool		index_order;

	/*
	 * Set where the plan must find rows by an index, also in joins, and sort
	 * them at the end.
	 */
	bool		index_probes;

	SPIPlanPtr	plan;
	bool		planned;
} VvQuery;

/* The columns of one row, copied. */
#define VV_ROW_MAX	12

typedef struct VvRow
{
	Datum		values[VV_ROW_MAX];
	bool		isnull[VV_ROW_MAX];
} VvRow;

/* Called for each row; false ends the query. */
typedef bool (*VvRowAction) (const Datum *values, const bool *isnull, void *arg);

extern uint64 vv_query_run(VvQuery *query, const Datum *args, uint64 limit,
						   VvRowAction action, void *arg);
extern uint64 vv_query_write(VvQuery *query, const Datum *args,
							 const bool *isnull, VvRowAction action, void *arg);
extern void vv_query_call(VvQuery *query, const Datum *args,
						  const bool *isnull, VvRowAction action, void *arg);
extern Oid	vv_function_owner(Oid function);
extern bool vv_query_row(VvQuery *query, const Datum *args, VvRow *row);
extern char *vv_query_text(VvQuery *query, const Datum *args);
extern bool vv_append_text(const Datum *values, const bool *isnull, void *arg);
extern bool vv_any_row(const Datum *values, const bool *isnull, void *arg);
extern Portal vv_query_open(VvQuery *query, const Datum *args);
extern int	vv_query_json_array(VvQuery *query, const Datum *args,
								StringInfo out, const VvJsonColumn *columns,
								int ncolumns);

#endif							/* VVAULT_QUERY_H */
