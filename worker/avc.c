/*-------------------------------------------------------------------------
 *
 * avc.c
 *		How long the heads of slices of H.264 are (ITU-T H.264, 7.3).
 *
 * Every field of a head has to be read to find its end. What cannot occur in the
 * profiles that web players know is refused: several slice groups, and partitions.
 *
 *-------------------------------------------------------------------------
 */
#include "bits.h"
#include "samples.h"

#define NSEQUENCE_SETS	32
#define NPICTURE_SETS	256
#define MOST_REFERENCES	32

enum
{
	NAL_SLICE = 1,
	NAL_PARTITION_A = 2,
	NAL_PARTITION_C = 4,
	NAL_SLICE_IDR = 5,
	NAL_SEQUENCE_SET = 7,
	NAL_PICTURE_SET = 8
};

enum
{
	SLICE_P,
	SLICE_B,
	SLICE_I,
	SLICE_SP,
	SLICE_SI
};

typedef struct SequenceSet
{
	bool		known;
	bool		separate_planes;
	bool		has_chroma;		/* as ChromaArrayType says */
	int			frame_num_bits;
	uint32_t	order_type;
	int			order_bits;
	bool		order_always_zero;
	bool		frames_only;
} SequenceSet;

typedef struct PictureSet
{
	bool		known;
	uint32_t	sequence;
	bool		cabac;
	bool		bottom_order;
	uint32_t	nreferences[2];
	bool		weighted;
	uint32_t	weighted_b;
	bool		deblocking;
	bool		redundant;
} PictureSet;

struct AvcState
{
	SequenceSet sequences[NSEQUENCE_SETS];
	PictureSet	pictures[NPICTURE_SETS];
};

/* A slice's head while it is read. */
typedef struct Slice
{
	Bits		bits;
	int			nal_type;
	int			nal_reference;
	uint32_t	type;
	const SequenceSet *sequence;
	const PictureSet *picture;
	bool		field;
	uint32_t	nreferences[2];
} Slice;

/* What is known of a track before its parameter sets; the caller frees it. */
AvcState *
avc_open(void)
{
	return allocate(sizeof(AvcState));
}

/* A scaling list of so many numbers (7.3.2.1.1.1). */
static void
skip_scaling_list(Bits *bits, int size)
{
	int			last = 8;
	int			next = 8;

	for (int i = 0; i < size && next != 0; i++)
	{
		next = (int) (((uint32_t) last + (uint32_t) bits_get_se(bits)) & 255);
		if (next != 0)
			last = next;
	}
}

/* What sequence sets of the higher profiles have between (7.3.2.1.1). */
static void
read_high_profile(Bits *bits, SequenceSet *set)
{
	uint32_t	chroma = bits_get_ue(bits);

	if (chroma == 3)
		set->separate_planes = bits_get(bits, 1);
	set->has_chroma = chroma != 0 && !set->separate_planes;
	(void) bits_get_ue(bits);
	(void) bits_get_ue(bits);
	(void) bits_get(bits, 1);
	if (bits_get(bits, 1) == 0)
		return;
	for (int i = 0; i < (chroma == 3 ? 12 : 8); i++)
	{
		if (bits_get(bits, 1))
			skip_scaling_list(bits, i < 6 ? 16 : 64);
	}
}

/* Does a profile's sequence set have these fields? */
static bool
is_high_profile(uint32_t profile)
{
	static const unsigned char profiles[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};

	for (size_t i = 0; i < sizeof(profiles); i++)
	{
		if (profiles[i] == profile)
			return true;
	}
	return false;
}

/* How the order of pictures is told. */
static void
read_order(Bits *bits, SequenceSet *set)
{
	uint32_t	n;

	set->order_type = bits_get_ue(bits);
	if (set->order_type == 0)
		set->order_bits = (int) (bits_get_ue(bits) & 15) + 4;
	if (set->order_type != 1)
		return;
	set->order_always_zero = bits_get(bits, 1);
	(void) bits_get_se(bits);
	(void) bits_get_se(bits);
	n = bits_get_ue(bits);
	while (n-- > 0 && !bits->overrun)
		(void) bits_get_se(bits);
}

