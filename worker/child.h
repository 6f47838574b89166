/*-------------------------------------------------------------------------
 *
 * child.h
 *		Programs that the worker starts: ffmpeg and ffprobe, within limits.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

/* A command line that grows; it ends with NULL. */
typedef struct Arguments
{
	char	  **list;
	int			n;
} Arguments;

typedef struct ChildLimits
{
	double		wall_seconds;
	double		cpu_seconds;
	int64_t		memory_bytes;	/* of address space */
	int64_t		file_bytes;		/* of one file that it writes */
} ChildLimits;

/* Why a child ended. */
typedef enum ChildEnd
{
	CHILD_WELL,					/* status 0 */
	CHILD_FAILED,				/* another status */
	CHILD_CRASHED,				/* by a fault of its own */
	CHILD_TOO_LONG,				/* limit of time or CPU */
	CHILD_TOO_LARGE,			/* limit of a file's size */
	CHILD_TOO_MUCH_SAID,		/* limit of its output */
	CHILD_KILLED				/* by somebody else */
} ChildEnd;

typedef struct Child
{
	Arguments	arguments;
	ChildLimits limits;
	void		(*take_line) (char *line);	/* of its output; else it is kept */
	size_t		most_output;
	size_t		most_errors;
	/* what came of it */
	ChildEnd	end;
	Buffer		output;
	Buffer		errors;			/* the last that it said */
} Child;

extern void add_argument(Arguments *arguments, const char *format,...) PRINTF_LIKE(2, 3);
extern void run_child(Child *child);

#endif							/* CHILD_H */
