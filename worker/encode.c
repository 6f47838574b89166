/*-------------------------------------------------------------------------
 *
 * encode.c
 *		Jobs that run ffmpeg over a source: {"do": "encode"}.
 *
 * The order says what stands before and behind the source on ffmpeg's command
 * line; {out:NAME} in it is a file in the job's folder. What was written is
 * stored, and the result tells of each what it is.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "encrypt.h"
#include "head.h"
#include "options.h"
#include "task.h"
#include "text.h"
#include "transfer.h"

#define ENCODE_SECONDS	86400
#define MOST_FILE		(1LL << 40)
#define MOST_ERRORS		65536
#define LOG_BYTES		2000
#define MOST_PIXELS		(8192.0 * 8192)

/* How much of the progress is whose. */
#define FETCHED			0.04
#define ENCODED			0.96

static double duration;

/* How each output is encrypted; of those that are not the key is not known. */
static Encryption *encryptions;

/* Of ffmpeg's -progress. */
static void
take_progress(char *line)
{
	double		seconds;

	if (duration > 0 && read_progress(line, &seconds))
		task_progress(FETCHED, ENCODED, seconds / duration);
}

/* The order's list of outputs; it stays the order's. */
static json_t *
outputs(void)
{
	return json_object_get(task_order(), "outputs");
}

/* A text that the order says of an output, "" where it says none; it stays the order's. */
static const char *
output_text(size_t n, const char *name)
{
	const char *text = json_string_value(json_object_get(json_array_get(outputs(), n), name));

	return text != NULL ? text : "";
}

/* Where ffmpeg writes it. Names come from the database, and are held to this even so. */
static char *
path_of(const char *name, const char *extension)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (name[0] == '\0' || strspn(name, letters) != strlen(name) || strspn(extension, letters) != strlen(extension))
		task_machine_fault("the order has an output of a strange name");
	return format_text("%s/out-%s%s%s", task_folder(), name, extension[0] != '\0' ? "." : "", extension);
}

/* The extension of an output that the order lists. */
static const char *
extension_of(const char *name)
{
	size_t		n = json_array_size(outputs());

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(output_text(i, "name"), name) == 0)
			return output_text(i, "extension");
	}
	task_machine_fault("the order writes to an output that it does not list");
}

/* An argument with the names of files in it put in. */
static char *
fill_in(const char *argument)
{
	Buffer		filled = {NULL, 0, 0};
	const char *mark;

	buffer_append_text(&filled, "");
	while ((mark = strstr(argument, "{out:")) != NULL && strchr(mark, '}') != NULL)
	{
		const char *end = strchr(mark, '}');
		char	   *name = format_text("%.*s", (int) (end - mark - 5), mark + 5);
		char	   *path = path_of(name, extension_of(name));

		buffer_append(&filled, argument, (size_t) (mark - argument));
		buffer_append_text(&filled, path);
		argument = end + 1;
		free(name);
		free(path);
	}
	buffer_append_text(&filled, argument);
	return filled.data;
}

/* Adds a list of the order's to the command line, with the files' names put in. */
static void
add_from_order(Arguments *arguments, const char *name)
{
	size_t		i;
	json_t	   *argument;

	json_array_foreach(json_object_get(task_order(), name), i, argument)
	{
		char	   *filled;

		if (!json_is_string(argument))
			task_machine_fault("the order has arguments that are no texts");
		filled = fill_in(json_string_value(argument));
		add_argument(arguments, "%s", filled);
		free(filled);
	}
}

/* Makes ffmpeg's command line: what is the worker's before what is the order's. */
static void
set_arguments(Child *child, const Source *source)
{
	Arguments  *arguments = &child->arguments;
	bool		loudness = json_is_true(json_object_get(task_order(), "loudness"));

	add_argument(arguments, "%s", options.ffmpeg);
	add_argument(arguments, "-hide_banner");
	add_argument(arguments, "-nostdin");
	add_argument(arguments, "-y");
	add_argument(arguments, "-v");
	add_argument(arguments, "%s", loudness ? "level+info" : "level+error");
	add_argument(arguments, "-nostats");
	add_argument(arguments, "-protocol_whitelist");
	add_argument(arguments, "file,pipe");
	add_argument(arguments, "-progress");
	add_argument(arguments, "pipe:1");
	add_argument(arguments, "-max_pixels");
	add_argument(arguments, "%.0f", order_limit("pixels", MOST_PIXELS));
	add_from_order(arguments, "input_arguments");
	add_argument(arguments, "-f");
	add_argument(arguments, "%s", source->demuxer);
	add_argument(arguments, "-i");
	add_argument(arguments, "file:%s", source->path);
	add_from_order(arguments, "arguments");
}

