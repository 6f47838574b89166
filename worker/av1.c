/*-------------------------------------------------------------------------
 *
 * av1.c
 *		Where the tiles of AV1 are (AV1 Bitstream & Decoding Process
 *		Specification, 5.3 and 5.11).
 *
 * Tiles alone are encrypted ("Carriage of AV1 in ISOBMFF", 5.4); heads of frames
 * and sizes of tiles stay clear. Every field of a head has to be read to find its
 * end: av1_sequence.c, av1_frame.c.
 *
 *-------------------------------------------------------------------------
 */
#include "av1.h"

enum
{
	OBU_SEQUENCE = 1,
	OBU_FRAME_HEAD = 3,
	OBU_TILE_GROUP = 4,
	OBU_FRAME = 6
};

/* What is known of a track before its sequence's head; the caller frees it. */
Av1State *
av1_open(void)
{
	return allocate(sizeof(Av1State));
}

/* A number in bytes of seven bits (4.10.5); false where it is none. */
static bool
read_leb128(Reader *reader, uint64_t *value)
{
	*value = 0;
	for (int i = 0; i < 8; i++)
	{
		uint64_t	byte = read_number(reader, 1);

		*value |= (byte & 127) << (7 * i);
		if ((byte & 128) == 0)
			return !reader->overrun;
	}
	return false;
}

/* A number of so many bytes, the least significant one first. */
static uint64_t
read_little(Reader *reader, int length)
{
	uint64_t	number = 0;

	for (int i = 0; i < length; i++)
		number |= read_number(reader, 1) << (8 * i);
	return number;
}

/* A group of tiles; done is what the subsamples have of the unit so far. */
static const char *
take_tiles(Av1State *state, Bits *bits, Reader group, const unsigned char **done, Subsamples *subsamples)
{
	const Frame *frame = &state->frame;
	uint32_t	first = 0;
	uint32_t	last = frame->ntiles - 1;

	if (!state->in_frame)
		return "tiles of it belong to no picture";
	if (frame->ntiles > 1 && bits_get(bits, 1))
	{
		int			width = frame->columns_bits + frame->rows_bits;

		first = bits_get(bits, width);
		last = bits_get(bits, width);
	}
	if (bits->overrun || last >= frame->ntiles || first > last)
		return AV1_DAMAGED;
	(void) read_bytes(&group, bits_bytes_used(bits));
	for (uint32_t i = first; i <= last; i++)
	{
		uint64_t	size = i == last ? reader_left(&group) : read_little(&group, frame->tile_size_bytes) + 1;
		Reader		tile = read_bytes(&group, size);

		if (group.overrun)
			return AV1_DAMAGED;
		add_subsample(subsamples, (size_t) (tile.at - *done), (size_t) size);
		*done = tile.end;
	}
	if (last == frame->ntiles - 1)
		state->in_frame = false;
	return NULL;
}

/* One OBU (5.3): its head, and what it holds. */
static const char *
take_obu(Av1State *state, Reader *unit, const unsigned char **done, Subsamples *subsamples)
{
	uint32_t	head = (uint32_t) read_number(unit, 1);
	uint32_t	extension = head & 4 ? (uint32_t) read_number(unit, 1) : 0;
	uint32_t	type = head >> 3 & 15;
	uint64_t	size = reader_left(unit);
	Reader		content;
	Bits		bits;
	const char *problem = NULL;

	if ((head & 2) && !read_leb128(unit, &size))
		return AV1_DAMAGED;
	content = read_bytes(unit, size);
	if (unit->overrun)
		return AV1_DAMAGED;
	state->temporal = extension >> 5;
	state->spatial = extension >> 3 & 3;
	bits = bits_of(content.at, reader_left(&content), false);
	if (type == OBU_SEQUENCE)
		return av1_take_sequence(state, bits);
	if (type == OBU_FRAME || type == OBU_FRAME_HEAD)
		problem = av1_take_frame(state, &bits);
	if (problem == NULL && (type == OBU_FRAME || type == OBU_TILE_GROUP))
	{
		if (bits.bit > 0)
			bits_skip(&bits, 8 - (uint32_t) bits.bit);
		problem = take_tiles(state, &bits, content, done, subsamples);
	}
	return problem;
}

/* Takes the OBUs of a sample: see samples.h. */
const char *
av1_unit(Av1State *state, const unsigned char *unit, size_t size, Subsamples *subsamples)
{
	Reader		reader = reader_of(unit, size);
	const unsigned char *done = unit;
	const char *problem = NULL;

	state->in_frame = false;
	while (reader_left(&reader) > 0 && problem == NULL)
		problem = take_obu(state, &reader, &done, subsamples);
	add_subsample(subsamples, (size_t) (reader.end - done), 0);
	return problem;
}
