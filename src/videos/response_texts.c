/*-------------------------------------------------------------------------
 *
 * response_texts.c
 *		The texts of a response, which may hold anything: escapes, numbers,
 *		instants.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/response_texts.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/datetime.h"

/*
 * The code unit of an escape \uXXXX, or -1 where there is none.
 */
static int
escaped_code(const char *json, int len, int at)
{
	int			code = 0;

	if (at + 6 > len || json[at] != '\\' || json[at + 1] != 'u')
		return -1;
	for (int i = at + 2; i < at + 6; i++)
	{
		char		c = json[i];

		if (!isxdigit((unsigned char) c))
			return -1;
		code = code * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return code;
}

/* Was something of this text blotted out? */
bool
vv_has_blot(const char *text)
{
	return strchr(text, (unsigned char) VV_BLOT) != NULL;
}

/*
 * A copy of the response, byte for byte as long, in which the escapes that
 * stand for no character of ours are blotted out: \u0000 and surrogates
 * without their partner. The parser cannot stumble over it, and offsets in it
 * hold in the original.
 */
char *
vv_blot_out_escapes(const char *json, int len)
{
	char	   *copy = palloc(len + 1);

	memcpy(copy, json, len);
	copy[len] = '\0';
	for (int i = 0; i < len; i++)
	{
		int			code;

		if (json[i] != '\\')
			continue;
		code = escaped_code(json, len, i);
		if (code < 0)
			i += 1;
		else if (is_utf16_surrogate_first(code) &&
				 escaped_code(json, len, i + 6) >= 0 &&
				 is_utf16_surrogate_second(escaped_code(json, len, i + 6)))
			i += 11;
		else
		{
			if (code == 0 || is_utf16_surrogate_first(code) ||
				is_utf16_surrogate_second(code))
				memset(copy + i, VV_BLOT, 6);
			i += 5;
		}
	}
	return copy;
}

/*
 * The first escape of an item that no text can hold, as the server says it.
 */
const char *
vv_bad_escape(char *json, int len)
{
	JsonLexContext *lex = vv_json_lexer(json, len, PG_UTF8);
	JsonSemAction actions = {0};
	JsonParseErrorType result = pg_parse_json(lex, &actions);

	return json_errdetail(result, lex);
}

/* A whole number from 0 to max in plain digits, or -1. */
int64
vv_parse_whole(const char *digits, int64 max)
{
	int64		value = 0;

	if (*digits == '\0')
		return -1;
	for (const char *p = digits; *p != '\0'; p++)
	{
		int			digit = *p - '0';

		if (digit < 0 || digit > 9 || value > (max - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	return value;
}

/*
 * Reads exactly n digits.
 */
static bool
read_digits(const char **p, int n, int *value)
{
	*value = 0;
	for (int i = 0; i < n; i++, (*p)++)
	{
		if (!isdigit((unsigned char) **p))
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

/* Read one character; false if it is another one. */
static bool
read_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/*
 * An instant in the form that RFC 3339 gives it, 2026-01-02T03:04:05.678Z;
 * false where it is anything else. PostgreSQL's own input would take words
 * such as "now" and look at the session's DateStyle and TimeZone.
 */
bool
vv_parse_rfc3339(const char *str, TimestampTz *result)
{
	const char *p = str;
	int			year,
				month,
				day,
				hour,
				minute,
				second,
				offset_hour = 0,
				offset_minute = 0,
				sign = 1;
	int64		micros = 0;

	if (!read_digits(&p, 4, &year) || !read_char(&p, '-') ||
		!read_digits(&p, 2, &month) || !read_char(&p, '-') ||
		!read_digits(&p, 2, &day) ||
		!(read_char(&p, 'T') || read_char(&p, 't') || read_char(&p, ' ')) ||
		!read_digits(&p, 2, &hour) || !read_char(&p, ':') ||
		!read_digits(&p, 2, &minute) || !read_char(&p, ':') ||
		!read_digits(&p, 2, &second))
		return false;
	if (read_char(&p, '.'))
	{
		int64		unit = USECS_PER_SEC;

		if (!isdigit((unsigned char) *p))
			return false;
		for (; isdigit((unsigned char) *p); p++)
		{
			unit /= 10;
			micros += unit * (*p - '0');
		}
	}
	if (!read_char(&p, 'Z') && !read_char(&p, 'z'))
	{
		if (*p != '+' && *p != '-')
			return false;
		sign = *p++ == '+' ? 1 : -1;
		if (!read_digits(&p, 2, &offset_hour) || !read_char(&p, ':') ||
			!read_digits(&p, 2, &offset_minute))
			return false;
	}
	if (*p != '\0')
		return false;
	if (year < 1 || year > 9998 || month < 1 || month > MONTHS_PER_YEAR ||
		day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour > 23 || minute > 59 || second > 60 ||
		offset_hour > 23 || offset_minute > 59)
		return false;

	*result = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY +
		((int64) hour * SECS_PER_HOUR + minute * SECS_PER_MINUTE + second -
		 sign * (offset_hour * SECS_PER_HOUR +
				 offset_minute * SECS_PER_MINUTE)) * USECS_PER_SEC + micros;
	/* with the offset it may lie before the year 1, which the catalog ends at */
	return *result >= (int64) (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) *
		USECS_PER_DAY;
}
