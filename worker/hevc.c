/*-------------------------------------------------------------------------
 *
 * hevc.c
 *		How long the heads of slices of HEVC are (ITU-T H.265, 7.3).
 *
 * Every field of a head has to be read to find its end, and for that the sets of
 * reference pictures as well, since one may be told by its difference from another.
 * Extensions of version 2 and later are read as far as they touch slices.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "bits.h"
#include "samples.h"

#define NSEQUENCE_SETS	16
#define NPICTURE_SETS	64
#define MOST_SETS		64
#define MOST_REFERENCES	16
#define MOST_LONG_TERM	33
#define MOST_CHOICES	15		/* num_ref_idx_lN_active_minus1 ends there */

enum
{
	NAL_RASL_R = 9,				/* the last slice without a special name */
	NAL_BLA_W_LP = 16,
	NAL_IDR_W_RADL = 19,
	NAL_IDR_N_LP = 20,
	NAL_CRA = 21,
	NAL_LAST_IRAP = 23,
	NAL_SEQUENCE_SET = 33,
	NAL_PICTURE_SET = 34
};

enum
{
	SLICE_B,
	SLICE_P,
	SLICE_I
};

/* Reference pictures by their distance: the earlier ones, then the later ones. */
typedef struct ReferenceSet
{
	int			nearlier;
	int			n;
	int32_t		distance[MOST_REFERENCES];
	bool		used[MOST_REFERENCES];
} ReferenceSet;

typedef struct SequenceSet
{
	bool		known;
	bool		separate_planes;
	bool		has_chroma;		/* as ChromaArrayType says */
	uint32_t	units;			/* coding tree units of a picture */
	int			order_bits;
	bool		adaptive_offset;
	uint32_t	nsets;
	ReferenceSet sets[MOST_SETS];
	bool		long_term;
	uint32_t	nlong_term;
	bool		long_term_used[MOST_LONG_TERM];
	bool		temporal;
} SequenceSet;

typedef struct PictureSet
{
	bool		known;
	uint32_t	sequence;
	bool		dependent_slices;
	bool		output_flag;
	uint32_t	extra_bits;
	bool		cabac_init;
	uint32_t	nreferences[2];
	bool		chroma_offsets;
	bool		weighted;
	bool		weighted_b;
	bool		entry_points;	/* tiles, or rows side by side */
	bool		loop_filter;
	bool		deblocking_override;
	bool		deblocking_off;
	bool		lists;
	bool		extension;
	bool		chroma_offset_list;
} PictureSet;

struct HevcState
{
	SequenceSet sequences[NSEQUENCE_SETS];
	PictureSet	pictures[NPICTURE_SETS];
};

/* A slice's head while it is read. */
typedef struct Slice
{
	Bits		bits;
	uint32_t	nal_type;
	uint32_t	type;
	const SequenceSet *sequence;
	const PictureSet *picture;
	bool		dependent;
	bool		damaged;
	bool		temporal;
	bool		offsets;		/* sample adaptive ones, of any plane */
	uint32_t	ncurrent;		/* reference pictures that are used */
	uint32_t	nreferences[2];
} Slice;

/* What is known of a track before its parameter sets; the caller frees it. */
HevcState *
hevc_open(void)
{
	return allocate(sizeof(HevcState));
}

/* ---------------------------------------------------------------------------
 * Sequence sets
 * ---------------------------------------------------------------------------
 */

/* 7.3.3 */
static void
skip_profile(Bits *bits, uint32_t nlayers)
{
	bool		has_profile[8] = {false};
	bool		has_level[8] = {false};

	bits_skip(bits, 96);
	for (uint32_t i = 0; i < nlayers; i++)
	{
		has_profile[i] = bits_get(bits, 1);
		has_level[i] = bits_get(bits, 1);
	}
	if (nlayers > 0)
		bits_skip(bits, 2 * (8 - nlayers));
	for (uint32_t i = 0; i < nlayers; i++)
	{
		if (has_profile[i])
			bits_skip(bits, 88);
		if (has_level[i])
			bits_skip(bits, 8);
	}
}

