/*-------------------------------------------------------------------------
 *
 * json_writer.c
 *		Writing replies: JSON straight into a StringInfo.
 *
 *-------------------------------------------------------------------------
 */
#include "core/json_writer.h"

#include <math.h>

#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/text_writer.h"

PG_FUNCTION_INFO_V1(vvault_utc_text);

/*
 * Appends bytes where there is room, which there mostly is: a reply is written
 * in very many small pieces.
 */
static inline void
put(StringInfo out, const char *data, int len)
{
	if (len >= out->maxlen - out->len)
		enlargeStringInfo(out, len);
	memcpy(out->data + out->len, data, len);
	out->len += len;
	out->data[out->len] = '\0';
}

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

/* A byte in each of eight places */
#define EIGHT(byte) (UINT64CONST(0x0101010101010101) * (byte))

/*
 * Whether one of eight bytes is zero.
 */
static inline bool
one_is_zero(uint64 bytes)
{
	return ((bytes - EIGHT(1)) & ~bytes & EIGHT(0x80)) != 0;
}

/*
 * How many bytes a text begins with that stand for themselves in a JSON
 * string: no control character, no quote and no backslash.
 */
static int
plain_length(const char *str, int len)
{
	int			i = 0;

	for (; i + 8 <= len; i += 8)
	{
		uint64		bytes;

		memcpy(&bytes, str + i, 8);
		if (((bytes - EIGHT(' ')) & ~bytes & EIGHT(0x80)) != 0 ||
			one_is_zero(bytes ^ EIGHT('"')) || one_is_zero(bytes ^ EIGHT('\\')))
			break;
	}
	while (i < len && (unsigned char) str[i] >= ' ' && str[i] != '"' &&
		   str[i] != '\\')
		i++;
	return i;
}

/* One of the other bytes, as escape_json() writes it */
static void
put_escaped(StringInfo out, char byte)
{
	static const char names[] = "\bb\ff\nn\rr\tt\"\"\\\\";

	for (int i = 0; names[i] != '\0'; i += 2)
	{
		if (byte == names[i])
		{
			appendStringInfoChar(out, '\\');
			appendStringInfoChar(out, names[i + 1]);
			return;
		}
	}
	appendStringInfo(out, "\\u%04x", (int) byte);
}

/*
 * Appends text as a JSON string: what is plain as it is, and what stands
 * between byte by byte. A title has few such bytes, if any, and escape_json()
 * looks at each before 18.
 */
void
vv_json_text(StringInfo out, const char *str, int len)
{
	int			plain = plain_length(str, len);
	char	   *end;

	if (len + 2 >= out->maxlen - out->len)
		enlargeStringInfo(out, len + 2);
	end = out->data + out->len;
	*end++ = '"';
	memcpy(end, str, plain);
	out->len += plain + 1;
	while (plain < len)
	{
		put_escaped(out, str[plain]);
		str += plain + 1;
		len -= plain + 1;
		plain = plain_length(str, len);
		put(out, str, plain);
	}
	put(out, "\"", 1);
}

/*
 * Appends a whole number.
 */
void
vv_json_int(StringInfo out, int64 value)
{
	vv_text_int(out, value);
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
	put(out, digits, len);
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
	put(out, "null", 4);
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
	put(out, "\"", 1);
	put(out, text, strlen(text));
	put(out, "\"", 1);
}

/* Julian days: years from 1 to 9999 have four digits and need no era. */
#define FIRST_OF_YEAR_1		INT64CONST(1721426)
#define FIRST_OF_YEAR_10000	INT64CONST(5373485)

/* Writes two digits and what stands behind them. */
static char *
two_digits(char *at, int value, char behind)
{
	at[0] = '0' + value / 10;
	at[1] = '0' + value % 10;
	at[2] = behind;
	return at + 3;
}

/* Writes the fraction of a second, without the zeros at its end. */
static char *
put_fraction(char *at, int microseconds)
{
	if (microseconds == 0)
		return at;
	*at++ = '.';
	pg_ultostr_zeropad(at, microseconds, 6);
	at += 6;
	while (at[-1] == '0')
		at--;
	return at;
}

/*
 * The same of an instant whose year has four digits, which a page of a feed has
 * very many of: what JsonEncodeDateTime() comes to, without its detours over
 * local time and formats.
 */
static void
json_instant(StringInfo out, TimestampTz value)
{
	char		text[MAXDATELEN + 1];
	char	   *at = text;
	int64		days = value / USECS_PER_DAY;
	int64		time = value % USECS_PER_DAY;
	int			second;
	int			year;
	int			month;
	int			day;

	if (time < 0)
	{
		time += USECS_PER_DAY;
		days--;
	}
	second = time / USECS_PER_SEC;
	j2date(days + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	*at++ = '"';
	at = two_digits(at, year / 100, '0') - 1;
	at = two_digits(at, year % 100, '-');
	at = two_digits(at, month, '-');
	at = two_digits(at, day, 'T');
	at = two_digits(at, second / SECS_PER_HOUR, ':');
	at = two_digits(at, second / SECS_PER_MINUTE % MINS_PER_HOUR, ':');
	at = two_digits(at, second % SECS_PER_MINUTE, ' ') - 1;
	at = put_fraction(at, time % USECS_PER_SEC);
	memcpy(at, "+00:00\"", 7);
	put(out, text, at + 7 - text);
}

/*
 * Appends an instant as a JSON string, ISO 8601 in UTC.
 */
void
vv_json_timestamptz(StringInfo out, TimestampTz value)
{
	if (value >= (FIRST_OF_YEAR_1 - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY &&
		value < (FIRST_OF_YEAR_10000 - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)
		json_instant(out, value);
	else
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
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	uint8	   *bitmap = ARR_NULLBITMAP(array);
	char	   *at = ARR_DATA_PTR(array);

	put(out, "[", 1);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			put(out, ",", 1);
		if (bitmap != NULL && (bitmap[i / 8] & (1 << (i % 8))) == 0)
		{
			vv_json_null(out);
			continue;
		}
		vv_json_text(out, VARDATA_ANY(at), VARSIZE_ANY_EXHDR(at));
		at = att_addlength_pointer(at, -1, at);
		at = (char *) att_align_nominal(at, TYPALIGN_INT);
	}
	put(out, "]", 1);
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

		put(out, columns[i].key + skip, columns[i].keylen - skip);
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
