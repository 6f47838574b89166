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
#include "utils/jsonb.h"
#include "utils/numeric.h"
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
		vv_json_null(out);
		return;
	}
	len = double_to_shortest_decimal_bufn(value, digits);
	appendBinaryStringInfo(out, digits, len);
}

/* true or false. */
void
vv_json_bool(StringInfo out, bool value)
{
	appendStringInfoString(out, value ? "true" : "false");
}

/* null. */
void
vv_json_null(StringInfo out)
{
	appendBinaryStringInfo(out, "null", 4);
}

/*
 * Appends a NUMERIC with all its digits; NaN and infinity are null.
 */
void
vv_json_numeric(StringInfo out, Datum value)
{
	char	   *digits;

	if (numeric_is_nan(DatumGetNumeric(value)) ||
		numeric_is_inf(DatumGetNumeric(value)))
	{
		vv_json_null(out);
		return;
	}
	digits = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	appendStringInfoString(out, digits);
	pfree(digits);
}

/* Appends a date or an instant as a JSON string, ISO 8601, in UTC. */
static void
json_datetime(StringInfo out, Datum value, Oid type)
{
	char		text[MAXDATELEN + 1];
	int			utc = 0;

	JsonEncodeDateTime(text, value, type, &utc);
	appendStringInfoChar(out, '"');
	appendStringInfoString(out, text);
	appendStringInfoChar(out, '"');
}

/*
 * Appends an instant as a JSON string, ISO 8601 in UTC.
 */
void
vv_json_timestamptz(StringInfo out, TimestampTz value)
{
	json_datetime(out, TimestampTzGetDatum(value), TIMESTAMPTZOID);
}

/*
 * Appends a date as a JSON string, ISO 8601.
 */
void
vv_json_date(StringInfo out, DateADT value)
{
	json_datetime(out, DateADTGetDatum(value), DATEOID);
}

/* An array of text, whose elements may be NULL. */
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
			vv_json_null(out);
			continue;
		}
		element = DatumGetTextPP(elements[i]);
		vv_json_text(out, VARDATA_ANY(element), VARSIZE_ANY_EXHDR(element));
	}
	appendStringInfoChar(out, ']');
}

/* A value that is not NULL, by its column's kind. */
static void
json_value(StringInfo out, VvJsonColumnKind kind, Datum value)
{
	text	   *str;
	Jsonb	   *jsonb;

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
			vv_json_bool(out, DatumGetBool(value));
			break;
		case VV_JSON_COLUMN_TIMESTAMPTZ:
			vv_json_timestamptz(out, DatumGetTimestampTz(value));
			break;
		case VV_JSON_COLUMN_DATE:
			vv_json_date(out, DatumGetDateADT(value));
			break;
		case VV_JSON_COLUMN_NUMERIC:
			vv_json_numeric(out, value);
			break;
		case VV_JSON_COLUMN_JSON:
			str = DatumGetTextPP(value);
			appendBinaryStringInfo(out, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
			break;
		case VV_JSON_COLUMN_JSONB:
			jsonb = DatumGetJsonbP(value);
			(void) JsonbToCString(out, &jsonb->root, VARSIZE(jsonb));
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
			vv_json_null(out);
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
