/*-------------------------------------------------------------------------
 *
 * head.c
 *		What the head of a CMAF track file (ISO/IEC 23000-19) says of it.
 *
 * A rendition is one file: ftyp, moov, one sidx, fragments. Its head ends with
 * the sidx. The bytes come from a worker and are untrusted; what a player
 * could not play is refused with a reason that a person understands.
 *
 *-------------------------------------------------------------------------
 */
#include "media/head.h"

#define BOX(a, b, c, d)		VV_BOX_TYPE(a, b, c, d)

/* Widths of a sample entry's fields before the boxes in it */
#define ENTRY_HEAD			8
#define VIDEO_ENTRY			70
#define AUDIO_ENTRY			20

/* A day of segments of a second */
#define MAX_SEGMENTS		86400

/* The movie's edit list: where in the media the presentation begins. */
static const char *
read_edit_list(VvBytes track, VvHead *head)
{
	VvBox		box;
	int			version;
	uint32		nentries;

	if (!vv_find_box(track, BOX ('e', 'd', 't', 's'), &box) ||
		!vv_find_box(box.content, BOX ('e', 'l', 's', 't'), &box))
		return NULL;
	version = vv_full_box_version(&box.content, NULL);
	nentries = (uint32) vv_get_number(&box.content, 4);
	if (nentries != 1)
		return "its edit list has not one entry";
	vv_skip(&box.content, version == 1 ? 8 : 4);
	head->edit_start = version == 1 ? (int64) vv_get_number(&box.content, 8) :
		(int32) vv_get_number(&box.content, 4);
	if (box.content.overrun || head->edit_start < 0)
		return "its edit list is damaged";
	return NULL;
}

/* mdhd: the timescale and the language, which is "und" where it is none. */
static const char *
read_media_header(VvBytes media, VvHead *head)
{
	VvBox		box;
	int			version;
	int			packed;

	if (!vv_find_box(media, BOX ('m', 'd', 'h', 'd'), &box))
		return "it has no media header";
	version = vv_full_box_version(&box.content, NULL);
	vv_skip(&box.content, version == 1 ? 16 : 8);
	head->timescale = (uint32) vv_get_number(&box.content, 4);
	vv_skip(&box.content, version == 1 ? 8 : 4);
	packed = (int) vv_get_number(&box.content, 2);
	for (int i = 0; i < 3; i++)
		head->language[i] = (char) (0x60 + (packed >> (10 - 5 * i) & 31));
	head->language[3] = '\0';
	if (strspn(head->language, "abcdefghijklmnopqrstuvwxyz") != 3)
		strlcpy(head->language, "und", sizeof(head->language));
	if (box.content.overrun || head->timescale == 0)
		return "its media header is damaged";
	return NULL;
}

/* hdlr: video, audio or text. */
static const char *
read_kind(VvBytes media, VvHead *head)
{
	VvBox		box;

	if (!vv_find_box(media, BOX ('h', 'd', 'l', 'r'), &box))
		return "it has no handler";
	vv_skip(&box.content, 8);
	switch ((uint32) vv_get_number(&box.content, 4))
	{
			case BOX	('v', 'i', 'd', 'e'):
						head->kind = VV_TRACK_VIDEO;

			return NULL;
			case BOX	('s', 'o', 'u', 'n'):
						head->kind = VV_TRACK_AUDIO;

			return NULL;
			case BOX	('t', 'e', 'x', 't'):
			case BOX	('s', 'u', 'b', 't'):
						head->kind = VV_TRACK_TEXT;

			return NULL;
		default:
			return "it is neither video nor audio nor text";
	}
}

/* Of an encrypted entry: the format it would have, the scheme and the key. */
static const char *
read_protection(VvBytes boxes, VvHead *head, uint32 *format)
{
	VvBox		sinf;
	VvBox		box;
	uint32		scheme;

	if (!vv_find_box(boxes, BOX ('s', 'i', 'n', 'f'), &sinf) ||
		!vv_find_box(sinf.content, BOX ('f', 'r', 'm', 'a'), &box))
		return "it is encrypted and does not say what";
	*format = (uint32) vv_get_number(&box.content, 4);
	if (!vv_find_box(sinf.content, BOX ('s', 'c', 'h', 'm'), &box))
		return "it is encrypted and does not say how";
	vv_skip(&box.content, 4);
	scheme = (uint32) vv_get_number(&box.content, 4);
	if (scheme != BOX ('c', 'e', 'n', 'c') && scheme != BOX ('c', 'b', 'c', 's'))
		return "it is encrypted by another scheme than cenc and cbcs";
	strlcpy(head->scheme, scheme == BOX ('c', 'e', 'n', 'c') ? "cenc" : "cbcs",
			sizeof(head->scheme));
	if (!vv_find_box(sinf.content, BOX ('s', 'c', 'h', 'i'), &box) ||
		!vv_find_box(box.content, BOX ('t', 'e', 'n', 'c'), &box))
		return "it is encrypted and names no key";
	vv_skip(&box.content, 8);
	for (int i = 0; i < 16; i++)
		head->key_id[i] = (uint8) vv_get_number(&box.content, 1);
	head->encrypted = true;
	return box.content.overrun ? "what it says of its encryption is damaged" :
		NULL;
}

