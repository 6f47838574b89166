/*-------------------------------------------------------------------------
 *
 * process.c
 *		The process that does a job, as the worker starts it.
 *
 * It is the head of a session of its own, in which the programs run that it
 * starts: one signal ends them all, and none from a terminal reaches them. The
 * kernel ends it with the worker, and them with it.
 *
 *-------------------------------------------------------------------------
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task.h"

#define CHANNEL_FD	3

/* In the new process: lets go of all that is the worker's. */
static void
become_task(pid_t worker, int *channel_fd)
{
	sigset_t	none;
	int			null = open("/dev/null", O_RDWR);

	setsid();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != worker)
		_exit(1);
	if (null >= 0)
	{
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (dup2(*channel_fd, CHANNEL_FD) < 0)
		_exit(1);
	*channel_fd = CHANNEL_FD;
	fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
	close_range(CHANNEL_FD + 1, ~0U, 0);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);	/* the worker decides */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Starts one; 0 if that cannot be. The channel's other end is the process's, the
 * order stays the caller's.
 */
pid_t
process_start(long long job_id, json_t * order, const char *folder, Channel *channel)
{
	int			ends[2];
	pid_t		worker = getpid();
	pid_t		pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
	{
		log_line(LOG_ERROR_LEVEL, "no socket to be had: %s", strerror(errno));
		return 0;
	}
	pid = fork();
	if (pid == 0)
	{
		become_task(worker, &ends[1]);
		task_run(job_id, json_incref(order), ends[1], folder);
	}
	close(ends[1]);
	if (pid < 0)
	{
		log_line(LOG_ERROR_LEVEL, "cannot start a process: %s", strerror(errno));
		close(ends[0]);
		return 0;
	}
	setpgid(pid, pid);			/* it may not have come so far itself */
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	memset(channel, 0, sizeof(*channel));
	channel->fd = ends[0];
	return pid;
}

/* Ends a job's process and all that it has started. */
void
process_kill(pid_t pid)
{
	if (pid > 0 && kill(-pid, SIGKILL) != 0)
		kill(pid, SIGKILL);
}
