/*-------------------------------------------------------------------------
 *
 * options.h
 *		What the command line says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

typedef struct Options
{
	const char *conninfo;
	const char *name;			/* what the database calls this worker */
	const char *kinds;			/* as an array of PostgreSQL */
	int			jobs;
	const char *lease;			/* NULL: as the kind says */
	const char *scratch;
	const char *ffmpeg;
	const char *ffprobe;
	long long	memory_bytes;	/* of a child, where the order does not say */
	bool		until_idle;
	bool		network;		/* leave it to the children */
	const char *encrypt_from;	/* a file by hand, in place of all jobs */
	const char *encrypt_to;
} Options;

extern Options options;

extern void read_options(int argc, char **argv);

#endif							/* OPTIONS_H */
