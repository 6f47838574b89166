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

extern void vv_text_line(StringInfo out, const char *line);
extern void vv_text_quoted(StringInfo out, const char *str, int len);

#endif							/* VVAULT_TEXT_WRITER_H */
