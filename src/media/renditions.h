/*-------------------------------------------------------------------------
 *
 * renditions.h
 *		The renditions of a video, as manifests tell of them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_RENDITIONS_H
#define VVAULT_RENDITIONS_H

#include "core/compat.h"

#include "nodes/pg_list.h"

#include "protect/pssh.h"

#define VV_RENDITION_VIDEO	'v'
#define VV_RENDITION_AUDIO	'a'
#define VV_RENDITION_TEXT	's'
#define VV_RENDITION_TRICK	't'

/* Levels of protection, by their first letters */
#define VV_PROTECTION_NONE		'n'
#define VV_PROTECTION_AES128	'a'
#define VV_PROTECTION_CLEAR_KEY 'c'
#define VV_PROTECTION_STANDARD	's'
#define VV_PROTECTION_PREMIUM	'p'

/* What a rendition is encrypted under; the key itself is not here. */
typedef struct VvMediaKey
{
	char		protection;
	uint8		kid[VV_KID_LEN];
	bool		has_checksum;
	uint8		checksum[VV_CHECKSUM_LEN];
} VvMediaKey;

typedef struct VvRendition
{
	char		kind;
	bool		is_default;
	int			channels;
	int			width;
	int			height;
	int			rate_numerator; /* frames a second, 0 where unknown */
	int			rate_denominator;
	char	   *name;
	char	   *codecs;
	const char *video_range;	/* SDR, PQ, HLG */
	char	   *language;		/* BCP 47, or NULL */
	char	   *label;			/* or NULL */
	int64		average_bitrate;
	int64		peak_bitrate;
	VvMediaKey	key;

	/* of whole ones alone, else 0 */
	int			sample_rate;
	int			sample_aspect_width;
	int			sample_aspect_height;
	char	   *file;			/* the last part of its object's key */
	int64		timescale;
	int64		init_size;
	int64		index_size;
	double		seconds;
} VvRendition;

/* Segments of one rendition, in order */
typedef struct VvSegments
{
	char		kind;
	char	   *file;
	int64		timescale;
	int64		init_size;
	int64		first_offset;
	int			n;
	const int32 *durations;
	const int32 *sizes;
	VvMediaKey	key;
} VvSegments;

extern char *vv_file_of(char *object_key);
extern List *vv_read_renditions(text *video_id, int generation, bool early,
								bool whole);
extern bool vv_read_segments(text *video_id, int generation, text *name,
							 VvSegments *segments);
extern double vv_frame_rate(const VvRendition *rendition);
extern bool vv_is_avc(const VvRendition *rendition);
extern bool vv_same_key(const VvMediaKey *a, const VvMediaKey *b);

#endif							/* VVAULT_RENDITIONS_H */
