/*-------------------------------------------------------------------------
 *
 * probe.c
 *		Jobs that look into a source: {"do": "probe"}.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "demuxer.h"
#include "options.h"
#include "task.h"
#include "text.h"
#include "transfer.h"

#define PROBE_SECONDS		60
#define MOST_OUTPUT			(32 << 20)
#define MOST_ERRORS			16384
#define MOST_PIXELS			(8192.0 * 8192)
#define LOOKED_AT_SECONDS	3	/* of pictures, for interlacing and rate */
#define LOOKED_AT_PICTURES	120

/* The source's first bytes say who reads it. */
static void
find_demuxer(Source *source)
{
	static unsigned char beginning[DEMUXER_BYTES];
	const char *refusal;
	int			fd = open(source->path, O_RDONLY | O_CLOEXEC);
	ssize_t		got = fd >= 0 ? pread(fd, beginning, sizeof(beginning), 0) : -1;

	if (got < 0)
		task_machine_fault("cannot read the source: %s", strerror(errno));
	close(fd);
	source->demuxer = choose_demuxer(beginning, (size_t) got, &refusal);
	if (source->demuxer == NULL)
		task_source_fault("%s", refusal);
}

/* Fetches the order's source into the job's folder. */
void
fetch_source(Source *source, double progress_to)
{
	Place		place = {PLACE_SOURCE, 0};
	Stored		stored;

	source->path = format_text("%s/source", task_folder());
	download(place, source->path, &stored, progress_to);
	source->size = stored.size;
	memcpy(source->sha256, stored.sha256, sizeof(source->sha256));
	find_demuxer(source);
}

/* Runs ffprobe over the source, for what the list asks; the answer is in child. */
static void
run_ffprobe(Child *child, const Source *source, const char *const *what)
{
	memset(child, 0, sizeof(*child));
	add_argument(&child->arguments, "%s", options.ffprobe);
	add_argument(&child->arguments, "-v");
	add_argument(&child->arguments, "level+error");
	add_argument(&child->arguments, "-protocol_whitelist");
	add_argument(&child->arguments, "file");
	add_argument(&child->arguments, "-max_pixels");
	add_argument(&child->arguments, "%.0f", order_limit("pixels", MOST_PIXELS));
	add_argument(&child->arguments, "-f");
	add_argument(&child->arguments, "%s", source->demuxer);
	for (; *what != NULL; what++)
		add_argument(&child->arguments, "%s", *what);
	add_argument(&child->arguments, "-of");
	add_argument(&child->arguments, "json=compact=1");
	add_argument(&child->arguments, "-i");
	add_argument(&child->arguments, "file:%s", source->path);
	child->limits.wall_seconds = order_limit("seconds", PROBE_SECONDS);
	child->limits.cpu_seconds = order_limit("cpu_seconds", child->limits.wall_seconds * 2);
	child->limits.memory_bytes = (int64_t) order_limit("memory_bytes", (double) options.memory_bytes);
	child->limits.file_bytes = 0;
	child->most_output = MOST_OUTPUT;
	child->most_errors = MOST_ERRORS;
	run_child(child);
}

/* What a probe that did not go well says to the one who uploaded the file. */
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
				task_source_fault("Reading it takes more memory than is allowed.");
			task_source_fault("It cannot be read: %s", reason[0] != '\0' ? reason : "it is damaged");
		case CHILD_CRASHED:
			task_source_fault("It makes the program that reads it crash.");
		case CHILD_TOO_LONG:
			task_source_fault("Reading it takes longer than is allowed.");
		case CHILD_TOO_MUCH_SAID:
			task_source_fault("It has more tracks and chapters than is allowed.");
		case CHILD_TOO_LARGE:
		case CHILD_KILLED:
			task_machine_fault("ffprobe was killed");
	}
	free(reason);
}

/* What ffprobe said, NULL where it is no JSON; the caller's. */
static json_t *
read_json(const Child *child)
{
	Buffer		clean = {NULL, 0, 0};
	json_t	   *json;

	append_utf8(&clean, child->output.data, child->output.length);
	json = json_loadb(clean.data, clean.length, 0, NULL);
	buffer_free(&clean);
	return json;
}

