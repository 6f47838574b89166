/*-------------------------------------------------------------------------
 *
 * task.h
 *		A job in the process that does it.
 *
 * Each job has a process of its own. It has no connection to the database: it
 * asks the worker that started it. However it ends, that one sweeps up.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TASK_H
#define TASK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "util.h"

/* Where in an order a place to read or to write is named. */
typedef enum PlaceKind
{
	PLACE_SOURCE,				/* source */
	PLACE_PART,					/* parts[n] */
	PLACE_TARGET,				/* target */
	PLACE_OUTPUT,				/* outputs[n].place */
	PLACE_OBJECT,				/* objects[n].place */
	PLACE_DELETE,				/* delete[n] */
	PLACE_URL					/* urls[n] */
} PlaceKind;

typedef struct Place
{
	PlaceKind	kind;
	int			n;
} Place;

/* What the job has used. */
typedef struct Usage
{
	double		begun;
	double		child_cpu_seconds;
	int64_t		peak_memory_bytes;	/* of its largest process */
	int64_t		bytes_read;
	int64_t		bytes_written;
} Usage;

extern Usage usage;

/* From task.c: a process's beginning and end, and what it tells. */
extern void task_run(long long job_id, json_t * order, int channel_fd, const char *folder)
			__attribute__((noreturn));
extern void task_done(json_t * result) __attribute__((noreturn));
extern void task_source_fault(const char *format,...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
extern void task_machine_fault(const char *format,...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
extern void task_fault_until(double retry_seconds, const char *format,...) PRINTF_LIKE(2, 3) __attribute__((noreturn));
extern void task_progress(double from, double to, double fraction);
extern void task_refresh(double older_than);
extern json_t * task_ask(const char *function, json_t * arguments);
extern double cpu_seconds(const struct rusage *used);
extern const char *task_folder(void);
extern json_t * task_order(void);
extern json_t * task_place(Place place);
extern double order_number(const char *name, double otherwise);
extern double order_limit(const char *name, double otherwise);

/* The ways to do one, by the order's "do". */
extern void do_probe(void) __attribute__((noreturn));
extern void do_encode(void) __attribute__((noreturn));
extern void do_join(void) __attribute__((noreturn));
extern void do_put(void) __attribute__((noreturn));
extern void do_delete(void) __attribute__((noreturn));
extern void do_deliver(void) __attribute__((noreturn));

/* From probe.c: the source in the job's folder, what reads it, and its digest. */
typedef struct Source
{
	char	   *path;
	int64_t		size;
	char		sha256[65];
	const char *demuxer;
} Source;

extern void fetch_source(Source *source, double progress_to);

#endif							/* TASK_H */
