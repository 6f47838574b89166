/*-------------------------------------------------------------------------
 *
 * search.h
 *		Words, and what vvault.video_search holds of a video.
 *
 * A document is a tsvector. Words stand in it as they were written (folded:
 * without accents, in lower case) with their places, weight A in the title
 * and B in the channel's name; their stems stand beside them without places.
 * Lexemes that begin with a sign are no words, and no query can name them:
 *
 *		#PL		the region		#PL/7	and the tier of its views
 *		/7		the tier alone
 *		+pl		the language	=a tag	a tag
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEARCH_H
#define VVAULT_SEARCH_H

#include "core/compat.h"

#define VV_WORD_MAX			64	/* bytes of a word; what is behind is cut */
#define VV_PART_END			'\x01'	/* between the parts of a video's texts */
#define VV_TIERS			25	/* tiers of views, from 0 */
#define VV_LANGUAGE_MAX		8	/* bytes of a language's code */

/* A part of a text without anything but letters and digits. */
typedef struct VvWord
{
	char		text[VV_WORD_MAX + 1];
	int			len;
} VvWord;

extern bool vv_next_word(const char **p, const char *end, VvWord *word);
extern bool vv_starts_word(const char *p, const char *end);
extern int	vv_word_chars(const VvWord *word);
extern bool vv_language_code(const char *language, int len, char *code);
extern Oid	vv_stemmer(const char *code);
extern char *vv_stem(Oid stemmer, const VvWord *word);

#endif							/* VVAULT_SEARCH_H */
