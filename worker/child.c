/*-------------------------------------------------------------------------
 *
 * child.c
 *		Programs that the worker starts: ffmpeg and ffprobe, within limits.
 *
 * They read bytes that anybody may have made. So no shell is between, they have
 * an environment without secrets, no network where the kernel lets us take it
 * away, no files but the job's folder and the system's own where it lets us (see
 * confine.c), and limits of time, CPU, memory, files. They die with the process
 * that started them.
 *
 *-------------------------------------------------------------------------
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "task.h"

#define OPEN_FILES	256

/* Adds an argument to a command line, which owns its text. */
void
add_argument(Arguments *arguments, const char *format,...)
{
	va_list		args;

	arguments->list = reallocate(arguments->list, (size_t) (arguments->n + 2) * sizeof(char *));
	va_start(args, format);
	arguments->list[arguments->n++] = format_text_v(format, args);
	va_end(args);
	arguments->list[arguments->n] = NULL;
}

/* Lowers a limit of this process for good; one that is lower already stays. */
static void
limit(int resource, double most)
{
	struct rlimit both;

	if (getrlimit(resource, &both) != 0)
		return;
	if (both.rlim_max != RLIM_INFINITY && (double) both.rlim_max < most)
		most = (double) both.rlim_max;
	both.rlim_cur = both.rlim_max = (rlim_t) most;
	setrlimit(resource, &both);
}

/* The kernel's first choice, should memory run out: the child, not the worker. */
static void
offer_to_oom_killer(void)
{
	int			fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "900", 3) < 0)
	{
		/* it is an offer */
	}
	close(fd);
}

/* In the child: everything up to the program. */
static void
__attribute__((noreturn))
become(const Child *child, pid_t parent, int output, int errors)
{
	char	   *environment[] = {
		format_text("PATH=%s", getenv("PATH") != NULL ? getenv("PATH") : "/usr/local/bin:/usr/bin:/bin"),
		format_text("HOME=%s", task_folder()),
		format_text("TMPDIR=%s", task_folder()),
		"LC_ALL=C.UTF-8",
		NULL
	};
	int			null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0 ||
		chdir(task_folder()) != 0)
		_exit(126);
	close_range(3, ~0U, 0);
	offer_to_oom_killer();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, OPEN_FILES);
	limit(RLIMIT_CPU, child->limits.cpu_seconds);
	limit(RLIMIT_FSIZE, (double) child->limits.file_bytes);
	confine(task_folder(), child->arguments.list[0]);
	limit(RLIMIT_AS, (double) child->limits.memory_bytes);
	/* last, as a change of rights would clear it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(126);
	execvpe(child->arguments.list[0], child->arguments.list, environment);
	_exit(127);
}

/* Whole lines are handed on, and what is behind them stays. */
static void
hand_on_lines(Child *child)
{
	char	   *end;

	while (child->output.length > 0 &&
		   (end = memchr(child->output.data, '\n', child->output.length)) != NULL)
	{
		*end = '\0';
		child->take_line(child->output.data);
		buffer_drop(&child->output, (size_t) (end - child->output.data) + 1);
	}
}

/* Reads once; false at the end. */
static bool
read_from(Child *child, int fd, bool errors)
{
	char		chunk[16384];
	ssize_t		got = read(fd, chunk, sizeof(chunk));
	Buffer	   *buffer = errors ? &child->errors : &child->output;

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	if (got == 0)
		return false;
	buffer_append(buffer, chunk, (size_t) got);
	if (errors && buffer->length > 2 * child->most_errors)
		buffer_drop(buffer, buffer->length - child->most_errors);
	else if (!errors && child->take_line != NULL)
		hand_on_lines(child);
	return true;
}

/* Reads both pipes until they end; false where that had to be broken off. */
static bool
listen_to(Child *child, int output, int errors, double until)
{
	struct pollfd fds[2] = {{output, POLLIN, 0}, {errors, POLLIN, 0}};

	while (fds[0].fd >= 0 || fds[1].fd >= 0)
	{
		double		left = until - seconds_now();

		if (left <= 0)
		{
			child->end = CHILD_TOO_LONG;
			return false;
		}
		if (child->output.length > child->most_output)
		{
			child->end = CHILD_TOO_MUCH_SAID;
			return false;
		}
		if (poll(fds, 2, left > 60 ? 60000 : (int) (left * 1000) + 1) < 0 && errno != EINTR)
			task_machine_fault("poll failed: %s", strerror(errno));
		for (int i = 0; i < 2; i++)
		{
			if (fds[i].fd >= 0 && fds[i].revents != 0 && !read_from(child, fds[i].fd, i == 1))
				fds[i].fd = -1;
		}
	}
	return true;
}

/* What a status of wait() says of a program that ended by itself. */
static ChildEnd
meaning_of(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? CHILD_WELL : CHILD_FAILED;
	switch (WTERMSIG(status))
	{
		case SIGXCPU:
			return CHILD_TOO_LONG;
		case SIGXFSZ:
			return CHILD_TOO_LARGE;
		case SIGSEGV:
		case SIGBUS:
		case SIGABRT:
		case SIGFPE:
		case SIGILL:
		case SIGTRAP:
		case SIGSYS:
			return CHILD_CRASHED;
		default:
			return CHILD_KILLED;
	}
}

/* Adds a child's time and memory to what the job has used. */
static void
count_usage(const struct rusage *used)
{
	int64_t		peak = (int64_t) used->ru_maxrss * 1024;

	usage.child_cpu_seconds += cpu_seconds(used);
	if (peak > usage.peak_memory_bytes)
		usage.peak_memory_bytes = peak;
}

/* Makes a pipe that no program keeps open; fails the job where there is none. */
static void
make_pipe(int *ends)
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		task_machine_fault("no pipe to be had: %s", strerror(errno));
}

/* Runs a program to its end. */
void
run_child(Child *child)
{
	int			output[2];
	int			errors[2];
	int			status = 0;
	pid_t		parent = getpid();
	pid_t		pid;
	struct rusage used;
	bool		heard;

	make_pipe(output);
	make_pipe(errors);
	pid = fork();
	if (pid < 0)
		task_machine_fault("cannot start a process: %s", strerror(errno));
	if (pid == 0)
		become(child, parent, output[1], errors[1]);
	close(output[1]);
	close(errors[1]);
	buffer_append(&child->output, "", 0);
	buffer_append(&child->errors, "", 0);
	heard = listen_to(child, output[0], errors[0], seconds_now() + child->limits.wall_seconds);
	if (!heard)
		kill(pid, SIGKILL);
	close(output[0]);
	close(errors[0]);
	while (wait4(pid, &status, 0, &used) < 0)
	{
		if (errno != EINTR)
			task_machine_fault("a child is lost: %s", strerror(errno));
	}
	count_usage(&used);
	if (child->errors.length > child->most_errors)
		buffer_drop(&child->errors, child->errors.length - child->most_errors);
	if (heard)
		child->end = meaning_of(status);
	if (child->end == CHILD_FAILED && WEXITSTATUS(status) >= 126)
		task_machine_fault("%s does not start", child->arguments.list[0]);
}