/* 7.3.4 */
static void
skip_scaling_lists(Bits *bits)
{
	for (int size = 0; size < 4; size++)
	{
		for (int matrix = 0; matrix < 6; matrix += size == 3 ? 3 : 1)
		{
			if (bits_get(bits, 1) == 0)
			{
				(void) bits_get_ue(bits);
				continue;
			}
			if (size > 1)
				(void) bits_get_se(bits);
			for (int i = 0; i < (size == 0 ? 16 : 64); i++)
				(void) bits_get_se(bits);
		}
	}
}

/* Adds a picture to a set; those at no distance are the picture itself, and no reference. */
static bool
add_reference(ReferenceSet *set, int32_t distance, bool used)
{
	if (set->n == MOST_REFERENCES || distance < -65536 || distance > 65536)
		return false;
	set->distance[set->n] = distance;
	set->used[set->n++] = used;
	return true;
}

/*
 * One side of a set that is told by its difference from another (7-61, 7-62):
 * sign is -1 for the earlier pictures, 1 for the later ones.
 */
static bool
derive_side(ReferenceSet *set, const ReferenceSet *from, int32_t delta, int sign, const bool *used, const bool *kept)
{
	int			other_first = sign < 0 ? from->nearlier : 0;
	int			other_last = (sign < 0 ? from->n : from->nearlier) - 1;
	int			own_first = sign < 0 ? 0 : from->nearlier;
	int			own_end = sign < 0 ? from->nearlier : from->n;

	for (int i = other_last; i >= other_first; i--)
	{
		int32_t		distance = from->distance[i] + delta;

		if (distance * sign > 0 && kept[i] && !add_reference(set, distance, used[i]))
			return false;
	}
	if (delta * sign > 0 && kept[from->n] && !add_reference(set, delta, used[from->n]))
		return false;
	for (int i = own_first; i < own_end; i++)
	{
		int32_t		distance = from->distance[i] + delta;

		if (distance * sign > 0 && kept[i] && !add_reference(set, distance, used[i]))
			return false;
	}
	return true;
}

/* A set told by its difference from another (7.3.7, 7.4.8). */
static bool
derive_set(Bits *bits, const SequenceSet *sequence, uint32_t index, ReferenceSet *set)
{
	uint32_t	back = index == sequence->nsets ? bits_get_ue(bits) + 1 : 1;
	const ReferenceSet *from;
	bool		negative;
	uint32_t	distance;
	int32_t		delta;
	bool		used[MOST_REFERENCES + 1];
	bool		kept[MOST_REFERENCES + 1];

	negative = bits_get(bits, 1);
	distance = bits_get_ue(bits) + 1;
	if (bits->overrun || back == 0 || back > index || distance > 32768)
		return false;
	delta = negative ? -(int32_t) distance : (int32_t) distance;
	from = &sequence->sets[index - back];
	for (int i = 0; i <= from->n; i++)
	{
		used[i] = bits_get(bits, 1);
		kept[i] = used[i] || bits_get(bits, 1);
	}
	if (!derive_side(set, from, delta, -1, used, kept))
		return false;
	set->nearlier = set->n;
	return derive_side(set, from, delta, 1, used, kept);
}

/*
 * 7.3.7: the set of that index, which is the number of those in the sequence set
 * for one in the head of a slice.
 */
static bool
read_set(Bits *bits, const SequenceSet *sequence, uint32_t index, ReferenceSet *set)
{
	uint32_t	counts[2];

	memset(set, 0, sizeof(*set));
	if (index > 0 && bits_get(bits, 1))
		return derive_set(bits, sequence, index, set);
	counts[0] = bits_get_ue(bits);
	counts[1] = bits_get_ue(bits);
	if (counts[0] > MOST_REFERENCES || counts[1] > MOST_REFERENCES)
		return false;
	for (int side = 0; side < 2; side++)
	{
		int32_t		distance = 0;

		for (uint32_t i = 0; i < counts[side]; i++)
		{
			uint32_t	step = bits_get_ue(bits);

			if (step > 32767)
				return false;
			distance += (side == 0 ? -1 : 1) * (int32_t) (step + 1);
			if (!add_reference(set, distance, bits_get(bits, 1)))
				return false;
		}
		if (side == 0)
			set->nearlier = set->n;
	}
	return !bits->overrun;
}

