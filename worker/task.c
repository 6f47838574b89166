/*-------------------------------------------------------------------------
 *
 * task.c
 *		A job in the process that does it: how it begins and ends, and what it
 *		tells the worker.
 *
 * There are two ways to fail. What is the source's fault would be so the next
 * time: the job is done, and its result says what is wrong. What may be this
 * machine's fault, or the store's, is tried again.
 *
 *-------------------------------------------------------------------------
 */
#include "task.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "channel.h"
#include "text.h"

#define PROGRESS_SECONDS	0.25	/* no more often than that */

Usage		usage;

static Channel channel;
static json_t * order;
static double order_made;		/* when it came */
static const char *folder;
static double last_progress = -1;
static double last_said = 0;

/* The job's folder; nobody's to free. */
const char *
task_folder(void)
{
	return folder;
}

/* The job's order, the freshest; a fresher one frees it. */
json_t *
task_order(void)
{
	return order;
}

/* Sends a message, for which this side does wait. */
static void
say(json_t * message)
{
	channel_say(&channel, message);
	if (!channel_flush(&channel) || channel.out.length > 0)
		_exit(1);				/* the worker is gone */
}

/* Waits for the worker's next word. */
static json_t *
hear(void)
{
	json_t	   *message;

	while ((message = channel_next(&channel)) == NULL)
	{
		if (!channel_read(&channel))
			_exit(1);
	}
	return message;
}

/* The processor time in what the kernel says of a process. */
double
cpu_seconds(const struct rusage *used)
{
	return (double) used->ru_utime.tv_sec + (double) used->ru_utime.tv_usec / 1e6 +
		(double) used->ru_stime.tv_sec + (double) used->ru_stime.tv_usec / 1e6;
}

/* What the job has used so far, for its result; the caller's. */
static json_t *
usage_json(void)
{
	struct rusage own;
	int64_t		peak;

	getrusage(RUSAGE_SELF, &own);
	peak = (int64_t) own.ru_maxrss * 1024;
	if (peak < usage.peak_memory_bytes)
		peak = usage.peak_memory_bytes;
	return json_pack("{s:f, s:f, s:I, s:I, s:I}",
					 "cpu_seconds", cpu_seconds(&own) + usage.child_cpu_seconds,
					 "wall_seconds", seconds_now() - usage.begun,
					 "peak_memory_bytes", (json_int_t) peak,
					 "bytes_read", (json_int_t) usage.bytes_read,
					 "bytes_written", (json_int_t) usage.bytes_written);
}

/* Ends the process with the job's result. */
void
task_done(json_t * result)
{
	json_object_set_new(result, "usage", usage_json());
	say(json_pack("{s:o}", "done", result));
	_exit(0);
}

/* A sentence as JSON, whatever bytes are in it. */
static json_t * sentence(const char *format, va_list args) PRINTF_LIKE(1, 0);

/* A sentence for the result, as valid UTF-8; the caller's. */
static json_t *
sentence(const char *format, va_list args)
{
	char	   *text = format_text_v(format, args);
	Buffer		clean = {NULL, 0, 0};

	append_utf8(&clean, text, strlen(text));
	free(text);
	return json_stringn(clean.data, clean.length);
}

/* Ends the job for good: its source is at fault, for the reason given. */
void
task_source_fault(const char *format,...)
{
	va_list		args;
	json_t	   *why;

	va_start(args, format);
	why = sentence(format, args);
	va_end(args);
	task_done(json_pack("{s:o}", "failure", why));
}

/* Ends this attempt: the machine or a store is at fault, and another attempt may go better. */
void
task_machine_fault(const char *format,...)
{
	va_list		args;
	json_t	   *why;

	va_start(args, format);
	why = sentence(format, args);
	va_end(args);
	say(json_pack("{s:o}", "fail", why));
	_exit(0);
}

