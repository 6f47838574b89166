/*-------------------------------------------------------------------------
 *
 * words.c
 *		The words of a folded text, the same in titles and in queries.
 *
 * A word is a run of letters and digits. What one sign joins (wi-fi, AC/DC,
 * rock'n'roll) is words and one word as well; whoever reads them puts them
 * together. A picture is a word of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/words.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"

#include "videos/fold.h"

/* The character at p, its kind, and how many bytes it has. */
static VvCharKind
kind_at(const char *p, const char *end, int *len, pg_wchar *c)
{
	*len = Min(pg_utf_mblen((const unsigned char *) p), (int) (end - p));
	*c = *len == 1 ? (unsigned char) *p :
		utf8_to_unicode((const unsigned char *) p);
	return vv_char_kind(*c);
}

/*
 * Whether right before p, which is in the text or at its end, there is a minus
 * with a space or nothing before it. A quote may open between.
 */
bool
vv_minus_before(const VvWordReader *reader, const char *p)
{
	if (p > reader->start && p[-1] == '"')
		p--;
	if (p <= reader->start || p[-1] != '-')
		return false;
	return p - 1 == reader->start || strchr(" \t\n\r\f\v", p[-2]) != NULL;
}

/* Adds a character to a word or to its other way to be written. */
static void
add_bytes(char *text, int *textlen, const char *p, int len, bool *full)
{
	*full = *full || *textlen + len > VV_WORD_MAX;
	if (*full)
		return;
	memcpy(text + *textlen, p, len);
	if (len == 1)
		text[*textlen] = pg_ascii_tolower((unsigned char) *p);
	*textlen += len;
}

/* Reads on to the next word; false at the end. */
static bool
skip_signs(VvWordReader *reader, VvWord *word)
{
	int			signs = 0;
	bool		joiner = false;

	for (;;)
	{
		pg_wchar	c;
		int			len;
		VvCharKind	kind;

		if (reader->p >= reader->end)
			return false;
		kind = kind_at(reader->p, reader->end, &len, &c);
		word->picture = kind == VV_CHAR_PICTURE;
		if (kind == VV_CHAR_WORD || kind == VV_CHAR_PICTURE)
			break;
		reader->p += len;
		if (kind == VV_CHAR_NOTHING)
			continue;
		joiner = kind == VV_CHAR_JOINER;
		signs++;
	}
	word->joined = reader->behind_word && !word->picture && joiner &&
		signs == 1;
	word->minus = vv_minus_before(reader, reader->p);
	return true;
}

/* Reads a symbol, or the two letters that make a flag. */
static void
read_picture(VvWordReader *reader, VvWord *word)
{
	bool		full = false;
	pg_wchar	c;
	pg_wchar	next;
	int			len;
	int			nextlen = 0;

	(void) kind_at(reader->p, reader->end, &len, &c);
	if (vv_is_flag_half(c) && reader->p + len < reader->end)
		(void) kind_at(reader->p + len, reader->end, &nextlen, &next);
	if (nextlen > 0 && vv_is_flag_half(next))
		len += nextlen;
	add_bytes(word->text, &word->len, reader->p, len, &full);
	reader->p += len;
}

/* Reads up to what is no letter or digit. */
static void
read_letters(VvWordReader *reader, VvWord *word)
{
	bool		full = false;
	bool		other_full = false;
	bool		two_ways = false;

	while (reader->p < reader->end)
	{
		pg_wchar	c;
		int			len;
		VvCharKind	kind = kind_at(reader->p, reader->end, &len, &c);

		if (c == (pg_wchar) VV_MAYBE && reader->p + 1 < reader->end &&
			reader->p[1] >= 'a' && reader->p[1] <= 'z')
		{
			two_ways = true;
			add_bytes(word->other, &word->other_len, reader->p + 1, 1,
					  &other_full);
			reader->p += 2;
			continue;
		}
		if (kind == VV_CHAR_WORD)
		{
			add_bytes(word->text, &word->len, reader->p, len, &full);
			add_bytes(word->other, &word->other_len, reader->p, len,
					  &other_full);
		}
		else if (kind != VV_CHAR_NOTHING)
			break;
		reader->p += len;
	}
	if (!two_ways)
		word->other_len = 0;
}

/*
 * Takes the next word off a text; false at its end.
 */
bool
vv_next_word(VvWordReader *reader, VvWord *word)
{
	word->len = 0;
	word->other_len = 0;
	if (!skip_signs(reader, word))
		return false;
	if (word->picture)
		read_picture(reader, word);
	else
		read_letters(reader, word);
	word->text[word->len] = '\0';
	word->other[word->other_len] = '\0';
	reader->behind_word = !word->picture;
	return true;
}

/*
 * How many characters a word has.
 */
int
vv_word_chars(const VvWord *word)
{
	return pg_mbstrlen_with_len(word->text, word->len);
}

/* 0 to 9. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Makes one word of several; of their other ways to be written, where that is
 * asked for and one of them has one. False where that is too long, no word, or
 * where numbers would run together.
 */
bool
vv_join_words(const VvWord *words, int n, bool other, VvWord *joined)
{
	bool		differs = false;

	memset(joined, 0, offsetof(VvWord, other));
	joined->other_len = 0;
	joined->picture = joined->joined = joined->minus = false;
	for (int i = 0; i < n; i++)
	{
		const VvWord *word = &words[i];
		bool		take_other = other && word->other_len > 0;
		const char *text = take_other ? word->other : word->text;
		int			len = take_other ? word->other_len : word->len;

		if (word->picture || joined->len + len > VV_WORD_MAX ||
			(i > 0 && is_digit(text[0]) &&
			 is_digit(joined->text[joined->len - 1])))
			return false;
		memcpy(joined->text + joined->len, text, len);
		joined->len += len;
		differs = differs || take_other;
	}
	joined->text[joined->len] = '\0';
	return differs || !other;
}

/*
 * Begins to list the words of a title.
 */
void
vv_begin_title(VvTitle *title)
{
	initStringInfo(&title->words);
	initStringInfo(&title->marked);
	initStringInfo(&title->pictures);
	title->minus = false;
}

/*
 * Lists a word of a title.
 */
void
vv_add_to_title(VvTitle *title, const VvWord *word)
{
	if (word->picture)
		appendStringInfoString(&title->pictures, word->text);
	else
		appendStringInfo(&title->words, "%s ", word->text);
	if (!word->picture || word->minus)
		appendStringInfo(&title->marked, "%s%s ", word->minus ? "-" : "",
						 word->text);
	title->minus = title->minus || word->minus;
}

/*
 * The sign of the whole title, marked or not: pictures count where it has
 * nothing else. NULL where it has not even those. 48 bits are short, and
 * among a million titles two share them once in five hundred such catalogs.
 */
char *
vv_title_sign(const VvTitle *title, bool marked)
{
	static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const StringInfoData *words = marked ? &title->marked : &title->words;
	char	   *sign;
	uint64		hash;

	if (words->len == 0)
		words = &title->pictures;
	if (words->len == 0)
		return NULL;
	hash = hash_bytes_extended((const unsigned char *) words->data,
							   words->len, 0);
	sign = pstrdup("\"12345678");
	for (int i = 1; sign[i] != '\0'; i++, hash >>= 6)
		sign[i] = digits[hash & 63];
	return sign;
}
