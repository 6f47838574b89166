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

/* A text, its noncharacters replaced, since XML has none. */
static void
put_text(StringInfo out, const char *str, int len)
{
	for (int i = 0; i < len; i++)
	{
		if (is_noncharacter(str + i, len - i))
		{
			appendStringInfoString(out, REPLACEMENT);
			i += 2;
		}
		else
			put_escaped(out, str[i]);
	}
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
	appendStringInfo(xml->out, "<%s", name);
	xml->tag_open = true;
}

/*
 * Appends an attribute to the element that was just begun.
 */
void
vv_xml_attribute(VvXml *xml, const char *name, const char *value)
{
	Assert(xml->tag_open);
	appendStringInfo(xml->out, " %s=\"", name);
	put_text(xml->out, value, strlen(value));
	appendStringInfoChar(xml->out, '"');
}

/*
 * The same of a whole number.
 */
void
vv_xml_attribute_int(VvXml *xml, const char *name, int64 value)
{
	Assert(xml->tag_open);
	appendStringInfo(xml->out, " %s=\"" INT64_FORMAT "\"", name, value);
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
		appendStringInfo(xml->out, "</%s>", name);
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