/* 7.3.2.1.1, as far as slices want it. */
static const char *
take_sequence_set(AvcState *state, Bits bits)
{
	SequenceSet set = {.known = true, .has_chroma = true};
	uint32_t	profile = bits_get(&bits, 8);
	uint32_t	id;

	(void) bits_get(&bits, 16);
	id = bits_get_ue(&bits);
	if (is_high_profile(profile))
		read_high_profile(&bits, &set);
	set.frame_num_bits = (int) (bits_get_ue(&bits) & 15) + 4;
	read_order(&bits, &set);
	(void) bits_get_ue(&bits);
	(void) bits_get(&bits, 1);
	(void) bits_get_ue(&bits);
	(void) bits_get_ue(&bits);
	set.frames_only = bits_get(&bits, 1);
	if (bits.overrun || id >= NSEQUENCE_SETS || set.order_type > 2)
		return "a parameter set of it is damaged";
	state->sequences[id] = set;
	return NULL;
}

/* 7.3.2.2, as far as slices want it. */
static const char *
take_picture_set(AvcState *state, Bits bits)
{
	PictureSet	set = {.known = true};
	uint32_t	id = bits_get_ue(&bits);

	set.sequence = bits_get_ue(&bits);
	set.cabac = bits_get(&bits, 1);
	set.bottom_order = bits_get(&bits, 1);
	if (bits_get_ue(&bits) != 0)
		return "its pictures are in groups of slices";
	set.nreferences[0] = bits_get_ue(&bits) + 1;
	set.nreferences[1] = bits_get_ue(&bits) + 1;
	set.weighted = bits_get(&bits, 1);
	set.weighted_b = bits_get(&bits, 2);
	(void) bits_get_se(&bits);
	(void) bits_get_se(&bits);
	(void) bits_get_se(&bits);
	set.deblocking = bits_get(&bits, 1);
	(void) bits_get(&bits, 1);
	set.redundant = bits_get(&bits, 1);
	if (bits.overrun || id >= NPICTURE_SETS || set.sequence >= NSEQUENCE_SETS)
		return "a parameter set of it is damaged";
	state->pictures[id] = set;
	return NULL;
}

/* Which picture it is a slice of. */
static void
read_picture_order(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	const SequenceSet *sequence = slice->sequence;
	bool		bottom = slice->picture->bottom_order;

	if (sequence->separate_planes)
		(void) bits_get(bits, 2);
	(void) bits_get(bits, sequence->frame_num_bits);
	if (!sequence->frames_only && bits_get(bits, 1))
	{
		slice->field = true;
		(void) bits_get(bits, 1);
	}
	if (slice->nal_type == NAL_SLICE_IDR)
		(void) bits_get_ue(bits);
	if (sequence->order_type == 0)
	{
		(void) bits_get(bits, sequence->order_bits);
		if (bottom && !slice->field)
			(void) bits_get_se(bits);
	}
	else if (sequence->order_type == 1 && !sequence->order_always_zero)
	{
		(void) bits_get_se(bits);
		if (bottom && !slice->field)
			(void) bits_get_se(bits);
	}
	if (slice->picture->redundant)
		(void) bits_get_ue(bits);
}

/* How many lists of references a slice has. */
static int
lists_of(const Slice *slice)
{
	if (slice->type == SLICE_I || slice->type == SLICE_SI)
		return 0;
	return slice->type == SLICE_B ? 2 : 1;
}

/* How many references it has, and how their lists differ from the usual (7.3.3.1). */
static void
read_references(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	int			nlists = lists_of(slice);

	if (slice->type == SLICE_B)
		(void) bits_get(bits, 1);
	if (nlists > 0 && bits_get(bits, 1))
	{
		for (int i = 0; i < nlists; i++)
			slice->nreferences[i] = bits_get_ue(bits) + 1;
	}
	for (int i = 0; i < nlists; i++)
	{
		if (bits_get(bits, 1) == 0)
			continue;
		while (bits_get_ue(bits) < 3 && !bits->overrun)
			(void) bits_get_ue(bits);
	}
}

