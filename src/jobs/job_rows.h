/*-------------------------------------------------------------------------
 *
 * job_rows.h
 *		The tables jobs and finished_jobs, as C writes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_JOB_ROWS_H
#define VVAULT_JOB_ROWS_H

#include "core/compat.h"

#include "fmgr.h"

#include "core/own_table.h"

/* The columns of jobs, by their numbers: see tables.sql. */
enum
{
	JOB_ID = 1, JOB_TURN, JOB_CREATED_AT, JOB_COST, JOB_NEEDS_LEFT,
	JOB_PRIORITY, JOB_ATTEMPT, JOB_MAX_ATTEMPTS, JOB_LOST, JOB_DONE_FAILURES,
	JOB_STATE, JOB_CANCELLED, JOB_KIND, JOB_OWNER_ID, JOB_ARGS,
	JOB_STARTED_AT, JOB_LEASE_UNTIL, JOB_PROGRESS_AT, JOB_LEASE_SECONDS,
	JOB_LEASE, JOB_WORKER, JOB_VIDEO_ID, JOB_RUN_AT, JOB_PROGRESS, JOB_KEY,
	JOB_NEEDS, JOB_ERROR, JOB_RESULT,
	JOB_NCOLUMNS = JOB_RESULT
};

/* A row of jobs; column n is element n - 1. */
typedef struct VvJobRow
{
	Datum		values[JOB_NCOLUMNS];
	bool		isnull[JOB_NCOLUMNS];
} VvJobRow;

#define FINISHED_NCOLUMNS	17
#define FINISHED_PRIORITY	FINISHED_NCOLUMNS	/* NULL for 0 */

/* A row of finished_jobs. */
typedef struct VvFinishedRow
{
	Datum		values[FINISHED_NCOLUMNS];
	bool		isnull[FINISHED_NCOLUMNS];
} VvFinishedRow;

/* The value of a column that is not NULL. */
#define VV_GET(row, column) ((row)->values[(column) - 1])

/* Sets a column of a row to a value that is not NULL. */
#define VV_SET(row, column, value) \
	((row)->values[(column) - 1] = (value), (row)->isnull[(column) - 1] = false)

/* Sets a column of a row to NULL. */
#define VV_SET_NULL(row, column) ((row)->isnull[(column) - 1] = true)

extern VvOwnTable vv_jobs;
extern VvOwnTable vv_finished_jobs;

extern void vv_make_finished_job(TupleTableSlot *job, const NullableDatum *result,
								 VvFinishedRow *row);
extern bool vv_job_is(TupleTableSlot *job, char state);

/* Functions of SQL that one of them calls */
extern PGDLLEXPORT Datum vvault_complete(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum vvault_dequeue(PG_FUNCTION_ARGS);

#endif							/* VVAULT_JOB_ROWS_H */
