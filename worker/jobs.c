/*-------------------------------------------------------------------------
 *
 * jobs.c
 *		The jobs that this worker has: what they are at, and what the database is
 *		to be told of them.
 *
 * A job is in one of two states. It runs: then its lease is prolonged by
 * heartbeats, which also carry its progress. Or it has ended: then what came
 * of it is told until the database has answered, however often the connection
 * is lost in between, as the same completion again gets the same answer. Only
 * then its place is free.
 *
 * One statement is under way at a time. What it was about is remembered here;
 * if its answer is lost, whatever it was to tell is still to be told.
 *
 *-------------------------------------------------------------------------
 */
#include "jobs.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "channel.h"
#include "options.h"
#include "process.h"
#include "scratch.h"

#define TELL_SECONDS		0.7 /* no progress more often than that */
#define ANSWER_SECONDS		60	/* a statement that takes longer is lost */
#define FIRST_LEASE			60	/* until the first heartbeat says it */
#define RETRY_SECONDS		0.2
#define RETRY_MOST_SECONDS	10

typedef enum JobState
{
	JOB_NONE,
	JOB_RUNNING,
	JOB_ENDED
} JobState;

typedef struct Job
{
	JobState	state;
	char	   *id;
	char	   *lease;
	char	   *kind;
	char	   *what;			/* for the log */
	pid_t		pid;			/* 0: it has ended */
	Channel		channel;
	char	   *folder;
	double		progress;
	double		progress_told;
	double		heartbeat_at;	/* of the last one */
	double		lease_seconds;
	double		lease_until;
	bool		fresh_wanted;	/* by its process: the order anew */
	char	   *asked;			/* by its process: a function */
	json_t	   *arguments;
	bool		concluded;		/* what came of it is known */
	bool		failed;
	char	   *answer;			/* the result, or why it failed; NULL gives it
								 * back */
	double		retry_seconds;	/* when it is to be tried again; 0: as its
								 * kind says */
	double		answer_at;
	int			answer_failures;
} Job;

typedef enum Subject
{
	ABOUT_NOTHING,
	ABOUT_HEARTBEAT,
	ABOUT_ASKING,
	ABOUT_END,
	ABOUT_NEW_JOBS
} Subject;

static Job *jobs;
static Subject subject = ABOUT_NOTHING;
static Job *subject_job;		/* NULL once it is dropped */
static double subject_at;
static bool looking = true;		/* there may be jobs to take */
static bool found_none = false;

/* Makes room for as many jobs as the worker does at once. */
void
jobs_init(void)
{
	jobs = allocate((size_t) options.jobs * sizeof(Job));
}

/* How many jobs there are, with those whose end has not been told yet. */
int
jobs_busy(void)
{
	int			n = 0;

	for (int i = 0; i < options.jobs; i++)
		n += jobs[i].state != JOB_NONE;
	return n;
}

/* There may be jobs to take now. */
void
jobs_look(void)
{
	looking = true;
}

/* Whether the database is to be asked for jobs. */
bool
jobs_looking(void)
{
	return looking;
}

/* Did the last look find nothing? */
bool
jobs_found_none(void)
{
	return found_none;
}

/* ---------------------------------------------------------------------------
 * How jobs begin and end
 * ---------------------------------------------------------------------------
 */

/* Forgets a job; its place is free. */
static void
release(Job *job)
{
	if (subject_job == job)
		subject_job = NULL;
	channel_close(&job->channel);
	if (job->folder != NULL)
		scratch_remove(job->folder);
	free(job->id);
	free(job->lease);
	free(job->kind);
	free(job->what);
	free(job->folder);
	free(job->asked);
	free(job->answer);
	json_decref(job->arguments);
	memset(job, 0, sizeof(*job));
	job->channel.fd = -1;
	looking = true;
}

/* What came of it is known: it is told from now on. The first word counts. */
static void
conclude(Job *job, bool failed, char *answer)
{
	if (job->concluded)
	{
		free(answer);
		return;
	}
	job->concluded = true;
	job->failed = failed;
	job->answer = answer;
	job->answer_at = 0;
	if (job->pid == 0)
		job->state = JOB_ENDED;
	if (failed && answer != NULL)
		log_line(LOG_INFO_LEVEL, "%s failed: %s", job->what, answer);
	else if (failed)
		log_line(LOG_INFO_LEVEL, "%s is given back", job->what);
	else
		log_line(LOG_DEBUG_LEVEL, "%s is done", job->what);
}

