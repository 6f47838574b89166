/*-------------------------------------------------------------------------
 *
 * jobs.h
 *		The jobs that this worker has: what they are at, and what the database is
 *		to be told of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JOBS_H
#define JOBS_H

#include <poll.h>
#include <stdbool.h>

#include "database.h"

extern void jobs_init(void);
extern int	jobs_busy(void);
extern void jobs_prepare_poll(struct pollfd *fds, double *wake_at);
extern void jobs_work(const struct pollfd *fds);
extern void jobs_reap(void);
extern void jobs_speak(Connection *connection, bool may_take);
extern void jobs_hear(Connection *connection, Outcome outcome);
extern void jobs_give_back(void);
extern void jobs_drop(void);
extern void jobs_look(void);
extern bool jobs_looking(void);
extern bool jobs_found_none(void);

#endif							/* JOBS_H */
