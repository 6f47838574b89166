/*-------------------------------------------------------------------------
 *
 * head.h
 *		What the head of a CMAF track file says of it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HEAD_H
#define VVAULT_HEAD_H

#include "core/compat.h"

#include "media/codecs.h"

typedef enum VvTrackKind
{
	VV_TRACK_OTHER,
	VV_TRACK_VIDEO,
	VV_TRACK_AUDIO,
	VV_TRACK_TEXT
} VvTrackKind;

/* A file of one track: ftyp, moov, one sidx, fragments. */
typedef struct VvHead
{
	VvTrackKind kind;
	char		codec[VV_CODEC_LEN];
	char		language[4];	/* ISO 639-2, und where unknown */
	int			width;
	int			height;
	int			sample_aspect_width;	/* 1:1 where nothing is said */
	int			sample_aspect_height;
	int			sample_rate;
	int			channels;

	/* colour as ISO/IEC 23091-2 counts; 2 is unknown */
	int			primaries;
	int			transfer;
	int			matrix;
	bool		full_range;

	/* media time at which the presentation begins, 0 without an edit list */
	int64		edit_start;

	bool		encrypted;
	char		scheme[5];		/* cenc, cbcs */
	uint8		key_id[16];

	uint32		timescale;
	uint64		init_size;		/* where the sidx begins */
	uint64		index_size;		/* of the sidx */
	uint64		first_offset;	/* where the first segment begins */
	uint64		start;			/* media time at which it does */
	int			nsegments;
	int32	   *durations;		/* in units of the timescale */
	int32	   *sizes;			/* bytes */
} VvHead;

extern const char *vv_read_head(const uint8 *data, uint64 len, VvHead *head);

#endif							/* VVAULT_HEAD_H */
