/*-------------------------------------------------------------------------
 *
 * samples.h
 *		Which bytes of a sample are encrypted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "boxes.h"

/* What an entry of saiz, a byte, leaves room for beside the largest IV */
#define MOST_SUBSAMPLES	40

typedef struct Subsample
{
	uint32_t	clear;			/* no more than 65535 */
	uint32_t	protected;
} Subsample;

/* A sample in pieces, each clear first; no pieces: all of it is protected. */
typedef struct Subsamples
{
	int			n;
	Subsample	of[MOST_SUBSAMPLES];
	size_t		pending;		/* clear bytes that no piece has yet */
	bool		too_many;
	bool		whole_blocks;	/* protected bytes come in blocks */
} Subsamples;

typedef enum Coding
{
	CODING_AUDIO,
	CODING_AVC,
	CODING_HEVC,
	CODING_AV1
} Coding;

typedef struct AvcState AvcState;
typedef struct HevcState HevcState;
typedef struct Av1State Av1State;

/* What has to be known of a track to read its samples. */
typedef struct Track
{
	uint32_t	format;			/* of its sample entry */
	Coding		coding;
	int			length_size;	/* of a NAL unit */
	AvcState   *avc;
	HevcState  *hevc;
	Av1State   *av1;
} Track;

extern const char *track_open(Track *track, uint32_t format, Reader entry, size_t *fields);
extern void track_close(Track *track);
extern const char *track_map(Track *track, const unsigned char *sample, size_t size, bool whole_blocks,
							 Subsamples *subsamples);
extern void add_subsample(Subsamples *subsamples, size_t clear, size_t protected);

/*
 * Of avc.c and hevc.c: takes a NAL unit, and says how many bytes of it are clear,
 * all of them for one that is no slice. Returns what is wrong, or NULL.
 */
extern AvcState *avc_open(void);
extern const char *avc_nal(AvcState *state, const unsigned char *nal, size_t size, size_t *clear);
extern HevcState *hevc_open(void);
extern const char *hevc_nal(HevcState *state, const unsigned char *nal, size_t size, size_t *clear);

/* Of av1.c: the OBUs of the configuration; a temporal unit. */
extern Av1State *av1_open(void);
extern const char *av1_unit(Av1State *state, const unsigned char *unit, size_t size, Subsamples *subsamples);

#endif							/* SAMPLES_H */
