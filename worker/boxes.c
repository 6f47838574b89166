/*-------------------------------------------------------------------------
 *
 * boxes.c
 *		Boxes of an ISO base media file (ISO/IEC 14496-12), read from memory and
 *		written to it.
 *
 * What is read is untrusted: no read leaves the bytes, and every step goes
 * forward.
 *
 *-------------------------------------------------------------------------
 */
#include "boxes.h"

/* Bytes to be read from the first on. */
Reader
reader_of(const void *data, size_t length)
{
	const unsigned char *bytes = data;

	return (Reader)
	{
		bytes, bytes + length, false
	};
}

/* How many bytes have not been read. */
size_t
reader_left(const Reader *reader)
{
	return (size_t) (reader->end - reader->at);
}

/* A whole number of so many bytes, 1 to 8, the most significant one first. */
uint64_t
read_number(Reader *reader, int length)
{
	Reader		bytes = read_bytes(reader, (uint64_t) length);
	uint64_t	number = 0;

	while (bytes.at < bytes.end)
		number = number << 8 | *bytes.at++;
	return number;
}

/* The next so many bytes, to be read apart; none where they are not all there. */
Reader
read_bytes(Reader *reader, uint64_t length)
{
	const unsigned char *begin = reader->at;

	if (reader_left(reader) < length)
	{
		reader->overrun = true;
		reader->at = reader->end;
		return reader_of(reader->end, 0);
	}
	reader->at += length;
	return reader_of(begin, (size_t) length);
}

/* The next box; false at the end, and with overrun set where what is there is no whole box. */
bool
next_box(Reader *reader, Box *box)
{
	Reader		all = *reader;
	uint64_t	size;
	size_t		head;

	if (reader_left(reader) == 0)
		return false;
	size = read_number(reader, 4);
	box->type = (uint32_t) read_number(reader, 4);
	if (size == 1)
		size = read_number(reader, 8);
	head = (size_t) (reader->at - all.at);
	if (reader->overrun || size < head || size > reader_left(&all))
	{
		reader->overrun = true;
		return false;
	}
	*reader = all;
	box->whole = read_bytes(reader, size);
	box->content = reader_of(box->whole.at + head, (size_t) size - head);
	return true;
}

/* The first box of a type; false where there is none. */
bool
find_box(Reader reader, uint32_t type, Box *box)
{
	while (next_box(&reader, box))
	{
		if (box->type == type)
			return true;
	}
	return false;
}

/* Appends a number of so many bytes, 1 to 8, the most significant one first. */
void
put_number(Buffer *out, uint64_t number, int length)
{
	unsigned char bytes[8];

	for (int i = length - 1; i >= 0; i--, number >>= 8)
		bytes[i] = (unsigned char) number;
	buffer_append(out, bytes, (size_t) length);
}

/* Puts a number over one that was written. */
void
put_number_at(Buffer *out, size_t at, uint64_t number, int length)
{
	for (int i = length - 1; i >= 0; i--, number >>= 8)
		out->data[at + (size_t) i] = (char) number;
}

/* Appends all that is left to read. */
void
put_reader(Buffer *out, Reader reader)
{
	buffer_append(out, reader.at, reader_left(&reader));
}

/* Begins a box; returns what box_end() wants. */
size_t
box_begin(Buffer *out, uint32_t type)
{
	size_t		begun = out->length;

	put_number(out, 0, 4);
	put_number(out, type, 4);
	return begun;
}

/* Begins a box with version and flags. */
size_t
full_box_begin(Buffer *out, uint32_t type, int version, uint32_t flags)
{
	size_t		begun = box_begin(out, type);

	put_number(out, (uint64_t) version, 1);
	put_number(out, flags, 3);
	return begun;
}

/* Ends a box: its size is known now. */
void
box_end(Buffer *out, size_t begun)
{
	put_number_at(out, begun, out->length - begun, 4);
}
