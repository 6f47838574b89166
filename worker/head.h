/*-------------------------------------------------------------------------
 *
 * head.h
 *		How long the head of a fragmented MP4 file is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef HEAD_H
#define HEAD_H

#include <stdint.h>

#define MAX_HEAD	(16 * 1024 * 1024)

/* Reads bytes of a file; returns how many there were. */
typedef size_t (*ReadAt) (void *context, uint64_t at, unsigned char *data, size_t length);

extern uint64_t head_length(ReadAt read_at, void *context, uint64_t file_size);

#endif							/* HEAD_H */
