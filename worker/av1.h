/*-------------------------------------------------------------------------
 *
 * av1.h
 *		What is known of an AV1 track while its samples are read: the head of its
 *		sequence, the frames that are kept, and the frame whose tiles come.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AV1_H
#define AV1_H

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

#define AV1_DAMAGED		"a picture of it is damaged"

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

/* see samples.h */
struct Av1State
{
	Sequence	sequence;
	Slot		slots[NSLOTS];
	bool		in_frame;		/* tiles of it are still to come */
	Frame		frame;
	uint32_t	temporal;
	uint32_t	spatial;
};

/* Each takes a head into the state; NULL, or what is wrong with it. */
extern const char *av1_take_sequence(Av1State *state, Bits bits);
extern const char *av1_take_frame(Av1State *state, Bits *bits);

#endif							/* AV1_H */