/* Words of ffmpeg that are no fault of the file's. */
static bool
is_machine_fault(const char *errors)
{
	static const char *const words[] = {
		"No space left on device", "Disk quota exceeded", "Unknown encoder", "No such filter", "Unrecognized option",
		"Option not found", "Error while opening encoder", "Error applying options", "Unable to parse option value", "Error splitting the argument list", "Resource temporarily unavailable",
		"Too many open files", "Read-only file system", "Permission denied"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strstr(errors, words[i]) != NULL)
			return true;
	}
	return false;
}

/* Fails the job, as one fault or the other, unless ffmpeg ended well. */
static void
judge(const Child *child)
{
	char	   *reason = last_error(child->errors.data);

	switch (child->end)
	{
		case CHILD_WELL:
			break;
		case CHILD_FAILED:
			if (says_no_memory(child->errors.data))
				task_source_fault("Converting it takes more memory than is allowed.");
			if (is_machine_fault(child->errors.data))
				task_machine_fault("ffmpeg failed: %s", reason);
			task_source_fault("It cannot be converted: %s", reason[0] != '\0' ? reason : "it is damaged");
		case CHILD_CRASHED:
			task_source_fault("It makes the program that converts it crash.");
		case CHILD_TOO_LONG:
			task_source_fault("Converting it takes longer than is allowed.");
		case CHILD_TOO_LARGE:
			task_source_fault("Converted it is larger than is allowed.");
		case CHILD_TOO_MUCH_SAID:
		case CHILD_KILLED:
			task_machine_fault("ffmpeg was killed");
	}
	free(reason);
}

/* A reader for head_length(): how many bytes it got, 0 at the end or for an error. */
static size_t
read_file_at(void *context, uint64_t at, unsigned char *data, size_t length)
{
	ssize_t		got = pread(*(int *) context, data, length, (off_t) at);

	return got > 0 ? (size_t) got : 0;
}

/* The file's bytes up to the end of its index, as text. */
static json_t *
head_of(const char *path, int64_t size)
{
	Buffer		text = {NULL, 0, 0};
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t	length;
	unsigned char *bytes;

	if (fd < 0)
		task_machine_fault("cannot read a file of its own: %s", strerror(errno));
	length = head_length(read_file_at, &fd, (uint64_t) size);
	if (length == 0)
		task_machine_fault("ffmpeg wrote a file without a head that can be read");
	bytes = allocate(length);
	if (read_file_at(&fd, 0, bytes, length) != length)
		task_machine_fault("cannot read a file of its own");
	append_base64(&text, bytes, length);
	free(bytes);
	close(fd);
	return json_stringn_nocheck(text.data, text.length);
}

/*
 * Says in a WebVTT file of ffmpeg's at which instant of the media it begins: HLS
 * wants it (RFC 8216, 3.5), and shaka-player shows nothing of one that does not.
 */
static void
add_time_map(const char *path)
{
	static const char map[] = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n";
	char	   *mapped = format_text("%s-mapped", path);
	FILE	   *in = fopen(path, "re");
	FILE	   *out = fopen(mapped, "we");
	char		bytes[16384] = "";
	bool		done = in != NULL && out != NULL;
	size_t		got;

	if (done && (fgets(bytes, sizeof(bytes), in) == NULL || strcmp(bytes, "WEBVTT\n") != 0))
		task_machine_fault("ffmpeg wrote a file of subtitles that is not WebVTT");
	done = done && fputs(map, out) >= 0;
	while (done && (got = fread(bytes, 1, sizeof(bytes), in)) > 0)
		done = fwrite(bytes, 1, got, out) == got;
	if (in != NULL)
		fclose(in);
	if (out != NULL && fclose(out) != 0)
		done = false;
	if (!done || rename(mapped, path) != 0)
		task_machine_fault("cannot write a file of subtitles: %s", strerror(errno));
	free(mapped);
}

/*
 * Takes the keys out of the order, since a fresher one may come without. What has
 * them leaves no core file.
 */
static void
take_encryptions(void)
{
	static const struct rlimit none = {0, 0};
	size_t		n = json_array_size(outputs());

	encryptions = allocate((n + 1) * sizeof(Encryption));
	for (size_t i = 0; i < n; i++)
	{
		json_t	   *member = json_object_get(json_array_get(outputs(), i), "encryption");
		const char *problem = NULL;

		if (member != NULL && !json_is_null(member))
		{
			setrlimit(RLIMIT_CORE, &none);
			problem = encryption_read(&encryptions[i], member);
		}
		if (problem != NULL)
			task_machine_fault("the order is wrong: %s", problem);
	}
}

