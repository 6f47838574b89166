/*-------------------------------------------------------------------------
 *
 * av1.c
 *		Where the tiles of AV1 are (AV1 Bitstream & Decoding Process
 *		Specification, 5.5 to 5.11).
 *
 * Tiles alone are encrypted ("Carriage of AV1 in ISOBMFF", 5.4); heads of frames
 * and sizes of tiles stay clear. Every field of a head has to be read to find its
 * end, and some are there or not by what earlier frames were.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "bits.h"
#include "samples.h"

#define NREFERENCES		7		/* of a frame */
#define NSLOTS			8		/* frames that are kept */
#define NO_PRIMARY		7
#define NSEGMENTS		8
#define NFEATURES		8
#define MOST_POINTS		32		/* operating points */
#define SELECTED		2		/* said by each frame */
#define MOST_TILE_WIDTH	4096
#define MOST_TILE_AREA	(4096 * 2304)
#define MOST_TILES		64		/* in a row or a column */

enum
{
	OBU_SEQUENCE = 1,
	OBU_FRAME_HEAD = 3,
	OBU_TILE_GROUP = 4,
	OBU_FRAME = 6
};

enum
{
	FRAME_KEY,
	FRAME_INTER,
	FRAME_INTRA_ONLY,
	FRAME_SWITCH
};

typedef struct OperatingPoint
{
	uint32_t	layers;
	bool		has_model;
} OperatingPoint;

typedef struct Sequence
{
	bool		known;
	bool		reduced;
	bool		has_model;
	bool		equal_interval;
	int			removal_bits;
	int			presentation_bits;
	uint32_t	npoints;
	OperatingPoint points[MOST_POINTS];
	int			width_bits;
	int			height_bits;
	uint32_t	width;
	uint32_t	height;
	int			frame_id_bits;	/* 0: frames have none */
	int			delta_id_bits;
	bool		large_blocks;
	bool		warped_motion;
	bool		reference_mvs;
	uint32_t	screen_content;
	uint32_t	integer_mv;
	int			order_bits;
	bool		superres;
	bool		cdef;
	bool		restoration;
	bool		mono;
	bool		half_width;
	bool		half_height;
	bool		separate_v;
	bool		film_grain;
} Sequence;

/* The quantizers of segments, which decide whether a frame is lossless. */
typedef struct Segmentation
{
	bool		active[NSEGMENTS];
	int			change[NSEGMENTS];
} Segmentation;

/* What is kept of a frame. */
typedef struct Slot
{
	uint32_t	type;
	uint32_t	width;			/* as it is shown */
	uint32_t	height;
	uint32_t	order;
	Segmentation segmentation;
} Slot;

/* A frame's head while it is read, and until its last tile. */
typedef struct Frame
{
	uint32_t	type;
	bool		intra;
	bool		shown;
	bool		showable;
	bool		resilient;
	bool		size_override;
	bool		screen_content;
	bool		integer_mv;
	bool		precise_mv;
	bool		block_copy;
	uint32_t	order;
	uint32_t	primary;
	uint32_t	refresh;
	uint32_t	references[NREFERENCES];
	uint32_t	shown_width;
	uint32_t	width;
	uint32_t	height;
	uint32_t	quantizer;
	bool		quantizer_changes;	/* of some plane */
	bool		lossless;
	bool		compound;
	Segmentation segmentation;
	int			columns_bits;
	int			rows_bits;
	uint32_t	ntiles;
	int			tile_size_bytes;
} Frame;

struct Av1State
{
	Sequence	sequence;
	Slot		slots[NSLOTS];
	bool		in_frame;		/* tiles of it are still to come */
	Frame		frame;
	uint32_t	temporal;
	uint32_t	spatial;
};

static const char damaged[] = "a picture of it is damaged";

/* What is known of a track before its sequence's head; the caller frees it. */
Av1State *
av1_open(void)
{
	return allocate(sizeof(Av1State));
}

