/*-------------------------------------------------------------------------
 *
 * text_writer.h
 *		Writing replies of plain text, line by line.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_TEXT_WRITER_H
#define VVAULT_TEXT_WRITER_H

#include "core/compat.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

/* Appends a string literal. */
#define vv_text_literal(out, literal) \
	appendBinaryStringInfo(out, "" literal, sizeof(literal) - 1)

/* Appends a whole number. */
static inline void
vv_text_int(StringInfo out, int64 value)
{
	enlargeStringInfo(out, MAXINT8LEN + 1);
	out->len += pg_lltoa(value, out->data + out->len);
}

extern void vv_text_line(StringInfo out, const char *line);
extern void vv_text_quoted(StringInfo out, const char *str, int len);

#endif							/* VVAULT_TEXT_WRITER_H */
