/*-------------------------------------------------------------------------
 *
 * response_texts.h
 *		The texts of a response, which may hold anything: escapes, numbers,
 *		instants.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_RESPONSE_TEXTS_H
#define VVAULT_RESPONSE_TEXTS_H

#include "core/compat.h"

#include "utils/timestamp.h"

/* Stands for what was blotted out: no byte of a text in UTF-8 */
#define VV_BLOT				'\xff'

extern bool vv_has_blot(const char *text);
extern char *vv_blot_out_escapes(const char *json, int len);
extern const char *vv_bad_escape(char *json, int len);
extern int64 vv_parse_whole(const char *digits, int64 max);
extern bool vv_parse_rfc3339(const char *str, TimestampTz *result);

#endif							/* VVAULT_RESPONSE_TEXTS_H */