/* The sets of reference pictures, and the pictures that are kept for long. */
static bool
read_references_of_sequence(Bits *bits, SequenceSet *set)
{
	uint32_t	nsets = bits_get_ue(bits);

	if (nsets > MOST_SETS)
		return false;
	/* while they are read none is the last but one of a slice */
	set->nsets = UINT32_MAX;
	for (uint32_t i = 0; i < nsets; i++)
	{
		if (!read_set(bits, set, i, &set->sets[i]))
			return false;
	}
	set->nsets = nsets;
	set->long_term = bits_get(bits, 1);
	if (set->long_term)
		set->nlong_term = bits_get_ue(bits);
	if (set->nlong_term >= MOST_LONG_TERM)
		return false;
	for (uint32_t i = 0; i < set->nlong_term; i++)
	{
		bits_skip(bits, (uint32_t) set->order_bits);
		set->long_term_used[i] = bits_get(bits, 1);
	}
	return true;
}

/* The size of a picture, which with that of its units tells how many there are. */
static bool
read_size(Bits *bits, SequenceSet *set, uint32_t nlayers, uint32_t size[2])
{
	size[0] = bits_get_ue(bits);
	size[1] = bits_get_ue(bits);
	if (bits_get(bits, 1))
	{
		for (int i = 0; i < 4; i++)
			(void) bits_get_ue(bits);
	}
	(void) bits_get_ue(bits);
	(void) bits_get_ue(bits);
	set->order_bits = (int) (bits_get_ue(bits) & 15) + 4;
	for (uint32_t i = bits_get(bits, 1) ? 0 : nlayers; i <= nlayers; i++)
	{
		for (int j = 0; j < 3; j++)
			(void) bits_get_ue(bits);
	}
	return size[0] <= 65536 && size[1] <= 65536;
}

/* The sizes of coding units. */
static bool
read_units(Bits *bits, SequenceSet *set, const uint32_t size[2])
{
	uint32_t	unit = bits_get_ue(bits) + 3;

	unit += bits_get_ue(bits);
	if (bits->overrun || unit < 3 || unit > 6)
		return false;
	set->units = ((size[0] + (1U << unit) - 1) >> unit) * ((size[1] + (1U << unit) - 1) >> unit);
	for (int i = 0; i < 4; i++)
		(void) bits_get_ue(bits);
	return true;
}

/* 7.3.2.2, as far as slices want it. */
static const char *
take_sequence_set(HevcState *state, Bits bits)
{
	static const char damaged[] = "a parameter set of it is damaged";
	SequenceSet set = {.known = true};
	uint32_t	nlayers;
	uint32_t	id;
	uint32_t	size[2];
	uint32_t	chroma;

	bits_skip(&bits, 4);
	nlayers = bits_get(&bits, 3);
	bits_skip(&bits, 1);
	skip_profile(&bits, nlayers);
	id = bits_get_ue(&bits);
	chroma = bits_get_ue(&bits);
	if (chroma == 3)
		set.separate_planes = bits_get(&bits, 1);
	set.has_chroma = chroma != 0 && !set.separate_planes;
	if (!read_size(&bits, &set, nlayers, size) || !read_units(&bits, &set, size))
		return damaged;
	if (bits_get(&bits, 1) && bits_get(&bits, 1))
		skip_scaling_lists(&bits);
	bits_skip(&bits, 1);
	set.adaptive_offset = bits_get(&bits, 1);
	if (bits_get(&bits, 1))
	{
		bits_skip(&bits, 8);
		(void) bits_get_ue(&bits);
		(void) bits_get_ue(&bits);
		bits_skip(&bits, 1);
	}
	if (!read_references_of_sequence(&bits, &set))
		return damaged;
	set.temporal = bits_get(&bits, 1);
	if (bits.overrun || id >= NSEQUENCE_SETS)
		return damaged;
	state->sequences[id] = set;
	return NULL;
}

