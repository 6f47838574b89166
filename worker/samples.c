/*-------------------------------------------------------------------------
 *
 * samples.c
 *		Which bytes of a sample are encrypted (ISO/IEC 23001-7).
 *
 * Sound is encrypted as it is. Of pictures what decoders and players read before
 * they decrypt stays clear: lengths, heads of NAL units and slices, parameter
 * sets and messages.
 *
 *-------------------------------------------------------------------------
 */
#include "samples.h"

#include <stdlib.h>
#include <string.h>

#define AES_BLOCK	16
#define MOST_CLEAR	65535

/* Widths of a sample entry's fields before the boxes in it */
#define VIDEO_ENTRY	78
#define AUDIO_ENTRY	28

typedef struct Format
{
	uint32_t	format;
	Coding		coding;
} Format;

static const Format formats[] = {
	{BOX_TYPE('a', 'v', 'c', '1'), CODING_AVC},
	{BOX_TYPE('a', 'v', 'c', '3'), CODING_AVC},
	{BOX_TYPE('h', 'v', 'c', '1'), CODING_HEVC},
	{BOX_TYPE('h', 'e', 'v', '1'), CODING_HEVC},
	{BOX_TYPE('a', 'v', '0', '1'), CODING_AV1},
	{BOX_TYPE('m', 'p', '4', 'a'), CODING_AUDIO},
	{BOX_TYPE('O', 'p', 'u', 's'), CODING_AUDIO},
	{BOX_TYPE('f', 'L', 'a', 'C'), CODING_AUDIO},
	{BOX_TYPE('a', 'c', '-', '3'), CODING_AUDIO},
	{BOX_TYPE('e', 'c', '-', '3'), CODING_AUDIO},
};

/* Takes a NAL unit of the track's coding. */
static const char *
take_nal(Track *track, const unsigned char *nal, size_t size, size_t *clear)
{
	if (track->coding == CODING_AVC)
		return avc_nal(track->avc, nal, size, clear);
	return hevc_nal(track->hevc, nal, size, clear);
}

/* Takes so many parameter sets, each behind its length of two bytes. */
static const char *
take_sets(Track *track, Reader *reader, uint32_t n)
{
	const char *problem = NULL;

	while (n-- > 0 && problem == NULL && !reader->overrun)
	{
		Reader		nal = read_bytes(reader, read_number(reader, 2));
		size_t		clear;

		if (!reader->overrun)
			problem = take_nal(track, nal.at, reader_left(&nal), &clear);
	}
	return problem;
}

/* avcC (ISO/IEC 14496-15): how long lengths are, and the parameter sets. */
static const char *
open_avc(Track *track, Reader boxes)
{
	Box			box;
	const char *problem;

	track->avc = avc_open();
	if (!find_box(boxes, BOX_TYPE('a', 'v', 'c', 'C'), &box))
		return "its sample description has no configuration";
	(void) read_bytes(&box.content, 4);
	track->length_size = (int) (read_number(&box.content, 1) & 3) + 1;
	problem = take_sets(track, &box.content, (uint32_t) read_number(&box.content, 1) & 31);
	if (problem == NULL)
		problem = take_sets(track, &box.content, (uint32_t) read_number(&box.content, 1));
	if (problem == NULL && box.content.overrun)
		return "its configuration is damaged";
	return problem;
}

/* hvcC, of the same standard. */
static const char *
open_hevc(Track *track, Reader boxes)
{
	Box			box;
	uint32_t	narrays;
	const char *problem = NULL;

	track->hevc = hevc_open();
	if (!find_box(boxes, BOX_TYPE('h', 'v', 'c', 'C'), &box))
		return "its sample description has no configuration";
	(void) read_bytes(&box.content, 21);
	track->length_size = (int) (read_number(&box.content, 1) & 3) + 1;
	narrays = (uint32_t) read_number(&box.content, 1);
	while (narrays-- > 0 && problem == NULL)
	{
		(void) read_number(&box.content, 1);
		problem = take_sets(track, &box.content, (uint32_t) read_number(&box.content, 2));
	}
	if (problem == NULL && box.content.overrun)
		return "its configuration is damaged";
	return problem;
}

/* av1C: the sequence header may be in it, or come with the samples. */
static const char *
open_av1(Track *track, Reader boxes)
{
	Box			box;
	Subsamples	none = {0};

	track->av1 = av1_open();
	if (!find_box(boxes, BOX_TYPE('a', 'v', '1', 'C'), &box))
		return "its sample description has no configuration";
	(void) read_bytes(&box.content, 4);
	if (box.content.overrun)
		return "its configuration is damaged";
	return av1_unit(track->av1, box.content.at, reader_left(&box.content), &none);
}

