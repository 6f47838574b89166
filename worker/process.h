/*-------------------------------------------------------------------------
 *
 * process.h
 *		The process that does a job, as the worker starts it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <jansson.h>
#include <sys/types.h>

#include "channel.h"

extern pid_t process_start(long long job_id, json_t * order, const char *folder, Channel *channel);
extern void process_kill(pid_t pid);

#endif							/* PROCESS_H */