/* The lease is lost: what the job has made is nobody's. */
static void
drop(Job *job, const char *why)
{
	log_line(LOG_INFO_LEVEL, "%s is dropped: %s", job->what, why);
	process_kill(job->pid);
	if (job->pid != 0)
		waitpid(job->pid, NULL, 0);
	release(job);
}

/*
 * Begins a job that the database gave out, in a process of its own; the
 * description stays the caller's.
 */
static void
begin(Job *job, json_t * description)
{
	json_t	   *order = json_object_get(description, "order");
	json_t	   *id = json_object_get(description, "job_id");
	const char *lease = json_string_value(json_object_get(description, "lease"));
	const char *kind = json_string_value(json_object_get(description, "kind"));

	memset(job, 0, sizeof(*job));
	job->channel.fd = -1;
	job->id = format_text("%lld", (long long) json_integer_value(id));
	job->lease = copy_text(lease != NULL ? lease : "");
	job->kind = copy_text(kind != NULL ? kind : "");
	job->what = format_text("job %s (%s)", job->id, job->kind);
	job->progress_told = -1;
	job->lease_until = subject_at + (options.lease != NULL ? strtod(options.lease, NULL) : FIRST_LEASE);
	job->state = JOB_RUNNING;
	log_line(LOG_DEBUG_LEVEL, "%s begins", job->what);
	job->folder = scratch_make_job_folder((long long) json_integer_value(id));
	if (!json_is_object(order))
		order = json_object_get(description, "args");
	if (job->folder != NULL && json_is_object(order))
		job->pid = process_start((long long) json_integer_value(id), order, job->folder, &job->channel);
	if (job->pid == 0)
		conclude(job, true, copy_text(json_is_object(order) ? "the worker cannot start a process for it" :
									  "its order is no object"));
}

/* The keys in an order, which its process has by now or does not want, are gone. */
static void
forget_keys(json_t * order)
{
	size_t		i;
	json_t	   *output;

	json_array_foreach(json_object_get(order, "outputs"), i, output)
	{
		json_t	   *encryption = json_object_get(output, "encryption");
		json_t	   *key = json_object_get(encryption, "key");

		if (json_is_string(key))
			OPENSSL_cleanse((char *) json_string_value(key), json_string_length(key));
		json_object_del(encryption, "key");
	}
}

/* Jobs that the database gave. Keys may be in the reply, so it is wiped. */
static void
take_jobs(char *reply)
{
	json_t	   *list = json_loads(reply, 0, NULL);
	int			place = 0;
	size_t		i;
	json_t	   *description;

	OPENSSL_cleanse(reply, strlen(reply));
	found_none = json_array_size(list) == 0;
	json_array_foreach(list, i, description)
	{
		while (place < options.jobs && jobs[place].state != JOB_NONE)
			place++;
		if (place < options.jobs)
			begin(&jobs[place], description);
		forget_keys(json_object_get(description, "order"));
	}
	/* as many as were asked for: there may be more once there is room */
	looking = jobs_busy() == options.jobs;
	json_decref(list);
}

/* ---------------------------------------------------------------------------
 * What jobs' processes say
 * ---------------------------------------------------------------------------
 */

/* Takes a message of a job's process: progress, a question, or how it ended. */
static void
take_message(Job *job, json_t * message)
{
	json_t	   *value;

	if ((value = json_object_get(message, "progress")) != NULL)
		job->progress = json_number_value(value);
	else if (json_object_get(message, "fresh") != NULL)
		job->fresh_wanted = true;
	else if ((value = json_object_get(message, "ask")) != NULL)
	{
		free(job->asked);
		json_decref(job->arguments);
		job->asked = copy_text(json_string_value(value));
		job->arguments = json_incref(json_object_get(message, "arguments"));
	}
	else if ((value = json_object_get(message, "fail")) != NULL)
	{
		if (!job->concluded)
			job->retry_seconds = json_number_value(json_object_get(message, "retry_seconds"));
		conclude(job, true, copy_text(json_string_value(value)));
	}
	else if ((value = json_object_get(message, "done")) != NULL)
	{
		const char *failure = json_string_value(json_object_get(value, "failure"));
		char	   *text = json_dumps(value, JSON_COMPACT);

		if (failure != NULL)
			log_line(LOG_INFO_LEVEL, "%s: the source cannot be used: %s", job->what, failure);
		conclude(job, false, copy_text(text));
		free(text);
	}
	json_decref(message);
}

