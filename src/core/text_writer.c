/*-------------------------------------------------------------------------
 *
 * text_writer.c
 *		Writing replies of plain text, line by line.
 *
 *-------------------------------------------------------------------------
 */
#include "core/text_writer.h"

/*
 * Appends a line and its end. It must hold no line end; text that nobody
 * vouches for goes through vv_text_quoted().
 */
void
vv_text_line(StringInfo out, const char *line)
{
	appendStringInfoString(out, line);
	appendStringInfoChar(out, '\n');
}

/*
 * How many bytes a control character has that UTF-8 writes in several: U+0080
 * to U+009F, the line end NEL among them, which a playlist must not hold (RFC
 * 8216, 4.1), and the ends of lines and paragraphs U+2028 and U+2029, at which
 * parsers are about that split it. 0 for anything else.
 */
static int
wide_control(const char *str, int len)
{
	const unsigned char *c = (const unsigned char *) str;

	if (len >= 2 && c[0] == 0xc2 && c[1] <= 0x9f)
		return 2;
	return len >= 3 && c[0] == 0xe2 && c[1] == 0x80 &&
		(c[2] == 0xa8 || c[2] == 0xa9) ? 3 : 0;
}

/* Whether a byte stands for itself, and begins nothing that does not. */
static inline bool
needs_no_care(unsigned char c)
{
	return c >= ' ' && c != '"' && c != '\'' && c != 0x7f && c != 0xc2 &&
		c != 0xe2;
}

/*
 * Appends text in double quotes. Such a string has no escapes (RFC 8216, 4.2):
 * a control character, a line end among them, becomes a blank, and quotes
 * become those of print; a single one is no quote there, but parsers are about
 * that take it for one.
 */
void
vv_text_quoted(StringInfo out, const char *str, int len)
{
	int			done = 0;

	appendStringInfoChar(out, '"');
	for (int i = 0; i < len; i++)
	{
		unsigned char c = str[i];
		int			wide;

		if (likely(needs_no_care(c)))
			continue;
		wide = wide_control(str + i, len - i);
		if (c >= 0x80 && wide == 0)
			continue;
		appendBinaryStringInfo(out, str + done, i - done);
		i += Max(wide, 1) - 1;
		done = i + 1;
		if (c == '"')
			vv_text_literal(out, "\342\200\235");	/* U+201D */
		else if (c == '\'')
			vv_text_literal(out, "\342\200\231");	/* U+2019 */
		else
			appendStringInfoChar(out, ' ');
	}
	appendBinaryStringInfo(out, str + done, len - done);
	appendStringInfoChar(out, '"');
}
