/*-------------------------------------------------------------------------
 *
 * fold.h
 *		Characters, and texts as search compares them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_FOLD_H
#define VVAULT_FOLD_H

#include "core/compat.h"

#include "mb/pg_wchar.h"

/* What a character is to a word. */
typedef enum VvCharKind
{
	VV_CHAR_WORD,				/* part of one */
	VV_CHAR_PICTURE,			/* emoji and other symbols: a word each */
	VV_CHAR_JOINER,				/* between words, which may be one as well */
	VV_CHAR_BETWEEN,			/* between words */
	VV_CHAR_NOTHING				/* as if it were not there */
} VvCharKind;

/*
 * In a folded text the letter behind it may be there or not: for the o with
 * two dots it has o, this, e.
 */
#define VV_MAYBE		'\x02'

extern VvCharKind vv_char_kind(pg_wchar c);
extern bool vv_is_flag_half(pg_wchar c);
extern void vv_fold_letters(StringInfo out, const char *str, int len);

#endif							/* VVAULT_FOLD_H */