/* ---------------------------------------------------------------------------
 * Picture sets
 * ---------------------------------------------------------------------------
 */

/* Tiles of a picture. */
static void
skip_tiles(Bits *bits)
{
	uint32_t	columns = bits_get_ue(bits);
	uint32_t	rows = bits_get_ue(bits);

	if (bits_get(bits, 1) == 0)
	{
		for (uint64_t n = (uint64_t) columns + rows; n > 0 && !bits->overrun; n--)
			(void) bits_get_ue(bits);
	}
	bits_skip(bits, 1);
}

/* The fields between those of references and those of filters. */
static bool
read_quantizers(Bits *bits, PictureSet *set)
{
	bool		transform_skip;
	bool		tiles;

	(void) bits_get_se(bits);
	bits_skip(bits, 1);
	transform_skip = bits_get(bits, 1);
	if (bits_get(bits, 1))
		(void) bits_get_ue(bits);
	(void) bits_get_se(bits);
	(void) bits_get_se(bits);
	set->chroma_offsets = bits_get(bits, 1);
	set->weighted = bits_get(bits, 1);
	set->weighted_b = bits_get(bits, 1);
	bits_skip(bits, 1);
	tiles = bits_get(bits, 1);
	set->entry_points = bits_get(bits, 1) || tiles;
	if (tiles)
		skip_tiles(bits);
	return transform_skip;
}

/* Filters, lists, and the range extension (7.3.2.3.2). */
static void
read_filters(Bits *bits, PictureSet *set, bool transform_skip)
{
	set->loop_filter = bits_get(bits, 1);
	if (bits_get(bits, 1))
	{
		set->deblocking_override = bits_get(bits, 1);
		set->deblocking_off = bits_get(bits, 1);
		if (!set->deblocking_off)
		{
			(void) bits_get_se(bits);
			(void) bits_get_se(bits);
		}
	}
	if (bits_get(bits, 1))
		skip_scaling_lists(bits);
	set->lists = bits_get(bits, 1);
	(void) bits_get_ue(bits);
	set->extension = bits_get(bits, 1);
	if (bits_get(bits, 1) == 0 || (bits_get(bits, 8) & 0x80) == 0)
		return;
	if (transform_skip)
		(void) bits_get_ue(bits);
	bits_skip(bits, 1);
	set->chroma_offset_list = bits_get(bits, 1);
}

/* 7.3.2.3, as far as slices want it. */
static const char *
take_picture_set(HevcState *state, Bits bits)
{
	PictureSet	set = {.known = true};
	uint32_t	id = bits_get_ue(&bits);

	set.sequence = bits_get_ue(&bits);
	set.dependent_slices = bits_get(&bits, 1);
	set.output_flag = bits_get(&bits, 1);
	set.extra_bits = bits_get(&bits, 3);
	bits_skip(&bits, 1);
	set.cabac_init = bits_get(&bits, 1);
	set.nreferences[0] = bits_get_ue(&bits) + 1;
	set.nreferences[1] = bits_get_ue(&bits) + 1;
	read_filters(&bits, &set, read_quantizers(&bits, &set));
	if (bits.overrun || id >= NPICTURE_SETS || set.sequence >= NSEQUENCE_SETS)
		return "a parameter set of it is damaged";
	state->pictures[id] = set;
	return NULL;
}

/* ---------------------------------------------------------------------------
 * Slices
 * ---------------------------------------------------------------------------
 */

/* Pictures that were kept for long, of those that are used. */
static void
read_long_term(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	const SequenceSet *sequence = slice->sequence;
	uint32_t	listed = sequence->nlong_term > 0 ? bits_get_ue(bits) : 0;
	uint32_t	n = bits_get_ue(bits);

	if (listed > MOST_LONG_TERM || n > MOST_LONG_TERM)
	{
		slice->damaged = true;
		return;
	}
	n += listed;
	for (uint32_t i = 0; i < n; i++)
	{
		if (i < listed)
		{
			uint32_t	index = bits_get(bits, bits_width(sequence->nlong_term));

			slice->ncurrent += index < sequence->nlong_term && sequence->long_term_used[index];
		}
		else
		{
			bits_skip(bits, (uint32_t) sequence->order_bits);
			slice->ncurrent += bits_get(bits, 1);
		}
		if (bits_get(bits, 1))
			(void) bits_get_ue(bits);
	}
}