/* A signed number of so many bits. */
static int
get_signed(Bits *bits, int n)
{
	int			value = (int) bits_get(bits, n);

	return value >= 1 << (n - 1) ? value - (1 << n) : value;
}

/* A number below n, in as few bits as may be (4.10.7). */
static uint32_t
get_below(Bits *bits, uint32_t n)
{
	int			width = 0;
	uint32_t	short_ones;
	uint32_t	value;

	while (n >> width != 0)
		width++;
	short_ones = (1U << width) - n;
	value = bits_get(bits, width - 1);
	if (value < short_ones)
		return value;
	return (value << 1) - short_ones + bits_get(bits, 1);
}

/* A number of any length (4.10.3). */
static void
skip_any(Bits *bits)
{
	uint32_t	zeros = 0;

	while (!bits->overrun && bits_get(bits, 1) == 0)
		zeros++;
	if (zeros < 32)
		bits_skip(bits, zeros);
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

/* ---------------------------------------------------------------------------
 * The sequence's head (5.5)
 * ---------------------------------------------------------------------------
 */

/* The operating points, and the models of decoders. */
static void
read_points(Bits *bits, Sequence *sequence)
{
	uint32_t	delay_bits = 0;
	bool		has_delay;

	if (bits_get(bits, 1))
	{
		bits_skip(bits, 64);
		sequence->equal_interval = bits_get(bits, 1);
		if (sequence->equal_interval)
			skip_any(bits);
		sequence->has_model = bits_get(bits, 1);
		if (sequence->has_model)
		{
			delay_bits = bits_get(bits, 5) + 1;
			bits_skip(bits, 32);
			sequence->removal_bits = (int) bits_get(bits, 5) + 1;
			sequence->presentation_bits = (int) bits_get(bits, 5) + 1;
		}
	}
	has_delay = bits_get(bits, 1);
	sequence->npoints = bits_get(bits, 5) + 1;
	for (uint32_t i = 0; i < sequence->npoints; i++)
	{
		OperatingPoint *point = &sequence->points[i];

		point->layers = bits_get(bits, 12);
		if (bits_get(bits, 5) > 7)
			bits_skip(bits, 1);
		point->has_model = sequence->has_model && bits_get(bits, 1);
		if (point->has_model)
			bits_skip(bits, 2 * delay_bits + 1);
		if (has_delay && bits_get(bits, 1))
			bits_skip(bits, 4);
	}
}

/* The tools that a sequence has; one of a single picture has none of these. */
static void
read_tools(Bits *bits, Sequence *sequence)
{
	bool		has_order;

	bits_skip(bits, 2);
	sequence->warped_motion = bits_get(bits, 1);
	bits_skip(bits, 1);
	has_order = bits_get(bits, 1);
	if (has_order)
	{
		bits_skip(bits, 1);
		sequence->reference_mvs = bits_get(bits, 1);
	}
	sequence->screen_content = bits_get(bits, 1) ? SELECTED : bits_get(bits, 1);
	sequence->integer_mv = SELECTED;
	if (sequence->screen_content > 0 && bits_get(bits, 1) == 0)
		sequence->integer_mv = bits_get(bits, 1);
	if (has_order)
		sequence->order_bits = (int) bits_get(bits, 3) + 1;
}

/* 5.5.2 */
static void
read_colour(Bits *bits, Sequence *sequence, uint32_t profile)
{
	bool		deep = bits_get(bits, 1);
	bool		twelve = profile == 2 && deep && bits_get(bits, 1);
	bool		is_rgb = false;

	sequence->mono = profile != 1 && bits_get(bits, 1);
	if (bits_get(bits, 1))
		is_rgb = bits_get(bits, 24) == 0x010D00;	/* bt709, sRGB, identity */
	sequence->half_width = sequence->half_height = true;
	if (sequence->mono)
	{
		bits_skip(bits, 1);
		return;
	}
	if (is_rgb)
		sequence->half_width = sequence->half_height = false;
	else
	{
		bits_skip(bits, 1);
		if (profile == 1)
			sequence->half_width = sequence->half_height = false;
		else if (profile == 2 && twelve)
		{
			sequence->half_width = bits_get(bits, 1);
			sequence->half_height = sequence->half_width && bits_get(bits, 1);
		}
		else if (profile == 2)
			sequence->half_height = false;
		if (sequence->half_width && sequence->half_height)
			bits_skip(bits, 2);
	}
	sequence->separate_v = bits_get(bits, 1);
}

/* 5.5.1 */
static const char *
take_sequence(Av1State *state, Bits bits)
{
	Sequence	sequence = {.known = true, .screen_content = SELECTED, .integer_mv = SELECTED};
	uint32_t	profile = bits_get(&bits, 3);

	bits_skip(&bits, 1);
	sequence.reduced = bits_get(&bits, 1);
	if (sequence.reduced)
	{
		bits_skip(&bits, 5);
		sequence.npoints = 1;
	}
	else
		read_points(&bits, &sequence);
	sequence.width_bits = (int) bits_get(&bits, 4) + 1;
	sequence.height_bits = (int) bits_get(&bits, 4) + 1;
	sequence.width = bits_get(&bits, sequence.width_bits) + 1;
	sequence.height = bits_get(&bits, sequence.height_bits) + 1;
	if (!sequence.reduced && bits_get(&bits, 1))
	{
		sequence.delta_id_bits = (int) bits_get(&bits, 4) + 2;
		sequence.frame_id_bits = (int) bits_get(&bits, 3) + sequence.delta_id_bits + 1;
	}
	sequence.large_blocks = bits_get(&bits, 1);
	bits_skip(&bits, 2);
	if (!sequence.reduced)
		read_tools(&bits, &sequence);
	sequence.superres = bits_get(&bits, 1);
	sequence.cdef = bits_get(&bits, 1);
	sequence.restoration = bits_get(&bits, 1);
	read_colour(&bits, &sequence, profile);
	sequence.film_grain = bits_get(&bits, 1);
	if (bits.overrun)
		return damaged;
	state->sequence = sequence;
	return NULL;
}

/* ---------------------------------------------------------------------------
 * A frame's head (5.9)
 * ---------------------------------------------------------------------------
 */

/* The time at which it is to be shown. */
static void
skip_presentation(Bits *bits, const Sequence *sequence)
{
	if (sequence->has_model && !sequence->equal_interval)
		bits_skip(bits, (uint32_t) sequence->presentation_bits);
}

/* A frame that is shown is one of those that are kept; a key frame takes all their places. */
static void
show_existing(Av1State *state, Bits *bits)
{
	Slot		slot = state->slots[bits_get(bits, 3)];

	skip_presentation(bits, &state->sequence);
	bits_skip(bits, (uint32_t) state->sequence.frame_id_bits);
	if (slot.type != FRAME_KEY)
		return;
	for (int i = 0; i < NSLOTS; i++)
		state->slots[i] = slot;
}

/* When its bytes leave a decoder's buffer, by operating point. */
static void
skip_removal(Av1State *state, Bits *bits)
{
	const Sequence *sequence = &state->sequence;

	if (!sequence->has_model || bits_get(bits, 1) == 0)
		return;
	for (uint32_t i = 0; i < sequence->npoints; i++)
	{
		uint32_t	layers = sequence->points[i].layers;

		if (sequence->points[i].has_model &&
			(layers == 0 || ((layers >> state->temporal & 1) && (layers >> (state->spatial + 8) & 1))))
			bits_skip(bits, (uint32_t) sequence->removal_bits);
	}
}

/* What kind of frame it is, up to which frames it replaces. */
static void
read_kind(Av1State *state, Bits *bits, Frame *frame)
{
	const Sequence *sequence = &state->sequence;

	if (sequence->reduced)
	{
		frame->type = FRAME_KEY;
		frame->shown = frame->resilient = true;
	}
	else
	{
		frame->type = bits_get(bits, 2);
		frame->shown = bits_get(bits, 1);
		if (frame->shown)
			skip_presentation(bits, sequence);
		frame->showable = frame->shown ? frame->type != FRAME_KEY : bits_get(bits, 1);
		frame->resilient = frame->type == FRAME_SWITCH || (frame->type == FRAME_KEY && frame->shown) || bits_get(bits, 1);
	}
	frame->intra = frame->type == FRAME_KEY || frame->type == FRAME_INTRA_ONLY;
	if (frame->type == FRAME_KEY && frame->shown)
	{
		for (int i = 0; i < NSLOTS; i++)
			state->slots[i].order = 0;
	}
}

/* What follows that, up to the size. */
static void
read_order(Av1State *state, Bits *bits, Frame *frame, bool *fixed_contexts)
{
	const Sequence *sequence = &state->sequence;

	*fixed_contexts = bits_get(bits, 1);
	frame->screen_content = sequence->screen_content == SELECTED ? bits_get(bits, 1) : sequence->screen_content;
	if (frame->screen_content)
		frame->integer_mv = sequence->integer_mv == SELECTED ? bits_get(bits, 1) : sequence->integer_mv;
	bits_skip(bits, (uint32_t) sequence->frame_id_bits);
	frame->size_override = frame->type == FRAME_SWITCH || (!sequence->reduced && bits_get(bits, 1));
	frame->order = bits_get(bits, sequence->order_bits);
	frame->primary = frame->intra || frame->resilient ? NO_PRIMARY : bits_get(bits, 3);
	skip_removal(state, bits);
	frame->refresh = 255;
	if (frame->type != FRAME_SWITCH && !(frame->type == FRAME_KEY && frame->shown))
		frame->refresh = bits_get(bits, 8);
	if ((!frame->intra || frame->refresh != 255) && frame->resilient && sequence->order_bits > 0)
	{
		for (int i = 0; i < NSLOTS; i++)
			state->slots[i].order = bits_get(bits, sequence->order_bits);
	}
}

/* 5.9.8: the width that is coded may be a part of that which is shown. */
static void
read_superres(Bits *bits, const Sequence *sequence, Frame *frame)
{
	frame->width = frame->shown_width;
	if (sequence->superres && bits_get(bits, 1))
	{
		uint32_t	denominator = bits_get(bits, 3) + 9;

		frame->width = (frame->shown_width * 8 + denominator / 2) / denominator;
	}
}

/* 5.9.5 and 5.9.6 */
static void
read_size(Bits *bits, const Sequence *sequence, Frame *frame)
{
	frame->shown_width = sequence->width;
	frame->height = sequence->height;
	if (frame->size_override)
	{
		frame->shown_width = bits_get(bits, sequence->width_bits) + 1;
		frame->height = bits_get(bits, sequence->height_bits) + 1;
	}
	read_superres(bits, sequence, frame);
	if (bits_get(bits, 1))
		bits_skip(bits, 32);
}

/* 5.9.7: the size may be that of a frame it refers to. */
static void
read_size_with_references(Av1State *state, Bits *bits, Frame *frame)
{
	for (int i = 0; i < NREFERENCES; i++)
	{
		if (bits_get(bits, 1))
		{
			const Slot *slot = &state->slots[frame->references[i]];

			frame->shown_width = slot->width;
			frame->height = slot->height;
			read_superres(bits, &state->sequence, frame);
			return;
		}
	}
	read_size(bits, &state->sequence, frame);
}

/* The frames that it refers to, its size, and how motion is told. */
static const char *
read_references(Av1State *state, Bits *bits, Frame *frame)
{
	const Sequence *sequence = &state->sequence;

	if (sequence->order_bits > 0 && bits_get(bits, 1))
		return "its pictures name what they refer to in short, which is not known here";
	for (int i = 0; i < NREFERENCES; i++)
	{
		frame->references[i] = bits_get(bits, 3);
		bits_skip(bits, (uint32_t) sequence->delta_id_bits);
	}
	if (frame->size_override && !frame->resilient)
		read_size_with_references(state, bits, frame);
	else
		read_size(bits, sequence, frame);
	frame->precise_mv = !frame->integer_mv && bits_get(bits, 1);
	if (bits_get(bits, 1) == 0)
		bits_skip(bits, 2);
	bits_skip(bits, 1);
	if (!frame->resilient && sequence->reference_mvs)
		bits_skip(bits, 1);
	return NULL;
}

/* How often one has to be doubled to reach the other. */
static int
doublings(uint32_t from, uint32_t to)
{
	int			n = 0;

	while ((uint64_t) from << n < to)
		n++;
	return n;
}

/* One direction of tiles of one size: how many, and how many bits their number has. */
static uint32_t
read_equal_tiles(Bits *bits, uint32_t blocks, int least, int *tile_bits)
{
	int			most = doublings(1, blocks < MOST_TILES ? blocks : MOST_TILES);
	uint32_t	size;

	*tile_bits = least;
	while (*tile_bits < most && bits_get(bits, 1))
		(*tile_bits)++;
	size = (blocks + (1U << *tile_bits) - 1) >> *tile_bits;
	return (blocks + size - 1) / size;
}

/* One direction of tiles that each say how large they are. */
static uint32_t
read_tile_sizes(Bits *bits, uint32_t blocks, uint32_t most, int *tile_bits, uint32_t *widest)
{
	uint32_t	n = 0;

	*widest = 1;
	for (uint32_t at = 0; at < blocks && !bits->overrun; n++)
	{
		uint32_t	size = get_below(bits, blocks - at < most ? blocks - at : most) + 1;

		if (size > *widest)
			*widest = size;
		at += size;
	}
	*tile_bits = doublings(1, n);
	return n;
}

/* 5.9.15 */
static void
read_tiles(Bits *bits, const Sequence *sequence, Frame *frame)
{
	int			shift = sequence->large_blocks ? 7 : 6;
	uint32_t	columns = (frame->width + (1U << shift) - 1) >> shift;
	uint32_t	rows = (frame->height + (1U << shift) - 1) >> shift;
	uint32_t	most_width = MOST_TILE_WIDTH >> shift;
	uint32_t	area = columns * rows;
	int			least_columns = doublings(most_width, columns);
	int			least = doublings(MOST_TILE_AREA >> (2 * shift), area);
	uint32_t	ncolumns;
	uint32_t	nrows;

	if (least < least_columns)
		least = least_columns;
	if (bits_get(bits, 1))
	{
		ncolumns = read_equal_tiles(bits, columns, least_columns, &frame->columns_bits);
		least -= frame->columns_bits;
		nrows = read_equal_tiles(bits, rows, least > 0 ? least : 0, &frame->rows_bits);
	}
	else
	{
		uint32_t	widest;
		uint32_t	most_height;

		ncolumns = read_tile_sizes(bits, columns, most_width, &frame->columns_bits, &widest);
		most_height = (least > 0 ? area >> (least + 1) : area) / widest;
		nrows = read_tile_sizes(bits, rows, most_height > 0 ? most_height : 1, &frame->rows_bits, &widest);
	}
	frame->ntiles = ncolumns * nrows;
	if (frame->columns_bits > 0 || frame->rows_bits > 0)
	{
		bits_skip(bits, (uint32_t) (frame->columns_bits + frame->rows_bits));
		frame->tile_size_bytes = (int) bits_get(bits, 2) + 1;
	}
}

/* A quantizer's difference, if it has one. */
static void
read_difference(Bits *bits, Frame *frame)
{
	if (bits_get(bits, 1) && get_signed(bits, 7) != 0)
		frame->quantizer_changes = true;
}

/* 5.9.12 */
static void
read_quantizer(Bits *bits, const Sequence *sequence, Frame *frame)
{
	frame->quantizer = bits_get(bits, 8);
	read_difference(bits, frame);
	if (!sequence->mono)
	{
		bool		separate = sequence->separate_v && bits_get(bits, 1);

		for (int i = 0; i < (separate ? 4 : 2); i++)
			read_difference(bits, frame);
	}
	if (bits_get(bits, 1))
		bits_skip(bits, sequence->separate_v ? 12 : 8);
}

/* 5.9.14 */
static void
read_segmentation(Bits *bits, Frame *frame)
{
	static const int widths[NFEATURES] = {9, 7, 7, 7, 7, 3, 0, 0};	/* with the sign */

	if (bits_get(bits, 1) == 0)
	{
		memset(&frame->segmentation, 0, sizeof(frame->segmentation));
		return;
	}
	if (frame->primary != NO_PRIMARY)
	{
		if (bits_get(bits, 1))
			bits_skip(bits, 1);
		if (bits_get(bits, 1) == 0)
			return;				/* as in the frame that it takes after */
	}
	memset(&frame->segmentation, 0, sizeof(frame->segmentation));
	for (int segment = 0; segment < NSEGMENTS; segment++)
	{
		for (int feature = 0; feature < NFEATURES; feature++)
		{
			if (bits_get(bits, 1) == 0)
				continue;
			if (feature > 0)
				bits_skip(bits, (uint32_t) widths[feature]);
			else
			{
				frame->segmentation.active[segment] = true;
				frame->segmentation.change[segment] = get_signed(bits, widths[0]);
			}
		}
	}
}

/* How quantizer and filter may change between blocks (5.9.17, 5.9.18). */
static void
read_changes(Bits *bits, const Frame *frame)
{
	if (frame->quantizer == 0 || bits_get(bits, 1) == 0)
		return;
	bits_skip(bits, 2);
	if (!frame->block_copy && bits_get(bits, 1))
		bits_skip(bits, 3);
}

/* Is every segment of it without loss? */
static bool
is_lossless(const Frame *frame)
{
	if (frame->quantizer_changes)
		return false;
	for (int i = 0; i < NSEGMENTS; i++)
	{
		int			quantizer = (int) frame->quantizer;

		if (frame->segmentation.active[i])
			quantizer += frame->segmentation.change[i];
		if (quantizer > 0)
			return false;
	}
	return true;
}

/* 5.9.11 and 5.9.19 */
static void
read_filters(Bits *bits, const Sequence *sequence, const Frame *frame)
{
	bool		any;

	if (frame->lossless || frame->block_copy)
		return;
	any = bits_get(bits, 12) != 0;
	if (!sequence->mono && any)
		bits_skip(bits, 12);
	bits_skip(bits, 3);
	if (bits_get(bits, 1) && bits_get(bits, 1))
	{
		for (int i = 0; i < 10; i++)
		{
			if (bits_get(bits, 1))
				bits_skip(bits, 7);
		}
	}
	if (sequence->cdef)
	{
		bits_skip(bits, 2);
		bits_skip(bits, (sequence->mono ? 6U : 12U) << bits_get(bits, 2));
	}
}

/* 5.9.20 */
static void
read_restoration(Bits *bits, const Sequence *sequence, const Frame *frame)
{
	bool		used = false;
	bool		used_by_chroma = false;

	if ((frame->lossless && frame->width == frame->shown_width) || frame->block_copy || !sequence->restoration)
		return;
	for (int plane = 0; plane < (sequence->mono ? 1 : 3); plane++)
	{
		if (bits_get(bits, 2) == 0)
			continue;
		used = true;
		used_by_chroma |= plane > 0;
	}
	if (!used)
		return;
	if (bits_get(bits, 1) && !sequence->large_blocks)
		bits_skip(bits, 1);
	if (sequence->half_width && sequence->half_height && used_by_chroma)
		bits_skip(bits, 1);
}

/* How much later one is than another, where numbers begin anew (5.9.3). */
static int
distance(const Sequence *sequence, uint32_t one, uint32_t other)
{
	int			half = 1 << (sequence->order_bits - 1);
	int			difference = (int) one - (int) other;

	return (difference & (half - 1)) - (difference & half);
}

/* 5.9.22: is there a mode by which blocks are skipped, between two references? */
static bool
may_skip(const Av1State *state, const Frame *frame)
{
	const Sequence *sequence = &state->sequence;
	bool		has_later = false;
	bool		has_earlier = false;
	bool		has_second = false;
	uint32_t	earlier = 0;

	if (frame->intra || !frame->compound || sequence->order_bits == 0)
		return false;
	for (int i = 0; i < NREFERENCES; i++)
	{
		uint32_t	order = state->slots[frame->references[i]].order;
		int			difference = distance(sequence, order, frame->order);

		has_later |= difference > 0;
		if (difference < 0 && (!has_earlier || distance(sequence, order, earlier) > 0))
		{
			has_earlier = true;
			earlier = order;
		}
	}
	if (!has_earlier || has_later)
		return has_earlier;
	for (int i = 0; i < NREFERENCES; i++)
		has_second |= distance(sequence, state->slots[frame->references[i]].order, earlier) < 0;
	return has_second;
}

/* A number that is near another one (5.9.26); that does not change how long it is. */
static void
skip_near(Bits *bits, uint32_t n)
{
	uint32_t	passed = 0;

	for (int i = 0; !bits->overrun; i++)
	{
		int			width = i > 0 ? i + 2 : 3;
		uint32_t	step = 1U << width;

		if (n <= passed + 3 * step)
		{
			(void) get_below(bits, n - passed);
			return;
		}
		if (bits_get(bits, 1) == 0)
		{
			bits_skip(bits, (uint32_t) width);
			return;
		}
		passed += step;
	}
}

/* 5.9.24 */
static void
read_motion(Bits *bits, const Frame *frame)
{
	const uint32_t linear = (2U << 12) + 1;

	for (int i = 0; i < NREFERENCES && !frame->intra; i++)
	{
		bool		zoom;
		bool		translation;

		if (bits_get(bits, 1) == 0)
			continue;
		zoom = bits_get(bits, 1);
		translation = !zoom && bits_get(bits, 1);
		for (int n = translation ? 0 : zoom ? 2 : 4; n > 0; n--)
			skip_near(bits, linear);
		for (int n = 0; n < 2; n++)
			skip_near(bits, translation ? (2U << (frame->precise_mv ? 9 : 8)) + 1 : linear);
	}
}

/* Numbers of points of a curve, two bytes each. */
static uint32_t
skip_points(Bits *bits)
{
	uint32_t	n = bits_get(bits, 4);

	bits_skip(bits, n * 16);
	return n;
}

/* 5.9.30 */
static void
read_grain(Bits *bits, const Sequence *sequence, const Frame *frame)
{
	uint32_t	npoints[3] = {0};
	bool		from_luma;
	uint32_t	lag;
	uint32_t	ncoefficients;

	if (!sequence->film_grain || (!frame->shown && !frame->showable) || bits_get(bits, 1) == 0)
		return;
	bits_skip(bits, 16);
	if (frame->type == FRAME_INTER && bits_get(bits, 1) == 0)
	{
		bits_skip(bits, 3);
		return;
	}
	npoints[0] = skip_points(bits);
	from_luma = !sequence->mono && bits_get(bits, 1);
	if (!sequence->mono && !from_luma && !(sequence->half_width && sequence->half_height && npoints[0] == 0))
	{
		npoints[1] = skip_points(bits);
		npoints[2] = skip_points(bits);
	}
	bits_skip(bits, 2);
	lag = bits_get(bits, 2);
	ncoefficients = 2 * lag * (lag + 1);
	if (npoints[0] > 0)
		bits_skip(bits, 8 * ncoefficients++);
	for (int plane = 1; plane < 3; plane++)
	{
		if (from_luma || npoints[plane] > 0)
			bits_skip(bits, 8 * ncoefficients);
	}
	bits_skip(bits, 4);
	for (int plane = 1; plane < 3; plane++)
	{
		if (npoints[plane] > 0)
			bits_skip(bits, 25);
	}
	bits_skip(bits, 2);
}

/* The tools of a frame, from its tiles on. */
static void
read_frame_tools(Av1State *state, Bits *bits, Frame *frame)
{
	const Sequence *sequence = &state->sequence;

	read_tiles(bits, sequence, frame);
	read_quantizer(bits, sequence, frame);
	if (frame->primary != NO_PRIMARY)
		frame->segmentation = state->slots[frame->references[frame->primary]].segmentation;
	read_segmentation(bits, frame);
	read_changes(bits, frame);
	frame->lossless = is_lossless(frame);
	read_filters(bits, sequence, frame);
	read_restoration(bits, sequence, frame);
	if (!frame->lossless)
		bits_skip(bits, 1);
	frame->compound = !frame->intra && bits_get(bits, 1);
	if (may_skip(state, frame))
		bits_skip(bits, 1);
	if (!frame->intra && !frame->resilient && sequence->warped_motion)
		bits_skip(bits, 1);
	bits_skip(bits, 1);
	read_motion(bits, frame);
	read_grain(bits, sequence, frame);
}

/* The frame is kept where it says, for those that refer to it. */
static void
keep_frame(Av1State *state, const Frame *frame)
{
	for (int i = 0; i < NSLOTS; i++)
	{
		if (frame->refresh >> i & 1)
			state->slots[i] = (Slot)
		{
			frame->type, frame->shown_width, frame->height, frame->order, frame->segmentation
		};
	}
}

/* 5.9.2: a frame's head, with which its tiles begin; one that is repeated is passed over. */
static const char *
take_frame_head(Av1State *state, Bits *bits)
{
	Frame		frame = {0};
	bool		fixed_contexts = false;
	const char *problem = NULL;

	if (!state->sequence.known)
		return "its pictures come before what they are of";
	if (state->in_frame)
		return NULL;
	if (!state->sequence.reduced && bits_get(bits, 1))
	{
		show_existing(state, bits);
		return bits->overrun ? damaged : NULL;
	}
	read_kind(state, bits, &frame);
	read_order(state, bits, &frame, &fixed_contexts);
	if (frame.intra)
	{
		read_size(bits, &state->sequence, &frame);
		if (frame.screen_content && frame.shown_width == frame.width)
			frame.block_copy = bits_get(bits, 1);
	}
	else
		problem = read_references(state, bits, &frame);
	if (problem != NULL)
		return problem;
	if (frame.shown_width == 0 || frame.height == 0)
		return damaged;			/* of a frame that never was */
	if (!state->sequence.reduced && !fixed_contexts)
		bits_skip(bits, 1);
	read_frame_tools(state, bits, &frame);
	if (bits->overrun)
		return damaged;
	keep_frame(state, &frame);
	state->frame = frame;
	state->in_frame = true;
	return NULL;
}

/* ---------------------------------------------------------------------------
 * Tiles (5.11), and the unit that they are in
 * ---------------------------------------------------------------------------
 */

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
		return damaged;
	(void) read_bytes(&group, bits_bytes_used(bits));
	for (uint32_t i = first; i <= last; i++)
	{
		uint64_t	size = i == last ? reader_left(&group) : read_little(&group, frame->tile_size_bytes) + 1;
		Reader		tile = read_bytes(&group, size);

		if (group.overrun)
			return damaged;
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
		return damaged;
	content = read_bytes(unit, size);
	if (unit->overrun)
		return damaged;
	state->temporal = extension >> 5;
	state->spatial = extension >> 3 & 3;
	bits = bits_of(content.at, reader_left(&content), false);
	if (type == OBU_SEQUENCE)
		return take_sequence(state, bits);
	if (type == OBU_FRAME || type == OBU_FRAME_HEAD)
		problem = take_frame_head(state, &bits);
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
