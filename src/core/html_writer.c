/*-------------------------------------------------------------------------
 *
 * html_writer.c
 *		Writing HTML straight into a StringInfo.
 *
 * What these append of their values can neither end nor open an element or a
 * quoted attribute.
 *
 *-------------------------------------------------------------------------
 */
#include "core/html_writer.h"

#include <ctype.h>

#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

/*
 * Appends text so that it is text: in an element, or in a quoted attribute.
 */
void
vv_html_text(StringInfo out, const char *str, int len)
{
	for (int i = 0; i < len; i++)
	{
		switch (str[i])
		{
			case '&':
				appendStringInfoString(out, "&amp;");
				break;
			case '<':
				appendStringInfoString(out, "&lt;");
				break;
			case '>':
				appendStringInfoString(out, "&gt;");
				break;
			case '"':
				appendStringInfoString(out, "&quot;");
				break;
			case '\'':
				appendStringInfoString(out, "&#39;");
				break;
			default:
				appendStringInfoCharMacro(out, str[i]);
		}
	}
}

/*
 * The same of a C string.
 */
void
vv_html_string(StringInfo out, const char *str)
{
	vv_html_text(out, str, strlen(str));
}

/*
 * The same of a text value.
 */
void
vv_html_datum(StringInfo out, Datum value)
{
	text	   *str = DatumGetTextPP(value);

	vv_html_text(out, VARDATA_ANY(str), VARSIZE_ANY_EXHDR(str));
}

/*
 * Appends JSON so that nothing in it ends, or opens, an element: these three
 * stand in its strings alone, where an escape means the same.
 */
void
vv_html_json(StringInfo out, const char *json, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (json[i] == '<' || json[i] == '>' || json[i] == '&')
			appendStringInfo(out, "\\u%04x", (unsigned char) json[i]);
		else
			appendStringInfoCharMacro(out, json[i]);
	}
}

/*
 * Appends a value of a URL's query.
 */
void
vv_html_url_value(StringInfo out, Datum value)
{
	text	   *str = DatumGetTextPP(value);
	const unsigned char *bytes = (unsigned char *) VARDATA_ANY(str);
	int			len = VARSIZE_ANY_EXHDR(str);

	for (int i = 0; i < len; i++)
	{
		if (bytes[i] < 0x80 && (isalnum(bytes[i]) || bytes[i] == '-' ||
								bytes[i] == '_'))
			appendStringInfoChar(out, bytes[i]);
		else
			appendStringInfo(out, "%%%02X", bytes[i]);
	}
}

/*
 * Appends a count from 0 with commas between thousands.
 */
void
vv_html_count(StringInfo out, int64 count)
{
	char		digits[MAXINT8LEN + 1];
	int			len = pg_lltoa(count, digits);

	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (len - i) % 3 == 0)
			appendStringInfoChar(out, ',');
		appendStringInfoChar(out, digits[i]);
	}
}

/*
 * Appends an instant in UTC as a time element. 22008 where it is out of range.
 */
void
vv_html_time(StringInfo out, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	appendStringInfo(out, "<time datetime=\"%04d-%02d-%02dT%02d:%02d:%02dZ\">"
					 "%04d-%02d-%02d %02d:%02d UTC</time>",
					 tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min, tm.tm_sec,
					 tm.tm_year, tm.tm_mon, tm.tm_mday,
					 tm.tm_hour, tm.tm_min);
}

/*
 * Appends how long ago a time was, in the largest unit that tells at least
 * two.
 */
void
vv_html_age(StringInfo out, TimestampTz now, TimestampTz time)
{
	int64		minutes = Max(now - time, 0) / USECS_PER_MINUTE;

	if (minutes >= 2 * 24 * 60)
		appendStringInfo(out, INT64_FORMAT " days ago", minutes / (24 * 60));
	else if (minutes >= 2 * 60)
		appendStringInfo(out, INT64_FORMAT " hours ago", minutes / 60);
	else if (minutes >= 2)
		appendStringInfo(out, INT64_FORMAT " minutes ago", minutes);
	else
		appendStringInfoString(out, "just now");
}
