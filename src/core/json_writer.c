/*-------------------------------------------------------------------------
 *
 * json_writer.c
 *		Writing replies: JSON straight into a StringInfo.
 *
 *-------------------------------------------------------------------------
 */
#include "core/json_writer.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(vvault_utc_text);

/*
 * Appends a key and its colon, with a comma before it unless it is the first
 * of its object.
 */
void
vv_json_key(StringInfo out, const char *key)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		appendStringInfoChar(out, ',');
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, key);
	appendBinaryStringInfo(out, "\":", 2);
}

/*
 * Appends text as a JSON string.
 */
void
vv_json_text(StringInfo out, const char *str, int len)
{
	vv_escape_json(out, str, len);
}

/*
 * Appends a whole number.
 */
void
vv_json_int(StringInfo out, int64 value)
{
	char		digits[MAXINT8LEN + 1];
	int			len = pg_lltoa(value, digits);

	appendBinaryStringInfo(out, digits, len);
}

/*
 * Appends the shortest decimal that reads back as the same float8. JSON has
 * no NaN and no infinity: they are null.
 */
void
vv_json_float(StringInfo out, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];
	int			len;

	if (isnan(value) || isinf(value))
	{
		appendBinaryStringInfo(out, "null", 4);
		return;
	}
	len = double_to_shortest_decimal_bufn(value, digits);
	appendBinaryStringInfo(out, digits, len);
}

/*
 * Appends an instant as a JSON string, ISO 8601 in UTC.
 */
void
vv_json_timestamptz(StringInfo out, TimestampTz value)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	JsonEncodeDateTime(text, TimestampTzGetDatum(value), TIMESTAMPTZOID, &utc);
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, text);
	appendStringInfoChar(out, '"');
}

static void
json_text_array(StringInfo out, ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	appendStringInfoChar(out, '[');
	for (int i = 0; i < n; i++)
	{
		text	   *element;

		if (i > 0)
			appendStringInfoChar(out, ',');
		if (nulls[i])
		{
			appendBinaryStringInfo(out, "null", 4);
			continue;
		}
		element = DatumGetTextPP(elements[i]);
		vv_json_text(out, VARDATA_ANY(element), VARSIZE_ANY_EXHDR(element));
	}
	appendStringInfoChar(out, ']');
}

static void
json_value(StringInfo out, VvJsonColumnKind kind, Datum value)
{
	text	   *str;

	switch (kind)
	{
		case VV_JSON_COLUMN_TEXT:
			str = DatumGetTextPP(value);
			vv_json_text(out, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
			break;
		case VV_JSON_COLUMN_INT4:
			vv_json_int(out, DatumGetInt32(value));
			break;
		case VV_JSON_COLUMN_INT8:
			vv_json_int(out, DatumGetInt64(value));
			break;
		case VV_JSON_COLUMN_FLOAT8:
			vv_json_float(out, DatumGetFloat8(value));
			break;
		case VV_JSON_COLUMN_BOOL:
			appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
			break;
		case VV_JSON_COLUMN_TIMESTAMPTZ:
			vv_json_timestamptz(out, DatumGetTimestampTz(value));
			break;
		case VV_JSON_COLUMN_TEXT_ARRAY:
			json_text_array(out, DatumGetArrayTypeP(value));
			break;
	}
}

/*
 * Appends a row as the members of an object, without its braces.
 */
void
vv_json_row(StringInfo out, const VvJsonColumn *columns, int ncolumns,
			const Datum *values, const bool *isnull)
{
	for (int i = 0; i < ncolumns; i++)
	{
		/* the first key of an object has no comma before it */
		int			skip = out->data[out->len - 1] == '{' ? 1 : 0;

		appendBinaryStringInfo(out, columns[i].key + skip,
							   columns[i].keylen - skip);
		if (isnull[i])
			appendBinaryStringInfo(out, "null", 4);
		else
			json_value(out, columns[i].kind, values[i]);
	}
}

/*
 * vvault.utc_text(t timestamptz) returns text
 *
 * An instant as every reply shows it: ISO 8601 in UTC. STRICT; no errors.
 */
Datum
vvault_utc_text(PG_FUNCTION_ARGS)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	JsonEncodeDateTime(text, PG_GETARG_DATUM(0), TIMESTAMPTZOID, &utc);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}