/* The same, to be tried again no sooner than after so many seconds. */
void
task_fault_until(double retry_seconds, const char *format,...)
{
	va_list		args;
	json_t	   *why;

	va_start(args, format);
	why = sentence(format, args);
	va_end(args);
	say(json_pack("{s:o, s:f}", "fail", why, "retry_seconds", retry_seconds));
	_exit(0);
}

/* How far a part of the work is that reaches from one point to another of the whole. */
void
task_progress(double from, double to, double fraction)
{
	double		now = seconds_now();
	double		progress;

	if (fraction < 0)
		fraction = 0;
	if (fraction > 1)
		fraction = 1;
	progress = from + (to - from) * fraction;
	if (progress <= last_progress || now - last_said < PROGRESS_SECONDS)
		return;
	last_progress = progress;
	last_said = now;
	say(json_pack("{s:f}", "progress", progress));
}

/* Has the order made anew, with fresh addresses, if it is older than that. */
void
task_refresh(double older_than)
{
	json_t	   *message;
	json_t	   *fresh;

	if (seconds_now() - order_made < older_than)
		return;
	say(json_pack("{s:b}", "fresh", 1));
	message = hear();
	fresh = json_object_get(message, "order");
	if (json_is_object(fresh))
	{
		json_decref(order);
		order = json_incref(fresh);
	}
	order_made = seconds_now();
	json_decref(message);
}

/* Asks a function of the database; takes the arguments over. */
json_t *
task_ask(const char *function, json_t * arguments)
{
	json_t	   *message;
	json_t	   *answer;

	say(json_pack("{s:s, s:o}", "ask", function, "arguments", arguments));
	message = hear();
	answer = json_object_get(message, "answer");
	if (answer == NULL)
		task_machine_fault("%s refused: %s", function, json_string_value(json_object_get(message, "refused")));
	json_incref(answer);
	json_decref(message);
	return answer;
}

/* The place in the order as it is now; NULL where there is none. */
json_t *
task_place(Place place)
{
	static const char *const names[] = {"source", "parts", "target", "outputs", "objects", "delete", "urls"};
	json_t	   *found = json_object_get(order, names[place.kind]);

	if (json_is_array(found))
		found = json_array_get(found, (size_t) place.n);
	if (place.kind == PLACE_OUTPUT || place.kind == PLACE_OBJECT)
		found = json_object_get(found, "place");
	return found;
}

/* A number of the order, or another one where it has none. */
double
order_number(const char *name, double otherwise)
{
	json_t	   *number = json_object_get(order, name);

	return json_is_number(number) ? json_number_value(number) : otherwise;
}

/* A limit of the order, or another one where it has none. */
double
order_limit(const char *name, double otherwise)
{
	json_t	   *number = json_object_get(json_object_get(order, "limits"), name);

	return json_is_number(number) && json_number_value(number) > 0 ? json_number_value(number) : otherwise;
}

/* Does a job; the order is this process's own from now on. */
void
task_run(long long job_id, json_t * job_order, int channel_fd, const char *job_folder)
{
	static const struct
	{
		const char *name;
		void		(*work) (void);
	}			ways[] = {
		{"probe", do_probe},
		{"encode", do_encode},
		{"join", do_join},
		{"put", do_put},
		{"delete", do_delete},
		{"deliver", do_deliver},
	};
	const char *name;

	usage.begun = seconds_now();
	channel.fd = channel_fd;
	order = job_order;
	order_made = usage.begun;
	folder = job_folder;
	srandom((unsigned) (job_id * 31 + getpid()));
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		task_machine_fault("libcurl does not start");
	name = json_string_value(json_object_get(order, "do"));
	for (size_t i = 0; name != NULL && i < sizeof(ways) / sizeof(ways[0]); i++)
	{
		if (strcmp(ways[i].name, name) == 0)
			ways[i].work();
	}
	task_machine_fault("this worker does not know how to do \"%s\"", name != NULL ? name : "nothing");
}
