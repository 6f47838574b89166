/*-------------------------------------------------------------------------
 *
 * channel.h
 *		What the worker and a job's process tell each other: JSON, a line each.
 *
 * From the job's process: {"progress": 0.5}, {"fresh": true} (asks for the order
 * anew), {"ask": FUNCTION, "arguments": [...]} (asks the database), {"say": TEXT},
 * and at its end {"done": RESULT} or {"fail": SENTENCE}.
 * To it: {"order": ORDER}, {"answer": JSON} or {"refused": SENTENCE}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

#include "util.h"

typedef struct Channel
{
	int			fd;				/* -1: closed */
	Buffer		in;
	Buffer		out;
} Channel;

extern void channel_say(Channel *channel, json_t * message);
extern bool channel_flush(Channel *channel);
extern bool channel_read(Channel *channel);
extern json_t * channel_next(Channel *channel);
extern void channel_close(Channel *channel);

#endif							/* CHANNEL_H */
