/*-------------------------------------------------------------------------
 *
 * xml_writer.c
 *		Writing replies: XML straight into a StringInfo.
 *
 * Names are ours and need no check; text is anybody's. The server's own
 * escape_xml() keeps control characters, which no XML document may hold.
 *
 *-------------------------------------------------------------------------
 */
#include "core/xml_writer.h"

#include "core/text_writer.h"

/* What no document may hold becomes U+FFFD. */
#define REPLACEMENT "\xEF\xBF\xBD"

/* Whether the three bytes are U+FFFE or U+FFFF, which are no characters. */
static bool
is_noncharacter(const char *str, int len)
{
	return len >= 3 && (unsigned char) str[0] == 0xEF &&
		(unsigned char) str[1] == 0xBF && (unsigned char) str[2] >= 0xBE;
}

/* One byte, as it may stand in a text and in an attribute. */
static void
put_escaped(StringInfo out, char c)
{
	switch (c)
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
		case '\t':
			appendStringInfoString(out, "&#9;");
			break;
		case '\n':
			appendStringInfoString(out, "&#10;");
			break;
		case '\r':
			appendStringInfoString(out, "&#13;");
			break;
		default:
			if ((unsigned char) c < ' ')
				appendStringInfoString(out, REPLACEMENT);
			else
				appendStringInfoCharMacro(out, c);
	}
}

/* Whether a byte stands for itself, and begins nothing that does not. */
static inline bool
is_plain(unsigned char c)
{
	return c >= ' ' && c != '&' && c != '<' && c != '>' && c != '"' && c != 0xEF;
}

/* A text, its noncharacters replaced, since XML has none. */
static void
put_text(StringInfo out, const char *str, int len)
{
	int			done = 0;

	for (int i = 0; i < len; i++)
	{
		if (likely(is_plain(str[i])))
			continue;
		appendBinaryStringInfo(out, str + done, i - done);
		if (is_noncharacter(str + i, len - i))
		{
			appendStringInfoString(out, REPLACEMENT);
			i += 2;
		}
		else
			put_escaped(out, str[i]);
		done = i + 1;
	}
	appendBinaryStringInfo(out, str + done, len - done);
}

/* What follows goes between the tags. */
static void
end_start_tag(VvXml *xml)
{
	if (xml->tag_open)
		appendStringInfoChar(xml->out, '>');
	xml->tag_open = false;
}

/*
 * Appends what a document begins with.
 */
void
vv_xml_begin(VvXml *xml)
{
	appendStringInfoString(xml->out,
						   "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

/*
 * Begins an element; attributes may follow.
 */
void
vv_xml_open(VvXml *xml, const char *name)
{
	end_start_tag(xml);
	appendStringInfoChar(xml->out, '<');
	appendStringInfoString(xml->out, name);
	xml->tag_open = true;
}

/*
 * Begins an attribute of the element that was just begun. What the caller
 * appends must need no escaping.
 */
void
vv_xml_attribute_open(VvXml *xml, const char *name)
{
	Assert(xml->tag_open);
	appendStringInfoChar(xml->out, ' ');
	appendStringInfoString(xml->out, name);
	vv_text_literal(xml->out, "=\"");
}

/*
 * Ends it.
 */
void
vv_xml_attribute_close(VvXml *xml)
{
	appendStringInfoChar(xml->out, '"');
}

/*
 * Appends an attribute to the element that was just begun.
 */
void
vv_xml_attribute(VvXml *xml, const char *name, const char *value)
{
	vv_xml_attribute_open(xml, name);
	put_text(xml->out, value, strlen(value));
	vv_xml_attribute_close(xml);
}

/*
 * The same of a whole number.
 */
void
vv_xml_attribute_int(VvXml *xml, const char *name, int64 value)
{
	vv_xml_attribute_open(xml, name);
	vv_text_int(xml->out, value);
	vv_xml_attribute_close(xml);
}

/*
 * Appends text, in UTF-8, as content of an element.
 */
void
vv_xml_text(VvXml *xml, const char *str, int len)
{
	end_start_tag(xml);
	put_text(xml->out, str, len);
}

/*
 * Ends an element.
 */
void
vv_xml_close(VvXml *xml, const char *name)
{
	if (xml->tag_open)
		appendStringInfoString(xml->out, "/>");
	else
	{
		vv_text_literal(xml->out, "</");
		appendStringInfoString(xml->out, name);
		appendStringInfoChar(xml->out, '>');
	}
	xml->tag_open = false;
}

/*
 * Appends a whole element with a text in it.
 */
void
vv_xml_element(VvXml *xml, const char *name, const char *text)
{
	vv_xml_open(xml, name);
	vv_xml_text(xml, text, strlen(text));
	vv_xml_close(xml, name);
}