/* Which picture it is a slice of, and what that refers to. */
static void
read_picture_order(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	const SequenceSet *sequence = slice->sequence;
	ReferenceSet own;
	const ReferenceSet *set = &own;

	bits_skip(bits, (uint32_t) sequence->order_bits);
	if (bits_get(bits, 1) == 0)
		slice->damaged = !read_set(bits, sequence, sequence->nsets, &own);
	else
	{
		uint32_t	index = bits_get(bits, bits_width(sequence->nsets));

		slice->damaged = index >= sequence->nsets;
		set = &sequence->sets[slice->damaged ? 0 : index];
	}
	if (slice->damaged)
		return;
	for (int i = 0; i < set->n; i++)
		slice->ncurrent += set->used[i];
	if (sequence->long_term)
		read_long_term(slice);
	if (sequence->temporal)
		slice->temporal = bits_get(bits, 1);
}

/* 7.3.6.3 */
static void
read_weights(Slice *slice, int nlists)
{
	Bits	   *bits = &slice->bits;
	bool		has_chroma = slice->sequence->has_chroma;

	(void) bits_get_ue(bits);
	if (has_chroma)
		(void) bits_get_se(bits);
	for (int list = 0; list < nlists; list++)
	{
		uint32_t	n = slice->nreferences[list];
		uint32_t	luma = bits_get(bits, (int) n);
		uint32_t	chroma = has_chroma ? bits_get(bits, (int) n) : 0;

		for (uint32_t i = n; i-- > 0;)
		{
			int			numbers = (luma >> i & 1 ? 2 : 0) + (chroma >> i & 1 ? 4 : 0);

			while (numbers-- > 0)
				(void) bits_get_se(bits);
		}
	}
}

/* What slices have that are predicted from other pictures. */
static void
read_references(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	int			nlists = slice->type == SLICE_B ? 2 : 1;
	bool		from_first = true;

	if (bits_get(bits, 1))
	{
		for (int i = 0; i < nlists; i++)
			slice->nreferences[i] = bits_get_ue(bits) + 1;
	}
	slice->damaged = slice->nreferences[0] > MOST_CHOICES || slice->nreferences[1] > MOST_CHOICES;
	if (slice->damaged)
		return;
	for (int i = 0; i < nlists && slice->picture->lists && slice->ncurrent > 1; i++)
	{
		if (bits_get(bits, 1))
			bits_skip(bits, slice->nreferences[i] * (uint32_t) bits_width(slice->ncurrent));
	}
	if (slice->type == SLICE_B)
		bits_skip(bits, 1);
	if (slice->picture->cabac_init)
		bits_skip(bits, 1);
	if (slice->temporal)
	{
		if (slice->type == SLICE_B)
			from_first = bits_get(bits, 1);
		if (slice->nreferences[from_first ? 0 : 1] > 1)
			(void) bits_get_ue(bits);
	}
	if (slice->type == SLICE_B ? slice->picture->weighted_b : slice->picture->weighted)
		read_weights(slice, nlists);
	(void) bits_get_ue(bits);
}

/* Quantizer and filters. */
static void
read_filters_of_slice(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	const PictureSet *picture = slice->picture;
	bool		off = picture->deblocking_off;

	(void) bits_get_se(bits);
	if (picture->chroma_offsets)
	{
		(void) bits_get_se(bits);
		(void) bits_get_se(bits);
	}
	if (picture->chroma_offset_list)
		bits_skip(bits, 1);
	if (picture->deblocking_override && bits_get(bits, 1))
	{
		off = bits_get(bits, 1);
		if (!off)
		{
			(void) bits_get_se(bits);
			(void) bits_get_se(bits);
		}
	}
	if (picture->loop_filter && (slice->offsets || !off))
		bits_skip(bits, 1);
}

