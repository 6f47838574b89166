/*-------------------------------------------------------------------------
 *
 * head.c
 *		How long the head of a fragmented MP4 file is.
 *
 * The server reads what is in it; here only the boxes at the top are counted.
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>
#include <string.h>

#include "head.h"

/* The number that so many bytes are, the most significant one first. */
static uint64_t
number_of(const unsigned char *bytes, int length)
{
	uint64_t	number = 0;

	for (int i = 0; i < length; i++)
		number = number << 8 | bytes[i];
	return number;
}

/*
 * The bytes up to the end of the first sidx, or up to the first box of media
 * where there is none. 0 where that is no file of boxes, or more than MAX_HEAD.
 */
uint64_t
head_length(ReadAt read_at, void *context, uint64_t file_size)
{
	uint64_t	at = 0;

	while (at < file_size && at <= MAX_HEAD)
	{
		unsigned char box[16];
		size_t		length = read_at(context, at, box, sizeof(box));
		uint64_t	size;

		if (length < 8)
			return 0;
		size = number_of(box, 4);
		if (size == 1 && length == 16)
			size = number_of(box + 8, 8);
		else if (size == 0)
			size = file_size - at;
		if (size < 8 || size > file_size - at)
			return 0;
		if (memcmp(box + 4, "moof", 4) == 0 || memcmp(box + 4, "mdat", 4) == 0)
			return at;
		at += size;
		if (memcmp(box + 4, "sidx", 4) == 0)
			break;
	}
	return at <= MAX_HEAD ? at : 0;
}