/* Takes all that a job's process has said by now. */
static void
listen_to(Job *job)
{
	json_t	   *message;
	bool		open = channel_read(&job->channel);

	while ((message = channel_next(&job->channel)) != NULL)
		take_message(job, message);
	if (!open)
		channel_close(&job->channel);
}

/* Ends a job whose process ended; one that did not say how has failed. */
static void
process_ended(Job *job, int status)
{
	job->pid = 0;
	if (job->channel.fd >= 0)
		listen_to(job);
	channel_close(&job->channel);
	if (job->state != JOB_RUNNING)
		return;
	if (!job->concluded)
		conclude(job, true, WIFSIGNALED(status) ?
				 format_text("the process that did it was ended by signal %d", WTERMSIG(status)) :
				 format_text("the process that did it ended with status %d", WEXITSTATUS(status)));
	job->state = JOB_ENDED;
	scratch_remove(job->folder);
}

/* The job that a process does, NULL for none. */
static Job *
job_of(pid_t pid)
{
	for (int i = 0; i < options.jobs; i++)
	{
		if (jobs[i].state != JOB_NONE && jobs[i].pid == pid)
			return &jobs[i];
	}
	return NULL;
}

/*
 * Takes leave of processes that ended. What a job's process had started is ended
 * while its number is still its own, and comes to us to be reaped as well.
 */
void
jobs_reap(void)
{
	siginfo_t	info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0)
	{
		Job		   *job = job_of(info.si_pid);
		int			status = 0;

		if (job != NULL)
			kill(-info.si_pid, SIGKILL);
		waitpid(info.si_pid, &status, 0);
		if (job != NULL)
			process_ended(job, status);
		info.si_pid = 0;
	}
}

/* One place in fds for each job. */
void
jobs_prepare_poll(struct pollfd *fds, double *wake_at)
{
	double		now = seconds_now();

	for (int i = 0; i < options.jobs; i++)
	{
		Job		   *job = &jobs[i];
		double		at;

		fds[i] = (struct pollfd)
		{
			.fd = -1
		};
		if (job->state == JOB_NONE)
			continue;
		if (job->state == JOB_RUNNING && job->channel.fd >= 0)
		{
			fds[i].fd = job->channel.fd;
			fds[i].events = POLLIN;
			if (job->channel.out.length > 0)
				fds[i].events |= POLLOUT;
		}
		if (job->state == JOB_ENDED)
			at = job->answer_at;
		else if (job->progress > job->progress_told)
			at = job->heartbeat_at + TELL_SECONDS;
		else
			at = job->heartbeat_at + job->lease_seconds / 3;
		/* what is overdue waits for the connection, which wakes us */
		if (at > now && at < *wake_at)
			*wake_at = at;
		if (job->state == JOB_RUNNING && job->lease_until + job->lease_seconds < *wake_at)
			*wake_at = job->lease_until + job->lease_seconds;
	}
}

/*
 * A lease that could not be prolonged is given as long again: the database may
 * take it even so, if nobody else has the job.
 */
void
jobs_work(const struct pollfd *fds)
{
	for (int i = 0; i < options.jobs; i++)
	{
		Job		   *job = &jobs[i];

		if (job->state != JOB_RUNNING)
			continue;
		if (fds[i].fd >= 0 && fds[i].fd == job->channel.fd && fds[i].revents != 0)
			listen_to(job);
		if (job->channel.fd >= 0)
			(void) channel_flush(&job->channel);
		if (!job->concluded && seconds_now() > job->lease_until + job->lease_seconds)
			drop(job, "its lease could not be prolonged");
	}
}

/* Ends all that runs; the jobs go back, but those of which the outcome is known. */
void
jobs_give_back(void)
{
	for (int i = 0; i < options.jobs; i++)
	{
		if (jobs[i].state != JOB_RUNNING)
			continue;
		listen_to(&jobs[i]);
		conclude(&jobs[i], true, NULL);
		process_kill(jobs[i].pid);
	}
}

/* Ends all that runs, and tells nobody. */
void
jobs_drop(void)
{
	for (int i = 0; i < options.jobs; i++)
	{
		if (jobs[i].state != JOB_NONE)
			drop(&jobs[i], "the worker ends");
	}
}

/* ---------------------------------------------------------------------------
 * What the database is told, and answers
 * ---------------------------------------------------------------------------
 */

