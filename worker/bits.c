/*-------------------------------------------------------------------------
 *
 * bits.c
 *		Bits of a coded picture, read one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "bits.h"

/*
 * Bits from the first on. Those of H.264 and HEVC are escaped: the bytes that keep
 * a start code from arising are passed over.
 */
Bits
bits_of(const unsigned char *data, size_t length, bool escaped)
{
	return (Bits)
	{
		data, length, 0, 0, 0, escaped, false
	};
}

/* The next bit. */
static uint32_t
next_bit(Bits *bits)
{
	uint32_t	bit;

	if (bits->bit == 0 && bits->escaped && bits->zeros >= 2 && bits->at < bits->length && bits->data[bits->at] == 3)
	{
		bits->at++;
		bits->zeros = 0;
	}
	if (bits->at >= bits->length)
	{
		bits->overrun = true;
		return 0;
	}
	bit = bits->data[bits->at] >> (7 - bits->bit) & 1;
	if (++bits->bit == 8)
	{
		bits->bit = 0;
		bits->zeros = bits->data[bits->at] == 0 ? bits->zeros + 1 : 0;
		bits->at++;
	}
	return bit;
}

/* A number of n bits, 0 to 32. */
uint32_t
bits_get(Bits *bits, int n)
{
	uint32_t	value = 0;

	while (n-- > 0)
		value = value << 1 | next_bit(bits);
	return value;
}

/* Passes over bits that do not matter. */
void
bits_skip(Bits *bits, uint32_t n)
{
	while (n-- > 0 && !bits->overrun)
		(void) next_bit(bits);
}

/* An Exp-Golomb code without a sign (ITU-T H.264, 9.1). */
uint32_t
bits_get_ue(Bits *bits)
{
	int			zeros = 0;

	while (!bits->overrun && next_bit(bits) == 0)
		zeros++;
	if (zeros > 31)
		bits->overrun = true;
	if (bits->overrun)
		return 0;
	return (uint32_t) ((1ULL << zeros) - 1 + bits_get(bits, zeros));
}

/* An Exp-Golomb code with a sign. */
int32_t
bits_get_se(Bits *bits)
{
	uint32_t	code = bits_get_ue(bits);

	return code % 2 == 1 ? (int32_t) (code / 2 + 1) : -(int32_t) (code / 2);
}

/* How many bytes have been read, the last one perhaps not to its end. */
size_t
bits_bytes_used(const Bits *bits)
{
	return bits->at + (bits->bit > 0);
}

/* How many bits tell so many values apart. */
int
bits_width(uint32_t values)
{
	int			width = 0;

	while (width < 32 && (1ULL << width) < values)
		width++;
	return width;
}
