/*-------------------------------------------------------------------------
 *
 * av1_sequence.c
 *		The head of a sequence of AV1 (AV1 Bitstream & Decoding Process
 *		Specification, 5.5).
 *
 *-------------------------------------------------------------------------
 */
#include "av1.h"

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
const char *
av1_take_sequence(Av1State *state, Bits bits)
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
		return AV1_DAMAGED;
	state->sequence = sequence;
	return NULL;
}
