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

		if (likely(c >= ' ' && c != '"' && c != '\'' && c != 0x7f))
			continue;
		appendBinaryStringInfo(out, str + done, i - done);
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
