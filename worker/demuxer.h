/*-------------------------------------------------------------------------
 *
 * demuxer.h
 *		Which demuxer of ffmpeg reads a file, by its first bytes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DEMUXER_H
#define DEMUXER_H

#include <stddef.h>

/* So many bytes of the beginning are enough to tell. */
#define DEMUXER_BYTES	65536

extern const char *choose_demuxer(const unsigned char *data, size_t length, const char **refusal);

#endif							/* DEMUXER_H */
