/*-------------------------------------------------------------------------
 *
 * text.h
 *		What is read from the words of other programs; pure functions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef TEXT_H
#define TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "util.h"

extern void append_utf8(Buffer *out, const char *text, size_t length);
extern void append_base64(Buffer *out, const unsigned char *data, size_t length);
extern bool append_from_base64(Buffer *out, const char *text);
extern bool read_hex(const char *text, unsigned char *bytes, size_t length);
extern bool read_progress(const char *line, double *seconds);
extern json_t * read_loudness(const char *text);
extern bool says_no_memory(const char *text);
extern char *last_error(const char *text);
extern char *element_of_xml(const char *xml, const char *name);

#endif							/* TEXT_H */