/* 7.3.3.2 */
static void
read_weights(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	bool		has_chroma = slice->sequence->has_chroma;

	(void) bits_get_ue(bits);
	if (has_chroma)
		(void) bits_get_ue(bits);
	for (int list = 0; list < lists_of(slice); list++)
	{
		for (uint32_t i = 0; i < slice->nreferences[list] && !bits->overrun; i++)
		{
			for (int numbers = 2; numbers <= (has_chroma ? 4 : 2); numbers += 2)
			{
				if (bits_get(bits, 1) == 0)
					continue;
				for (int n = 0; n < numbers; n++)
					(void) bits_get_se(bits);
			}
		}
	}
}

/* What becomes of pictures that are kept (7.3.3.3). */
static void
read_marking(Slice *slice)
{
	Bits	   *bits = &slice->bits;
	uint32_t	operation;

	if (slice->nal_type == NAL_SLICE_IDR)
	{
		(void) bits_get(bits, 2);
		return;
	}
	if (bits_get(bits, 1) == 0)
		return;
	while ((operation = bits_get_ue(bits)) != 0 && !bits->overrun)
	{
		if (operation != 5)
			(void) bits_get_ue(bits);
		if (operation == 3)
			(void) bits_get_ue(bits);
	}
}

/* The end of a head. */
static void
read_quantizer(Slice *slice)
{
	Bits	   *bits = &slice->bits;

	if (slice->picture->cabac && lists_of(slice) > 0)
		(void) bits_get_ue(bits);
	(void) bits_get_se(bits);
	if (slice->type == SLICE_SP)
		(void) bits_get(bits, 1);
	if (slice->type == SLICE_SP || slice->type == SLICE_SI)
		(void) bits_get_se(bits);
	if (slice->picture->deblocking && bits_get_ue(bits) != 1)
	{
		(void) bits_get_se(bits);
		(void) bits_get_se(bits);
	}
}

/* 7.3.3: how many bytes a slice's head takes, that of its NAL unit counted. */
static const char *
slice_head(AvcState *state, Slice *slice, size_t *clear)
{
	uint32_t	id;

	(void) bits_get_ue(&slice->bits);
	slice->type = bits_get_ue(&slice->bits) % 5;
	id = bits_get_ue(&slice->bits);
	if (slice->bits.overrun || id >= NPICTURE_SETS || !state->pictures[id].known ||
		!state->sequences[state->pictures[id].sequence].known)
		return "a slice of it belongs to no parameter set";
	slice->picture = &state->pictures[id];
	slice->sequence = &state->sequences[slice->picture->sequence];
	slice->nreferences[0] = slice->picture->nreferences[0];
	slice->nreferences[1] = slice->picture->nreferences[1];
	read_picture_order(slice);
	read_references(slice);
	if (slice->nreferences[0] > MOST_REFERENCES || slice->nreferences[1] > MOST_REFERENCES)
		return "a slice of it is damaged";
	if (slice->type == SLICE_B ? slice->picture->weighted_b == 1 : lists_of(slice) > 0 && slice->picture->weighted)
		read_weights(slice);
	if (slice->nal_reference != 0)
		read_marking(slice);
	read_quantizer(slice);
	if (slice->bits.overrun)
		return "a slice of it is damaged";
	*clear = 1 + bits_bytes_used(&slice->bits);
	return NULL;
}

/* Takes a NAL unit (7.3.1): see samples.h. */
const char *
avc_nal(AvcState *state, const unsigned char *nal, size_t size, size_t *clear)
{
	Slice		slice = {0};

	*clear = size;
	if (size == 0)
		return "a NAL unit of it is empty";
	slice.bits = bits_of(nal + 1, size - 1, true);
	slice.nal_type = nal[0] & 31;
	slice.nal_reference = nal[0] >> 5 & 3;
	if (slice.nal_type == NAL_SEQUENCE_SET)
		return take_sequence_set(state, slice.bits);
	if (slice.nal_type == NAL_PICTURE_SET)
		return take_picture_set(state, slice.bits);
	if (slice.nal_type >= NAL_PARTITION_A && slice.nal_type <= NAL_PARTITION_C)
		return "its slices are in partitions";
	if (slice.nal_type == NAL_SLICE || slice.nal_type == NAL_SLICE_IDR)
		return slice_head(state, &slice, clear);
	return NULL;
}
