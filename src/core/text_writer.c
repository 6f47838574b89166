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
 * Appends text in double quotes. Such a string has no escapes (RFC 8216, 4.2),
 * so a double quote becomes a single one, and a control character, a line end
 * among them, a blank.
 */
void
vv_text_quoted(StringInfo out, const char *str, int len)
{
	appendStringInfoChar(out, '"');
	for (int i = 0; i < len; i++)
	{
		unsigned char c = str[i];

		appendStringInfoChar(out, c == '"' ? '\'' : c < ' ' || c == 0x7f ? ' ' : c);
	}
	appendStringInfoChar(out, '"');
}
