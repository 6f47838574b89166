/*-------------------------------------------------------------------------
 *
 * json_writer.h
 *		Writing replies: JSON straight into a StringInfo.
 *
 * Nothing here looks at a session's settings: the same values give the same
 * bytes for every client.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_JSON_WRITER_H
#define VVAULT_JSON_WRITER_H

#include "core/compat.h"

#include "access/tupdesc.h"
#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/date.h"

/* How a column is written; its key is the column's name. */
typedef enum VvJsonColumnKind
{
	VV_JSON_COLUMN_TEXT,
	VV_JSON_COLUMN_INT4,
	VV_JSON_COLUMN_INT8,
	VV_JSON_COLUMN_FLOAT8,
	VV_JSON_COLUMN_BOOL,
	VV_JSON_COLUMN_TIMESTAMPTZ,
	VV_JSON_COLUMN_DATE,
	VV_JSON_COLUMN_NUMERIC,
	VV_JSON_COLUMN_JSON,
	VV_JSON_COLUMN_JSONB,
	VV_JSON_COLUMN_TEXT_ARRAY
} VvJsonColumnKind;

typedef struct VvJsonColumn
{
	const char *key;			/* with a comma before and the colon behind */
	int			keylen;
	VvJsonColumnKind kind;
} VvJsonColumn;

/* A column by its name, which needs no escaping. */
#define VV_JSON_COLUMN(name, kind) \
	{",\"" name "\":", sizeof(",\"" name "\":") - 1, VV_JSON_COLUMN_##kind}

extern void vv_json_key(StringInfo out, const char *key);
extern void vv_json_text(StringInfo out, const char *str, int len);
extern void vv_json_int(StringInfo out, int64 value);
extern void vv_json_float(StringInfo out, double value);
extern void vv_json_bool(StringInfo out, bool value);
extern void vv_json_null(StringInfo out);
extern void vv_json_numeric(StringInfo out, Datum value);
extern void vv_json_timestamptz(StringInfo out, TimestampTz value);
extern void vv_json_date(StringInfo out, DateADT value);
extern void vv_json_row(StringInfo out, const VvJsonColumn *columns, int ncolumns,
						const Datum *values, const bool *isnull);

#endif							/* VVAULT_JSON_WRITER_H */