/* Calls a function and notes about which job and what; false where the connection is lost. */
static bool
ask(Connection *connection, Subject about, Job *job, const char *function, int nparams, const char *const *params)
{
	subject = about;
	subject_job = job;
	subject_at = seconds_now();
	return connection_send(connection, ANSWER_SECONDS, function, nparams, params);
}

/* Tells the database that a job is complete, or failed. */
static void
tell_end(Connection *connection, Job *job)
{
	char	   *retry = job->failed && job->retry_seconds > 0 ? format_text("%.0f", job->retry_seconds) : NULL;
	const char *params[] = {job->id, job->lease, job->answer, retry};

	ask(connection, ABOUT_END, job, job->failed ? "vvault_fail" : "vvault_complete", retry != NULL ? 4 : 3, params);
	free(retry);
}

/* Tells the database that a job goes on, and how far it is; the answer may have a fresh order. */
static void
tell_heartbeat(Connection *connection, Job *job)
{
	char	   *progress = format_text("%.4f", job->progress > 1 ? 1 : job->progress);
	const char *params[] = {job->id, job->lease, progress};

	if (job->progress > job->progress_told)
		log_line(LOG_DEBUG_LEVEL, "%s: %.0f %%", job->what, job->progress * 100);
	job->progress_told = job->progress;
	job->heartbeat_at = seconds_now();
	ask(connection, ABOUT_HEARTBEAT, job, "vvault_heartbeat", 3, params);
	free(progress);
}

/* A job's process asks the database by us: job and lease come before what it says. */
static void
tell_asked(Connection *connection, Job *job)
{
	const char *params[8] = {job->id, job->lease};
	char	   *texts[6];
	int			n = (int) json_array_size(job->arguments);

	if (n > 6)
		n = 6;
	for (int i = 0; i < n; i++)
	{
		json_t	   *argument = json_array_get(job->arguments, (size_t) i);

		texts[i] = json_is_string(argument) ? copy_text(json_string_value(argument)) :
			format_text("%lld", (long long) json_integer_value(argument));
		params[i + 2] = texts[i];
	}
	ask(connection, ABOUT_ASKING, job, job->asked, n + 2, params);
	for (int i = 0; i < n; i++)
		free(texts[i]);
}

/* Asks the database for as many jobs as there is room for. */
static void
ask_for_jobs(Connection *connection)
{
	char	   *most = format_text("%d", options.jobs - jobs_busy());
	const char *params[] = {options.name, options.kinds, most, options.lease};

	ask(connection, ABOUT_NEW_JOBS, NULL, "vvault_dequeue", 4, params);
	free(most);
}

/*
 * Whether the database is to hear of a job: its lease is a third over, or there
 * is progress to tell.
 */
static bool
heartbeat_is_due(const Job *job, double now)
{
	if (job->concluded)
		return false;
	return job->fresh_wanted || job->lease_seconds == 0 || now >= job->heartbeat_at + job->lease_seconds / 3 ||
		(job->progress > job->progress_told && now >= job->heartbeat_at + TELL_SECONDS);
}

/* If the connection is idle: says what is most urgent. */
void
jobs_speak(Connection *connection, bool may_take)
{
	double		now = seconds_now();

	if (connection->state != CONNECTION_IDLE)
		return;
	for (int i = 0; i < options.jobs; i++)
	{
		if (jobs[i].state == JOB_ENDED && now >= jobs[i].answer_at)
		{
			tell_end(connection, &jobs[i]);
			return;
		}
	}
	for (int i = 0; i < options.jobs; i++)
	{
		if (jobs[i].state != JOB_RUNNING)
			continue;
		if (jobs[i].asked != NULL)
			tell_asked(connection, &jobs[i]);
		else if (heartbeat_is_due(&jobs[i], now))
			tell_heartbeat(connection, &jobs[i]);
		else
			continue;
		return;
	}
	if (may_take && looking && jobs_busy() < options.jobs)
		ask_for_jobs(connection);
}

/* An error's SQLSTATE begins so. */
static bool
is_error(const Connection *connection, const char *class)
{
	const char *state = PQresultErrorField(connection->result, PG_DIAG_SQLSTATE);

	return state != NULL && strncmp(state, class, strlen(class)) == 0;
}

/* Whether an error of the database's may be gone at the next try. */
static bool
is_passing_error(const Connection *connection)
{
	return is_error(connection, "40") || is_error(connection, "53") || is_error(connection, "55") ||
		is_error(connection, "57") || is_error(connection, "58") || is_error(connection, "25006");
}