/* The first video track that is no cover picture; -1 if there is none. */
static int
video_track(json_t * probe, int *tracks)
{
	json_t	   *streams = json_object_get(probe, "streams");
	int			found = -1;
	size_t		i;
	json_t	   *stream;

	*tracks = 0;
	json_array_foreach(streams, i, stream)
	{
		const char *type = json_string_value(json_object_get(stream, "codec_type"));
		json_t	   *disposition = json_object_get(stream, "disposition");
		bool		cover = json_integer_value(json_object_get(disposition, "attached_pic")) != 0;

		if (type == NULL || (strcmp(type, "video") != 0 && strcmp(type, "audio") != 0) || cover)
			continue;
		(*tracks)++;
		if (found < 0 && strcmp(type, "video") == 0)
			found = (int) json_integer_value(json_object_get(stream, "index"));
	}
	return found;
}

/* A picture so large that its pixels alone are a bomb. */
static void
check_pixels(json_t * probe)
{
	size_t		i;
	json_t	   *stream;

	json_array_foreach(json_object_get(probe, "streams"), i, stream)
	{
		long long	width = json_integer_value(json_object_get(stream, "width"));
		long long	height = json_integer_value(json_object_get(stream, "height"));

		if ((double) width * (double) height > order_limit("pixels", MOST_PIXELS))
			task_source_fault("Its picture is too large: %lld x %lld.", width, height);
	}
}

/* The pictures of a part of the source. */
static json_t *
pictures(const Source *source, int track, const char *interval, Child *child)
{
	char	   *stream = format_text("%d", track);
	const char *what[] = {
		"-select_streams", stream, "-read_intervals", interval, "-show_frames", "-show_entries",
		"frame=key_frame,pts_time,pkt_dts_time,pkt_duration_time,interlaced_frame,top_field_first,repeat_pict",
		NULL
	};
	json_t	   *json;
	json_t	   *frames;

	run_ffprobe(child, source, what);
	free(stream);
	if (child->end == CHILD_KILLED)
		task_machine_fault("ffprobe was killed");
	json = child->end == CHILD_WELL ? read_json(child) : NULL;
	frames = json_incref(json_object_get(json, "frames"));
	json_decref(json);
	return frames;
}

/*
 * The first pictures, which tell what the head may not: interlacing, a varying rate,
 * and whether there are any that can be decoded. Where none stands in the first
 * seconds, some of the first that do.
 */
static json_t *
first_pictures(const Source *source, int track)
{
	char	   *interval = format_text("%%+%d", LOOKED_AT_SECONDS);
	Child		child;
	json_t	   *frames = pictures(source, track, interval, &child);

	free(interval);
	if (json_array_size(frames) == 0)
	{
		interval = format_text("%%+#%d", LOOKED_AT_PICTURES);
		frames = pictures(source, track, interval, &child);
		free(interval);
	}
	if (json_array_size(frames) == 0 && says_no_memory(child.errors.data))
		task_source_fault("Its picture takes more memory than is allowed.");
	if (json_array_size(frames) == 0)
		task_source_fault("Its picture cannot be decoded.");
	while (json_array_size(frames) > LOOKED_AT_PICTURES)
		json_array_remove(frames, json_array_size(frames) - 1);
	return frames;
}

/* Looks at a source: what ffprobe says of it, its demuxer, size and digest. */
void
do_probe(void)
{
	static const char *const what[] = {"-show_format", "-show_streams", "-show_chapters", NULL};
	Source		source;
	Child		child;
	json_t	   *probe;
	int			tracks;
	int			video;

	fetch_source(&source, 0.9);
	run_ffprobe(&child, &source, what);
	judge(&child);
	probe = read_json(&child);
	if (!json_is_object(probe))
		task_source_fault("It cannot be read: it is damaged.");
	check_pixels(probe);
	video = video_track(probe, &tracks);
	if (tracks == 0)
		task_source_fault("There is neither picture nor sound in it that can be read.");
	/* its name is this machine's affair */
	json_object_del(json_object_get(probe, "format"), "filename");
	if (video >= 0)
		json_object_set_new(probe, "frames", first_pictures(&source, video));
	task_done(json_pack("{s:s, s:o, s:s, s:I}",
						"demuxer", source.demuxer,
						"probe", probe,
						"sha256", source.sha256,
						"size", (json_int_t) source.size));
}
