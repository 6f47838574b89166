/*-------------------------------------------------------------------------
 *
 * words.h
 *		The words of a folded text.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WORDS_H
#define VVAULT_WORDS_H

#include "core/compat.h"

#define VV_WORD_MAX			64	/* bytes of a word; what is behind is cut */

/* A part of a text without anything but letters and digits, or a picture. */
typedef struct VvWord
{
	char		text[VV_WORD_MAX + 1];
	int			len;
	char		other[VV_WORD_MAX + 1]; /* mueller, where text is muller */
	int			other_len;		/* 0 where there is none */
	bool		picture;
	bool		joined;			/* by one sign to the word before it */
	bool		minus;			/* right before it, and a space before that */
} VvWord;

/* A text that is being taken apart. */
typedef struct VvWordReader
{
	const char *start;
	const char *p;
	const char *end;
	bool		behind_word;	/* that is no picture */
} VvWordReader;

/* The words of a title, for the sign that stands for the whole of it. */
typedef struct VvTitle
{
	StringInfoData words;
	StringInfoData marked;		/* the same, with a minus where one stood */
	StringInfoData pictures;
	bool		minus;			/* one stood somewhere */
} VvTitle;

extern bool vv_next_word(VvWordReader *reader, VvWord *word);
extern bool vv_minus_before(const VvWordReader *reader, const char *p);
extern int	vv_word_chars(const VvWord *word);
extern bool vv_join_words(const VvWord *words, int n, bool other,
						  VvWord *joined);
extern void vv_begin_title(VvTitle *title);
extern void vv_add_to_title(VvTitle *title, const VvWord *word);
extern char *vv_title_sign(const VvTitle *title, bool marked);

#endif							/* VVAULT_WORDS_H */
