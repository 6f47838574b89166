/*-------------------------------------------------------------------------
 *
 * main.c
 *		vvault-worker: takes jobs out of the queue of vvault_stream and does them.
 *
 * This process never does any of the work. It has two connections: one waits for
 * jobs, one says and asks. Each job has a process of its own (task.c), which has
 * neither. Nothing here waits for anything but in poll().
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "database.h"
#include "encrypt.h"
#include "jobs.h"
#include "options.h"
#include "scratch.h"
#include "util.h"

#define WAIT_SECONDS		60	/* that one CALL waits for jobs */
#define ANSWER_SECONDS		30	/* that it may take longer than that */
#define STOP_SECONDS		4	/* to give jobs back in */
#define SHORT_WAIT			0.5
#define FIRST_PAUSE			0.02
#define MOST_PAUSE			2.0

static Connection speaking;
static Connection waiting;
static int	signals;
static bool stopping = false;
static double stop_at;

/* Waiting for jobs, so that no answer makes us ask without end. */
static double wait_begun;
static double next_wait_at = 0;
static int	vain_waits = 0;
static bool looked_in_vain = false;

/* Has signals come by a descriptor, and a closed pipe by an error. */
static void
block_signals(void)
{
	sigset_t	set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || (signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		die("signals cannot be watched: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
}

/* The first signal ends it in peace, the second at once. */
static void
begin_to_stop(void)
{
	if (stopping)
	{
		stop_at = 0;
		return;
	}
	log_line(LOG_INFO_LEVEL, "ending: jobs are given back");
	stopping = true;
	stop_at = seconds_now() + STOP_SECONDS;
	jobs_give_back();
}

/* Takes the signals that came: all but those of children stop the worker. */
static void
take_signals(void)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
	{
		if (info.ssi_signo != SIGCHLD)
			begin_to_stop();
	}
	jobs_reap();
}

/* The wait has ended: there may be jobs now. */
static void
wait_ended(Outcome outcome)
{
	if (outcome == OUTCOME_ERROR)
		log_line(LOG_ERROR_LEVEL, "waiting for jobs: %s", PQresultErrorField(waiting.result, PG_DIAG_MESSAGE_PRIMARY));
	if (outcome == OUTCOME_ERROR || seconds_now() - wait_begun < SHORT_WAIT)
		vain_waits++;
	else
		vain_waits = 0;
	jobs_look();
	looked_in_vain = false;
}

/* The look has ended. Where it found nothing, the next wait comes a little later. */
static void
look_ended(void)
{
	looked_in_vain = jobs_found_none();
	if (!jobs_found_none())
		vain_waits = 0;
	next_wait_at = seconds_now();
	if (vain_waits > 0)
		next_wait_at += backoff_seconds(vain_waits, FIRST_PAUSE, MOST_PAUSE);
}

/* Has the second connection wait for jobs, where there is room and none are ready. */
static void
wait_for_jobs(void)
{
	char		seconds[16];
	const char *const params[] = {options.kinds, seconds};

	if (stopping || waiting.state != CONNECTION_IDLE || jobs_looking() || jobs_busy() == options.jobs ||
		seconds_now() < next_wait_at)
		return;
	snprintf(seconds, sizeof(seconds), "%d", WAIT_SECONDS);
	wait_begun = seconds_now();
	connection_call(&waiting, WAIT_SECONDS + ANSWER_SECONDS, "vvault_wait_for_jobs", 2, params);
}

/* Until when nothing happens, unless somebody says something. */
static int
milliseconds_to(double wake_at)
{
	double		left = (wake_at - seconds_now()) * 1000;

	if (left <= 0)
		return 0;
	return left > 60000 ? 60000 : (int) ceil(left);
}

/*
 * Waits until something happens and does what is to be done then; fds has room
 * for all that is watched.
 */
static void
work_once(struct pollfd *fds)
{
	double		wake_at = seconds_now() + 60;
	Outcome		outcome;

	fds[0] = (struct pollfd)
	{
		.fd = signals, .events = POLLIN
	};
	connection_prepare_poll(&speaking, &fds[1], &wake_at);
	connection_prepare_poll(&waiting, &fds[2], &wake_at);
	jobs_prepare_poll(fds + 3, &wake_at);
	if (stopping && stop_at < wake_at)
		wake_at = stop_at;
	if (next_wait_at > seconds_now() && next_wait_at < wake_at)
		wake_at = next_wait_at;
	if (poll(fds, (nfds_t) options.jobs + 3, milliseconds_to(wake_at)) < 0 && errno != EINTR)
		die("poll failed: %s", strerror(errno));

	if (fds[0].revents != 0)
		take_signals();
	jobs_work(fds + 3);
	outcome = connection_work(&speaking, fds[1].revents);
	if (outcome != OUTCOME_NONE)
	{
		bool		looked = jobs_looking();

		jobs_hear(&speaking, outcome);
		if (looked && !jobs_looking())
			look_ended();
	}
	outcome = connection_work(&waiting, fds[2].revents);
	if (outcome == OUTCOME_ROWS || outcome == OUTCOME_ERROR)
		wait_ended(outcome);
	jobs_speak(&speaking, !stopping);
	wait_for_jobs();
}

/* The server ends a wait only when it looks up from it: it is told. */
static void
stop_waiting(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(1);					/* for a server that does not answer */
	connection_cancel(&waiting);
	alarm(0);
	connection_close(&waiting);
	connection_close(&speaking);
}

/* Whether the worker has nothing to do any more. */
static bool
is_at_end(void)
{
	if (stopping)
		return jobs_busy() == 0 || seconds_now() >= stop_at;
	return options.until_idle && jobs_busy() == 0 && looked_in_vain && !jobs_looking();
}

/*
 * The worker: until it is stopped, or with --until-idle until there is nothing
 * to do. 0, or 1 for wrong options.
 */
int
main(int argc, char **argv)
{
	struct pollfd *fds;

	read_options(argc, argv);
	if (options.encrypt_from != NULL)
		return encrypt_command(options.encrypt_from, options.encrypt_to);
	srandom((unsigned) (time(NULL) ^ getpid()));
	block_signals();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	scratch_open(options.scratch);
	jobs_init();
	connection_init(&speaking, "that speaks", options.conninfo);
	connection_init(&waiting, "that waits", options.conninfo);
	fds = allocate(((size_t) options.jobs + 3) * sizeof(*fds));
	log_line(LOG_INFO_LEVEL, "%s takes %d at a time of %s", options.name, options.jobs, options.kinds);
	while (!is_at_end())
		work_once(fds);
	jobs_drop();
	scratch_close();
	stop_waiting();
	return 0;
}