/* colr of type nclx; other ones say nothing that is used. */
static void
read_colour(VvBytes boxes, VvHead *head)
{
	VvBox		box;

	if (!vv_find_box(boxes, BOX ('c', 'o', 'l', 'r'), &box) ||
		vv_get_number(&box.content, 4) != BOX ('n', 'c', 'l', 'x'))
		return;
	head->primaries = (int) vv_get_number(&box.content, 2);
	head->transfer = (int) vv_get_number(&box.content, 2);
	head->matrix = (int) vv_get_number(&box.content, 2);
	head->full_range = (vv_get_number(&box.content, 1) & 0x80) != 0;
}

/* pasp; without one samples are square. */
static void
read_sample_aspect(VvBytes boxes, VvHead *head)
{
	VvBox		box;
	uint64		width;
	uint64		height;

	if (!vv_find_box(boxes, BOX ('p', 'a', 's', 'p'), &box))
		return;
	width = vv_get_number(&box.content, 4);
	height = vv_get_number(&box.content, 4);
	if (width > 0 && height > 0 && width <= INT_MAX && height <= INT_MAX)
	{
		head->sample_aspect_width = (int) width;
		head->sample_aspect_height = (int) height;
	}
}

/* What a sample entry of the track's kind has before its boxes. */
static void
read_entry_fields(VvBytes *entry, VvHead *head)
{
	VvBytes		fields;

	vv_skip(entry, ENTRY_HEAD);
	if (head->kind == VV_TRACK_VIDEO)
	{
		fields = vv_get_bytes(entry, VIDEO_ENTRY);
		vv_skip(&fields, 16);
		head->width = (int) vv_get_number(&fields, 2);
		head->height = (int) vv_get_number(&fields, 2);
	}
	else if (head->kind == VV_TRACK_AUDIO)
	{
		fields = vv_get_bytes(entry, AUDIO_ENTRY);
		vv_skip(&fields, 8);
		head->channels = (int) vv_get_number(&fields, 2);
		vv_skip(&fields, 6);
		head->sample_rate = (int) (vv_get_number(&fields, 4) >> 16);
	}
}

/* stsd: the one sample entry with codec, size and protection. */
static const char *
read_sample_entry(VvBytes media, VvHead *head)
{
	VvBox		box;
	uint32		format;
	const char *problem = NULL;

	if (!vv_find_box(media, BOX ('m', 'i', 'n', 'f'), &box) ||
		!vv_find_box(box.content, BOX ('s', 't', 'b', 'l'), &box) ||
		!vv_find_box(box.content, BOX ('s', 't', 's', 'd'), &box))
		return "it has no sample description";
	(void) vv_full_box_version(&box.content, NULL);
	if (vv_get_number(&box.content, 4) != 1)
		return "it has not one sample description";
	if (!vv_next_box(&box.content, &box) || !box.whole)
		return "its sample description is damaged";
	format = box.type;
	read_entry_fields(&box.content, head);
	if (format == BOX ('e', 'n', 'c', 'v') || format == BOX ('e', 'n', 'c', 'a'))
		problem = read_protection(box.content, head, &format);
	if (problem != NULL)
		return problem;
	if (box.content.overrun ||
		!vv_codec_string(format, box.content, head->codec))
		return "its codec is unknown or damaged";
	read_colour(box.content, head);
	read_sample_aspect(box.content, head);
	if (head->kind == VV_TRACK_VIDEO && (head->width == 0 || head->height == 0))
		return "it has no size";
	if (head->kind == VV_TRACK_AUDIO && head->channels == 0)
		return "it has no channels";
	return NULL;
}

/* trak: all that is said of the one track. */
static const char *
read_track(VvBytes track, VvHead *head)
{
	VvBox		media;
	const char *problem;

	if (!vv_find_box(track, BOX ('m', 'd', 'i', 'a'), &media))
		return "its track has no media";
	if ((problem = read_media_header(media.content, head)) != NULL ||
		(problem = read_kind(media.content, head)) != NULL ||
		(problem = read_sample_entry(media.content, head)) != NULL)
		return problem;
	return read_edit_list(track, head);
}

