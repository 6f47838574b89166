/*-------------------------------------------------------------------------
 *
 * boxes.h
 *		Bytes of an ISO base media file, read box by box.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_BOXES_H
#define VVAULT_BOXES_H

#include "core/compat.h"

/*
 * What is left to read. A read past the end gives 0 and is remembered, so that
 * whoever reads asks once, at the end, whether all was there.
 */
typedef struct VvBytes
{
	const uint8 *at;
	const uint8 *end;
	bool		overrun;
} VvBytes;

#define VV_BOX_TYPE(a, b, c, d) \
	((uint32) (a) << 24 | (uint32) (b) << 16 | (uint32) (c) << 8 | (uint32) (d))

typedef struct VvBox
{
	uint32		type;
	uint64		size;			/* with its header */
	VvBytes		content;		/* as much of it as is there */
	bool		whole;			/* all of it is there */
} VvBox;

/* Bytes to be read from the first on. */
static inline VvBytes
vv_bytes(const uint8 *data, uint64 len)
{
	VvBytes		bytes = {data, data + len, false};

	return bytes;
}

/* How many of them have not been read. */
static inline uint64
vv_bytes_left(const VvBytes *bytes)
{
	return bytes->end - bytes->at;
}

extern uint64 vv_get_number(VvBytes *bytes, int len);
extern void vv_skip(VvBytes *bytes, uint64 len);
extern VvBytes vv_get_bytes(VvBytes *bytes, uint64 len);
extern bool vv_next_box(VvBytes *bytes, VvBox *box);
extern bool vv_find_box(VvBytes bytes, uint32 type, VvBox *box);
extern int	vv_full_box_version(VvBytes *bytes, uint32 *flags);

#endif							/* VVAULT_BOXES_H */
