/*-------------------------------------------------------------------------
 *
 * html_writer.h
 *		Writing HTML straight into a StringInfo.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_HTML_WRITER_H
#define VVAULT_HTML_WRITER_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

extern void vv_html_text(StringInfo out, const char *str, int len);
extern void vv_html_string(StringInfo out, const char *str);
extern void vv_html_datum(StringInfo out, Datum value);
extern void vv_html_json(StringInfo out, const char *json, int len);
extern void vv_html_url_value(StringInfo out, Datum value);
extern void vv_html_count(StringInfo out, int64 count);
extern void vv_html_time(StringInfo out, TimestampTz time);
extern void vv_html_age(StringInfo out, TimestampTz now, TimestampTz time);

#endif							/* VVAULT_HTML_WRITER_H */