/*
 * Takes the content of a sample entry, of whose bytes so many, fields, stand
 * before its boxes. Returns what is wrong with it, or NULL.
 */
const char *
track_open(Track *track, uint32_t format, Reader entry, size_t *fields)
{
	size_t		i = 0;

	memset(track, 0, sizeof(*track));
	while (i < sizeof(formats) / sizeof(formats[0]) && formats[i].format != format)
		i++;
	if (i == sizeof(formats) / sizeof(formats[0]))
		return "its codec is none that is encrypted here";
	track->format = format;
	track->coding = formats[i].coding;
	*fields = track->coding == CODING_AUDIO ? AUDIO_ENTRY : VIDEO_ENTRY;
	(void) read_bytes(&entry, *fields);
	if (entry.overrun)
		return "its sample description is damaged";
	switch (track->coding)
	{
		case CODING_AVC:
			return open_avc(track, entry);
		case CODING_HEVC:
			return open_hevc(track, entry);
		case CODING_AV1:
			return open_av1(track, entry);
		case CODING_AUDIO:
			break;
	}
	return NULL;
}

/* Lets go of what track_open() took. */
void
track_close(Track *track)
{
	free(track->avc);
	free(track->hevc);
	free(track->av1);
	memset(track, 0, sizeof(*track));
}

/* Adds a piece as it is written. */
static void
put_subsample(Subsamples *subsamples, size_t clear, size_t protected)
{
	if (subsamples->n == MOST_SUBSAMPLES)
	{
		subsamples->too_many = true;
		return;
	}
	subsamples->of[subsamples->n++] = (Subsample)
	{
		(uint32_t) clear, (uint32_t) protected
	};
}

/*
 * Adds bytes that stay clear, and behind them such as are protected. Of those only
 * whole blocks are where the scheme wants it so; the rest is clear, in front.
 */
void
add_subsample(Subsamples *subsamples, size_t clear, size_t protected)
{
	size_t		rest = protected % AES_BLOCK;

	if (protected < AES_BLOCK)
		rest = protected;
	else if (!subsamples->whole_blocks)
		rest = 0;
	subsamples->pending += clear + rest;
	protected -= rest;
	if (protected == 0)
		return;
	while (subsamples->pending > MOST_CLEAR && !subsamples->too_many)
	{
		put_subsample(subsamples, MOST_CLEAR, 0);
		subsamples->pending -= MOST_CLEAR;
	}
	put_subsample(subsamples, subsamples->pending, protected);
	subsamples->pending = 0;
}

/* The clear bytes behind the last that are protected. */
static void
end_subsamples(Subsamples *subsamples)
{
	while (subsamples->pending > 0 && !subsamples->too_many)
	{
		size_t		clear = subsamples->pending < MOST_CLEAR ? subsamples->pending : MOST_CLEAR;

		put_subsample(subsamples, clear, 0);
		subsamples->pending -= clear;
	}
}

/* The NAL units of a picture. */
static const char *
map_nals(Track *track, Reader sample, Subsamples *subsamples)
{
	while (reader_left(&sample) > 0)
	{
		size_t		length = (size_t) read_number(&sample, track->length_size);
		Reader		nal = read_bytes(&sample, length);
		size_t		clear = length;
		const char *problem;

		if (sample.overrun)
			return "a picture of it is damaged";
		problem = take_nal(track, nal.at, length, &clear);
		if (problem != NULL)
			return problem;
		add_subsample(subsamples, (size_t) track->length_size + clear, length - clear);
	}
	return NULL;
}

/*
 * Which bytes of a sample are protected; in blocks of 16 for whole_blocks. The
 * samples come in their order. Returns what is wrong, or NULL.
 */
const char *
track_map(Track *track, const unsigned char *sample, size_t size, bool whole_blocks, Subsamples *subsamples)
{
	const char *problem = NULL;

	memset(subsamples, 0, sizeof(*subsamples));
	subsamples->whole_blocks = whole_blocks;
	if (track->coding == CODING_AUDIO)
		return NULL;
	if (track->coding == CODING_AV1)
		problem = av1_unit(track->av1, sample, size, subsamples);
	else
		problem = map_nals(track, reader_of(sample, size), subsamples);
	end_subsamples(subsamples);
	if (problem == NULL && subsamples->too_many)
		return "a picture of it has more slices than can be described";
	return problem;
}
