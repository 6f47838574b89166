/*-------------------------------------------------------------------------
 *
 * search.h
 *		What vvault.video_search holds of a video.
 *
 * A document is a tsvector. Words stand in it as they were written (folded:
 * without accents, in lower case) with their places, weight A in the title
 * and B in the channel's name. Beside them, with the same places and weights C
 * and D, stand their other ways to be written, and pictures; their stems stand
 * there without places. Lexemes that begin with a sign are no words, and no
 * query can name them:
 *
 *		#PL		the region		#PL/7	and the tier of its views
 *		/7		the tier alone
 *		+pl		the language	=a tag	a tag
 *		"0123	the whole title
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEARCH_H
#define VVAULT_SEARCH_H

#include "core/compat.h"

#include "videos/words.h"

/* Weights of places. */
#define VV_IN_TITLE			3	/* A */
#define VV_IN_NAME			2
#define VV_BESIDE_TITLE		1
#define VV_BESIDE_NAME		0

#define VV_PART_END			'\x01'	/* between the parts of a video's texts */
#define VV_TIERS			25	/* tiers of views, from 0 */
#define VV_LANGUAGE_MAX		8	/* bytes of a language's code */

/* Weights of places. */
#define VV_IN_TITLE			3	/* A */
#define VV_IN_NAME			2
#define VV_BESIDE_TITLE		1
#define VV_BESIDE_NAME		0

extern bool vv_language_code(const char *language, int len, char *code);
extern Oid	vv_stemmer(const char *code);
extern char *vv_stem(Oid stemmer, const char *word, int len);

#endif							/* VVAULT_SEARCH_H */
