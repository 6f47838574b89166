/*-------------------------------------------------------------------------
 *
 * av1_frame.c
 *		The head of a frame of AV1 (AV1 Bitstream & Decoding Process
 *		Specification, 5.9).
 *
 * Some fields are there or not by what earlier frames were.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "av1.h"

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
const char *
av1_take_frame(Av1State *state, Bits *bits)
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
		return bits->overrun ? AV1_DAMAGED : NULL;
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
		return AV1_DAMAGED;		/* of a frame that never was */
	if (!state->sequence.reduced && !fixed_contexts)
		bits_skip(bits, 1);
	read_frame_tools(state, bits, &frame);
	if (bits->overrun)
		return AV1_DAMAGED;
	keep_frame(state, &frame);
	state->frame = frame;
	state->in_frame = true;
	return NULL;
}