/* What a slice has that does not take its fields from the one before. */
static void
read_independent(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	bool		is_idr = slice->nal_type == NAL_IDR_W_RADL || slice->nal_type == NAL_IDR_N_LP;

	bits_skip(bits, slice->picture->extra_bits);
	slice->type = bits_get_ue(bits);
	slice->damaged = slice->type > SLICE_I;
	if (slice->picture->output_flag)
		bits_skip(bits, 1);
	if (slice->sequence->separate_planes)
		bits_skip(bits, 2);
	if (!is_idr && !slice->damaged)
		read_picture_order(slice);
	if (slice->damaged)
		return;
	if (slice->sequence->adaptive_offset)
	{
		slice->offsets = bits_get(bits, 1);
		if (slice->sequence->has_chroma)
			slice->offsets = bits_get(bits, 1) || slice->offsets;
	}
	if (slice->type != SLICE_I)
		read_references(slice);
	if (!slice->damaged)
		read_filters_of_slice(slice);
}

/* Entry points and the extension, which every slice may have. */
static void
read_end(Slice *slice)
{
	Bits	   *bits = &slice->bits;

	if (slice->picture->entry_points)
	{
		uint32_t	n = bits_get_ue(bits);
		uint32_t	width = n > 0 ? bits_get_ue(bits) + 1 : 0;

		if (width > 32)
			slice->damaged = true;
		else
		{
			while (n-- > 0 && !bits->overrun)
				bits_skip(bits, width);
		}
	}
	if (slice->picture->extension)
	{
		uint32_t	n = bits_get_ue(bits);

		while (n-- > 0 && !bits->overrun)
			bits_skip(bits, 8);
	}
	bits_skip(bits, 1);			/* of the alignment, which is never empty */
}

/* 7.3.6.1: how many bytes a slice's head takes, that of its NAL unit counted. */
static const char *
slice_head(HevcState *state, Slice *slice, size_t *clear)
{
	Bits	   *bits = &slice->bits;
	bool		first = bits_get(bits, 1);
	uint32_t	id;

	if (slice->nal_type >= NAL_BLA_W_LP && slice->nal_type <= NAL_LAST_IRAP)
		bits_skip(bits, 1);
	id = bits_get_ue(bits);
	if (bits->overrun || id >= NPICTURE_SETS || !state->pictures[id].known ||
		!state->sequences[state->pictures[id].sequence].known)
		return "a slice of it belongs to no parameter set";
	slice->picture = &state->pictures[id];
	slice->sequence = &state->sequences[slice->picture->sequence];
	slice->nreferences[0] = slice->picture->nreferences[0];
	slice->nreferences[1] = slice->picture->nreferences[1];
	if (!first)
	{
		if (slice->picture->dependent_slices)
			slice->dependent = bits_get(bits, 1);
		bits_skip(bits, (uint32_t) bits_width(slice->sequence->units));
	}
	if (!slice->dependent)
		read_independent(slice);
	if (!slice->damaged)
		read_end(slice);
	if (slice->damaged || bits->overrun)
		return "a slice of it is damaged";
	*clear = 2 + bits_bytes_used(bits);
	return NULL;
}

/* Takes a NAL unit (7.3.1): see samples.h. */
const char *
hevc_nal(HevcState *state, const unsigned char *nal, size_t size, size_t *clear)
{
	Slice		slice = {0};

	*clear = size;
	if (size < 2)
		return "a NAL unit of it is empty";
	slice.bits = bits_of(nal + 2, size - 2, true);
	slice.nal_type = nal[0] >> 1 & 63;
	if (slice.nal_type == NAL_SEQUENCE_SET)
		return take_sequence_set(state, slice.bits);
	if (slice.nal_type == NAL_PICTURE_SET)
		return take_picture_set(state, slice.bits);
	if (slice.nal_type <= NAL_RASL_R || (slice.nal_type >= NAL_BLA_W_LP && slice.nal_type <= NAL_CRA))
		return slice_head(state, &slice, clear);
	return NULL;
}