/* moov: it has one track, and is fragmented. */
static const char *
read_movie(VvBytes movie, VvHead *head)
{
	VvBytes		rest = movie;
	VvBox		box;
	VvBytes		track = {0};
	int			ntracks = 0;

	while (vv_next_box(&rest, &box))
	{
		if (box.type != BOX ('t', 'r', 'a', 'k'))
			continue;
		track = box.content;
		ntracks++;
	}
	if (rest.overrun)
		return "its movie box is damaged";
	if (ntracks != 1)
		return "it has not one track";
	if (!vv_find_box(movie, BOX ('m', 'v', 'e', 'x'), &box))
		return "it is not fragmented";
	return read_track(track, head);
}

/* One reference of the index: a segment. */
static const char *
read_reference(VvBytes *index, VvHead *head, int i)
{
	uint32		size = (uint32) vv_get_number(index, 4);
	uint32		duration = (uint32) vv_get_number(index, 4);
	uint32		access = (uint32) vv_get_number(index, 4);

	if (size & 0x80000000)
		return "its index points to another index";
	if (size == 0 || duration == 0 || duration > INT_MAX)
		return "its index has an empty segment";
	/* bit 31: begins with an access point; bits 28 to 30: its type, 0 unknown */
	if (head->kind == VV_TRACK_VIDEO &&
		(!(access & 0x80000000) || (access >> 28 & 7) > 2))
		return "a segment of it does not begin with a picture that can be decoded alone";
	head->sizes[i] = (int32) size;
	head->durations[i] = (int32) duration;
	return NULL;
}

/* sidx: durations and sizes of all segments. */
static const char *
read_index(VvBytes index, VvHead *head)
{
	int			version = vv_full_box_version(&index, NULL);
	uint32		timescale;
	uint64		offset;
	const char *problem = NULL;

	vv_skip(&index, 4);
	timescale = (uint32) vv_get_number(&index, 4);
	head->start = vv_get_number(&index, version == 0 ? 4 : 8);
	offset = vv_get_number(&index, version == 0 ? 4 : 8);
	vv_skip(&index, 2);
	head->nsegments = (int) vv_get_number(&index, 2);
	if (index.overrun || timescale != head->timescale)
		return "its index counts time otherwise than its track";
	if (head->nsegments == 0 || head->nsegments > MAX_SEGMENTS ||
		vv_bytes_left(&index) < (uint64) head->nsegments * 12)
		return "its index is empty or damaged";
	if (offset > PG_INT32_MAX)
		return "its first segment is too far away";
	head->first_offset = head->init_size + head->index_size + offset;
	head->durations = palloc(sizeof(int32) * head->nsegments);
	head->sizes = palloc(sizeof(int32) * head->nsegments);
	for (int i = 0; i < head->nsegments && problem == NULL; i++)
		problem = read_reference(&index, head, i);
	return problem;
}

/*
 * Reads the head of a file: the bytes up to the end of its index, or more.
 * Returns what is wrong with it, or NULL.
 */
const char *
vv_read_head(const uint8 *data, uint64 len, VvHead *head)
{
	VvBytes		file = vv_bytes(data, len);
	VvBox		box;
	bool		has_movie = false;
	const char *problem = NULL;

	memset(head, 0, sizeof(*head));
	head->sample_aspect_width = head->sample_aspect_height = 1;
	head->primaries = head->transfer = head->matrix = 2;
	if (!vv_next_box(&file, &box) || box.type != BOX ('f', 't', 'y', 'p'))
		return "it does not begin as an MP4 file does";
	for (;;)
	{
		head->init_size = file.at - data;
		if (!vv_next_box(&file, &box) || !box.whole)
			return has_movie ? "its index is not among these bytes" :
				"its movie box is not among these bytes";
		if (box.type == BOX ('m', 'o', 'o', 'v') && !has_movie)
		{
			problem = read_movie(box.content, head);
			has_movie = true;
		}
		else if (box.type == BOX ('s', 'i', 'd', 'x') && has_movie)
			break;
		else if (box.type == BOX ('m', 'o', 'o', 'f') ||
				 box.type == BOX ('m', 'd', 'a', 't'))
			return "it has no index before its first fragment";
		if (problem != NULL)
			return problem;
	}
	head->index_size = box.size;
	return read_index(box.content, head);
}
