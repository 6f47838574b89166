/*-------------------------------------------------------------------------
 *
 * text.c
 *		What is read from the words of other programs; pure functions.
 *
 *-------------------------------------------------------------------------
 */
#include "text.h"

#include <stdlib.h>
#include <string.h>

static const char base64_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* How many bytes of valid UTF-8 begin here, but for zero: 0 if none do. */
static size_t
utf8_length(const unsigned char *s, size_t left)
{
	size_t		length;
	unsigned	code;

	if (s[0] < 0x80)
		return s[0] != 0;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		length = 2;
	else if ((s[0] & 0xF0) == 0xE0)
		length = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		length = 4;
	else
		return 0;
	if (left < length)
		return 0;
	code = s[0] & (0x7F >> length);
	for (size_t i = 1; i < length; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3F);
	}
	if ((length == 3 && (code < 0x800 || (code >= 0xD800 && code <= 0xDFFF))) ||
		(length == 4 && (code < 0x10000 || code > 0x10FFFF)))
		return 0;
	return length;
}

/* As UTF-8: what is not becomes U+FFFD, byte by byte. */
void
append_utf8(Buffer *out, const char *text, size_t length)
{
	const unsigned char *s = (const unsigned char *) text;

	buffer_append(out, "", 0);
	for (size_t i = 0; i < length;)
	{
		size_t		valid = utf8_length(s + i, length - i);

		if (valid > 0)
			buffer_append(out, s + i, valid);
		else
			buffer_append(out, "\xEF\xBF\xBD", 3);
		i += valid > 0 ? valid : 1;
	}
}

/* Appends bytes as base64, with padding. */
void
append_base64(Buffer *out, const unsigned char *data, size_t length)
{
	buffer_append(out, "", 0);
	for (size_t i = 0; i < length; i += 3)
	{
		unsigned	bits = (unsigned) data[i] << 16;
		char		four[4];

		if (i + 1 < length)
			bits |= (unsigned) data[i + 1] << 8;
		if (i + 2 < length)
			bits |= data[i + 2];
		four[0] = base64_letters[bits >> 18];
		four[1] = base64_letters[bits >> 12 & 63];
		four[2] = i + 1 < length ? base64_letters[bits >> 6 & 63] : '=';
		four[3] = i + 2 < length ? base64_letters[bits & 63] : '=';
		buffer_append(out, four, 4);
	}
}

/* The six bits that a letter of base64 stands for; -1 for another letter. */
static int
base64_value(char letter)
{
	const char *found = letter != '\0' ? strchr(base64_letters, letter) : NULL;

	return found != NULL ? (int) (found - base64_letters) : -1;
}

/* Appends what a text of base64 with padding stands for; false where it is none. */
bool
append_from_base64(Buffer *out, const char *text)
{
	size_t		length = strlen(text);
	size_t		padding = length < 2 || text[length - 1] != '=' ? 0 : text[length - 2] == '=' ? 2 : 1;
	unsigned	bits = 0;

	if (length % 4 != 0)
		return false;
	buffer_append(out, "", 0);
	for (size_t i = 0; i < length; i++)
	{
		int			value = i < length - padding ? base64_value(text[i]) : 0;
		unsigned char three[3];

		if (value < 0)
			return false;
		bits = bits << 6 | (unsigned) value;
		if (i % 4 != 3)
			continue;
		three[0] = (unsigned char) (bits >> 16);
		three[1] = (unsigned char) (bits >> 8);
		three[2] = (unsigned char) bits;
		buffer_append(out, three, i + 1 == length ? 3 - padding : 3);
	}
	return true;
}

/* Hexadecimal digits for just so many bytes; false where the text is something else. */
bool
read_hex(const char *text, unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";

	if (strlen(text) != 2 * length || strspn(text, digits) != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++)
		bytes[i] = (unsigned char) ((strchr(digits, text[2 * i]) - digits) % 16 * 16 +
									(strchr(digits, text[2 * i + 1]) - digits) % 16);
	return true;
}

/* A line of ffmpeg's -progress: how far the output has come, in seconds. */
bool
read_progress(const char *line, double *seconds)
{
	static const char key[] = "out_time_us=";
	char	   *end;
	long long	microseconds;

	if (strncmp(line, key, strlen(key)) != 0)
		return false;
	line += strlen(key);
	microseconds = strtoll(line, &end, 10);
	if (end == line || microseconds < 0)
		return false;
	*seconds = (double) microseconds / 1e6;
	return true;
}

/*
 * What ffmpeg's filters ebur128 said at their end: by the name that each was given
 * (ebur128@NAME), its integrated loudness in LUFS. null where that is no number.
 */
json_t *
read_loudness(const char *text)
{
	static const char begin[] = "[ebur128@";
	static const char summary[] = "[info] Summary:";
	json_t	   *all = json_object();

	while ((text = strstr(text, begin)) != NULL)
	{
		const char *name = text + strlen(begin);
		size_t		length = strcspn(name, " ]\n");
		const char *end = strstr(name, "] ");
		const char *number;
		char	   *key;
		double		loudness;

		text = name;
		if (end == NULL || strncmp(end + 2, summary, strlen(summary)) != 0)
			continue;
		number = strstr(end, "I:");
		if (number == NULL)
			break;
		loudness = strtod(number + 2, NULL);
		key = format_text("%.*s", (int) length, name);
		json_object_set_new(all, key, loudness > -1e6 && loudness < 1e6 ? json_real(loudness) : json_null());
		free(key);
	}
	return all;
}

/*
 * The last error in what ffmpeg said (-v level+...): what stands behind "[error] " or
 * "[fatal] " in its line. Empty where there is none.
 */
char *
last_error(const char *text)
{
	static const char *const levels[] = {"[error] ", "[fatal] "};
	const char *found = "";

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		for (const char *at = text; (at = strstr(at, levels[i])) != NULL;)
		{
			at += strlen(levels[i]);
			if (*found == '\0' || at > found)
				found = at;
		}
	}
	return format_text("%.*s", (int) strcspn(found, "\r\n"), found);
}

/* Did a program say that it got no memory? */
bool
says_no_memory(const char *text)
{
	return strstr(text, "Cannot allocate memory") != NULL || strstr(text, "malloc of size") != NULL ||
		strstr(text, "get_buffer() failed") != NULL;
}

/* What stands in the first element of that name; NULL if there is none. */
char *
element_of_xml(const char *xml, const char *name)
{
	char	   *open = format_text("<%s>", name);
	char	   *close = format_text("</%s>", name);
	const char *begin = strstr(xml, open);
	const char *end = begin != NULL ? strstr(begin, close) : NULL;
	char	   *content = NULL;

	if (end != NULL)
	{
		begin += strlen(open);
		content = allocate((size_t) (end - begin) + 1);
		memcpy(content, begin, (size_t) (end - begin));
	}
	free(open);
	free(close);
	return content;
}