/* The message of an error of the database's; the caller frees it. */
static char *
error_text(const Connection *connection)
{
	const char *text = PQresultErrorField(connection->result, PG_DIAG_MESSAGE_PRIMARY);

	return copy_text(text != NULL ? text : "the server gave no reason");
}

/*
 * Takes the answer to a heartbeat: how long the lease holds, whether the job is
 * cancelled, a fresh order.
 */
static void
heartbeat_answered(Job *job, const char *reply)
{
	json_t	   *json = json_loads(reply, 0, NULL);
	double		left = json_number_value(json_object_get(json, "seconds_left"));

	job->lease_until = subject_at + left;
	job->lease_seconds = left;
	if (json_is_true(json_object_get(json, "cancelled")))
	{
		conclude(job, true, copy_text("it was cancelled"));
		process_kill(job->pid);
	}
	else if (job->fresh_wanted && job->channel.fd >= 0)
	{
		job->fresh_wanted = false;
		forget_keys(json_object_get(json, "order"));
		channel_say(&job->channel, json_pack("{s:O*}", "order", json_object_get(json, "order")));
		(void) channel_flush(&job->channel);
	}
	json_decref(json);
}

/* Hands an answer, or a refusal, to the job that asked; the message is freed. */
static void
asking_answered(Job *job, json_t * message)
{
	free(job->asked);
	json_decref(job->arguments);
	job->asked = NULL;
	job->arguments = NULL;
	if (job->channel.fd < 0)
	{
		json_decref(message);
		return;
	}
	channel_say(&job->channel, message);
	(void) channel_flush(&job->channel);
}

/* Takes what the database answered, by what it was asked. */
static void
rows_came(Connection *connection, Job *job)
{
	char		nothing[] = "null";
	char	   *reply = PQntuples(connection->result) > 0 ? PQgetvalue(connection->result, 0, 0) : nothing;

	if (subject == ABOUT_NEW_JOBS)
		take_jobs(reply);
	else if (job != NULL && subject == ABOUT_HEARTBEAT)
		heartbeat_answered(job, reply);
	else if (job != NULL && subject == ABOUT_ASKING)
		asking_answered(job, json_pack("{s:o}", "answer", json_loads(reply, JSON_DECODE_ANY, NULL)));
	else if (job != NULL && subject == ABOUT_END)
		release(job);
	OPENSSL_cleanse(reply, strlen(reply));
}

/* The end of a job was not taken: later again, or as a failure, or not at all. */
static void
end_refused(Connection *connection, Job *job)
{
	char	   *error = error_text(connection);

	if (is_passing_error(connection))
	{
		job->answer_failures++;
		job->answer_at = seconds_now() + backoff_seconds(job->answer_failures, RETRY_SECONDS, RETRY_MOST_SECONDS);
	}
	else if (job->failed || is_error(connection, "PT409"))
		drop(job, error);
	else
	{
		job->concluded = false;
		free(job->answer);
		job->answer = NULL;
		conclude(job, true, format_text("its result was refused: %s", error));
	}
	free(error);
}

/* Takes an error of the database's, by what it was asked. */
static void
error_came(Connection *connection, Job *job)
{
	char	   *error = error_text(connection);

	if (subject == ABOUT_NEW_JOBS)
	{
		log_line(LOG_ERROR_LEVEL, "no jobs are given: %s", error);
		looking = false;
		found_none = true;
	}
	else if (job != NULL && subject == ABOUT_HEARTBEAT && is_error(connection, "PT409"))
		drop(job, error);
	else if (job != NULL && subject == ABOUT_HEARTBEAT)
		log_line(LOG_ERROR_LEVEL, "%s: its lease is not prolonged: %s", job->what, error);
	else if (job != NULL && subject == ABOUT_ASKING)
		asking_answered(job, json_pack("{s:s}", "refused", error));
	else if (job != NULL && subject == ABOUT_END)
		end_refused(connection, job);
	free(error);
}

/* What came of the statement that was under way. */
void
jobs_hear(Connection *connection, Outcome outcome)
{
	Job		   *job = subject_job;

	if (outcome == OUTCOME_NONE)
		return;
	if (outcome == OUTCOME_ROWS)
		rows_came(connection, job);
	else if (outcome == OUTCOME_ERROR)
		error_came(connection, job);
	else if (job != NULL && subject == ABOUT_HEARTBEAT)
		job->progress_told = -1;
	subject = ABOUT_NOTHING;
	subject_job = NULL;
}
