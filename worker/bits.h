/*-------------------------------------------------------------------------
 *
 * bits.h
 *		Bits of a coded picture, read one by one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BITS_H
#define BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A read past the end gives 0 and is remembered. */
typedef struct Bits
{
	const unsigned char *data;
	size_t		length;
	size_t		at;				/* the byte that is read */
	int			bit;			/* how many of its bits have been */
	int			zeros;			/* bytes of zero right before it */
	bool		escaped;		/* a 3 behind two zeros is none of the data's */
	bool		overrun;
} Bits;

extern Bits bits_of(const unsigned char *data, size_t length, bool escaped);
extern uint32_t bits_get(Bits *bits, int n);
extern void bits_skip(Bits *bits, uint32_t n);
extern uint32_t bits_get_ue(Bits *bits);
extern int32_t bits_get_se(Bits *bits);
extern size_t bits_bytes_used(const Bits *bits);
extern int	bits_width(uint32_t values);

#endif							/* BITS_H */