/* Puts an encrypted file in the place of the clear one that ffmpeg wrote. */
static void
encrypt_output(size_t n, const char *path)
{
	char	   *encrypted;
	int			in;
	int			out;
	char	   *problem;
	EncryptEnd	end;

	if (!encryptions[n].wanted)
		return;
	encrypted = format_text("%s-encrypted", path);
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open(encrypted, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0)
		task_machine_fault("cannot encrypt a file of its own: %s", strerror(errno));
	end = encrypt_file(in, out, &encryptions[n], &problem);
	encryption_wipe(&encryptions[n]);
	unlink(path);
	if (end == ENCRYPT_UNFIT)
		task_source_fault("What it is converted to cannot be encrypted: %s.", problem);
	if (end == ENCRYPT_TROUBLE)
		task_machine_fault("%s", problem);
	close(in);
	if (close(out) != 0 || rename(encrypted, path) != 0)
		task_machine_fault("cannot write an encrypted file: %s", strerror(errno));
	free(encrypted);
}

/* Stores an output and returns what the result says of it; the caller's. */
static json_t *
store_output(size_t n, const char *path, int64_t size, double from, double to)
{
	json_t	   *output = json_array_get(outputs(), n);
	bool		head = json_is_true(json_object_get(output, "head"));
	const char *type = json_string_value(json_object_get(output, "content_type"));
	Place		place = {PLACE_OUTPUT, (int) n};
	Stored		stored;
	json_t	   *result;

	if (type != NULL && strcmp(type, "text/vtt") == 0)
		add_time_map(path);
	upload_file(place, path, type, &stored, from, to);
	result = json_pack("{s:s, s:s, s:I, s:s}",
					   "name", output_text(n, "name"),
					   "object_key", place_text(place, "object_key", NULL),
					   "size", (json_int_t) stored.size,
					   "sha256", stored.sha256);
	if (result == NULL)
		task_machine_fault("the order has an output without a name or a key");
	if (head)
		json_object_set_new(result, "head", head_of(path, size));
	return result;
}

/* Stores all that ffmpeg wrote and returns the result's list of it; the caller's. */
static json_t *
store_outputs(void)
{
	json_t	   *results = json_array();
	size_t		n = json_array_size(outputs());

	for (size_t i = 0; i < n; i++)
	{
		char	   *path = path_of(output_text(i, "name"), output_text(i, "extension"));
		struct stat status;

		if (lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
			encrypt_output(i, path);
		if (lstat(path, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
			json_array_append_new(results, store_output(i, path, status.st_size,
														ENCODED + (1 - ENCODED) * (double) i / (double) n,
														ENCODED + (1 - ENCODED) * (double) (i + 1) / (double) n));
		else if (!json_is_true(json_object_get(json_array_get(outputs(), i), "optional")))
			task_source_fault("Nothing came of it when it was converted to %s.", output_text(i, "name"));
		free(path);
	}
	return results;
}

/* The end of what ffmpeg said, as valid UTF-8; the caller's. */
static json_t *
log_of(const Child *child)
{
	Buffer		clean = {NULL, 0, 0};
	size_t		length = child->errors.length;
	size_t		kept = length > LOG_BYTES ? LOG_BYTES : length;

	append_utf8(&clean, child->errors.data + length - kept, kept);
	return json_stringn(clean.data, clean.length);
}

/* Does a job of ffmpeg's, from the source to the stored outputs. */
void
do_encode(void)
{
	Source		source;
	Child		child;
	json_t	   *result;

	memset(&child, 0, sizeof(child));
	take_encryptions();
	duration = order_number("duration", 0);
	fetch_source(&source, FETCHED);
	set_arguments(&child, &source);
	child.limits.wall_seconds = order_limit("seconds", ENCODE_SECONDS);
	child.limits.cpu_seconds = order_limit("cpu_seconds", child.limits.wall_seconds * (double) sysconf(_SC_NPROCESSORS_ONLN));
	child.limits.memory_bytes = (int64_t) order_limit("memory_bytes", (double) options.memory_bytes);
	child.limits.file_bytes = (int64_t) order_limit("file_bytes", (double) MOST_FILE);
	child.take_line = take_progress;
	child.most_output = 1 << 20;
	child.most_errors = MOST_ERRORS;
	run_child(&child);
	judge(&child);
	unlink(source.path);
	result = json_pack("{s:o, s:o}", "outputs", store_outputs(), "log", log_of(&child));
	if (json_is_true(json_object_get(task_order(), "loudness")))
		json_object_set_new(result, "loudness", read_loudness(child.errors.data));
	task_done(result);
}
