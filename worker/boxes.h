/*-------------------------------------------------------------------------
 *
 * boxes.h
 *		Boxes of an ISO base media file, read from memory and written to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOXES_H
#define BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

#define BOX_TYPE(a, b, c, d) \
	((uint32_t) (a) << 24 | (uint32_t) (b) << 16 | (uint32_t) (c) << 8 | (uint32_t) (d))

/* What is left to read. A read past the end gives 0 and is remembered. */
typedef struct Reader
{
	const unsigned char *at;
	const unsigned char *end;
	bool		overrun;
} Reader;

typedef struct Box
{
	uint32_t	type;
	Reader		whole;			/* with its head */
	Reader		content;
} Box;

extern Reader reader_of(const void *data, size_t length);
extern size_t reader_left(const Reader *reader);
extern uint64_t read_number(Reader *reader, int length);
extern Reader read_bytes(Reader *reader, uint64_t length);
extern bool next_box(Reader *reader, Box *box);
extern bool find_box(Reader reader, uint32_t type, Box *box);

extern void put_number(Buffer *out, uint64_t number, int length);
extern void put_number_at(Buffer *out, size_t at, uint64_t number, int length);
extern void put_reader(Buffer *out, Reader reader);
extern size_t box_begin(Buffer *out, uint32_t type);
extern size_t full_box_begin(Buffer *out, uint32_t type, int version, uint32_t flags);
extern void box_end(Buffer *out, size_t begun);

#endif							/* BOXES_H */
