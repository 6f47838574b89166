/*-------------------------------------------------------------------------
 *
 * fold.c
 *		Texts as search compares them, the same in every database.
 *
 * What a character is follows from its Unicode properties: those that the
 * server has where it lets others see them (from 17 on), else those of a table
 * (unicode_table.h). The server's functions for letters and case go by the
 * locale of the database, and in the locale C they know of ASCII only.
 *
 *-------------------------------------------------------------------------
 */
#include "videos/fold.h"

#include "common/unicode_norm.h"

#ifndef HAVE_UNICODE_CATEGORY

/* The entries of a table of kinds. */
#define B(c)	((uint32) (c) << 3 | VV_CHAR_BETWEEN)
#define J(c)	((uint32) (c) << 3 | VV_CHAR_JOINER)
#define N(c)	((uint32) (c) << 3 | VV_CHAR_NOTHING)
#define P(c)	((uint32) (c) << 3 | VV_CHAR_PICTURE)
#define W(c)	((uint32) (c) << 3 | VV_CHAR_WORD)

/* Characters that have a lower case at one distance. */
typedef struct LowerRange
{
	uint32		first;
	uint32		last;
	int			step;			/* 2: every other one */
	int			distance;
} LowerRange;

#endif

#include "videos/unicode_table.h"

/*
 * Letters that people write one for another, and digits: ranges, and what the
 * first of them becomes. 0 is nothing.
 */
static const struct
{
	pg_wchar	first;
	pg_wchar	last;
	pg_wchar	becomes;
}			same_letters[] = {
	{0x03C2, 0x03C2, 0x03C3},	/* Greek sigma at the end of a word */
	{0x0491, 0x0491, 0x0433},	/* Ukrainian ghe with upturn */
	{0x0622, 0x0622, 0x0627},	/* Arabic alef with its signs */
	{0x0623, 0x0623, 0x0627},
	{0x0625, 0x0625, 0x0627},
	{0x0629, 0x0629, 0x0647},	/* teh marbuta: heh */
	{0x0640, 0x0640, 0},		/* tatweel, which makes words longer */
	{0x0649, 0x0649, 0x064A},	/* alef maksura: yeh */
	{0x0660, 0x0669, '0'},
	{0x0671, 0x0671, 0x0627},
	{0x06A9, 0x06A9, 0x0643},	/* Persian kaf and yeh */
	{0x06CC, 0x06CC, 0x064A},
	{0x06F0, 0x06F9, '0'},
	{0x0966, 0x096F, '0'},		/* Devanagari */
};

/* Letters that are written as one of ASCII, or as two. */
static const struct
{
	pg_wchar	letter;
	char		first;
	char		second;
}			two_letters[] = {
	{0xE4, 'a', 'e'}, {0xE5, 'a', 'a'}, {0xF6, 'o', 'e'},
	{0xF8, 'o', 'e'}, {0xFC, 'u', 'e'}
};

/* The number of entries at or before c in a sorted table. */
static int
entries_up_to(const uint32 *table, int n, uint32 c)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (table[middle] <= c)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The kind of a character by its general category. */
static VvCharKind
kind_by_category(pg_wchar c)
{
#ifdef HAVE_UNICODE_CATEGORY
	switch (unicode_category(c))
	{
		case PG_U_UPPERCASE_LETTER:
		case PG_U_LOWERCASE_LETTER:
		case PG_U_TITLECASE_LETTER:
		case PG_U_MODIFIER_LETTER:
		case PG_U_OTHER_LETTER:
		case PG_U_NONSPACING_MARK:
		case PG_U_ENCLOSING_MARK:
		case PG_U_SPACING_MARK:
		case PG_U_DECIMAL_NUMBER:
		case PG_U_LETTER_NUMBER:
		case PG_U_OTHER_NUMBER:
			return VV_CHAR_WORD;
		case PG_U_OTHER_SYMBOL:
			return VV_CHAR_PICTURE;
		case PG_U_DASH_PUNCTUATION:
		case PG_U_CONNECTOR_PUNCTUATION:
			return VV_CHAR_JOINER;
		case PG_U_FORMAT:
			return VV_CHAR_NOTHING;
		default:
			return VV_CHAR_BETWEEN;
	}
#else
	int			n = entries_up_to(kinds, lengthof(kinds), c << 3 | 7);

	return (VvCharKind) (kinds[n - 1] & 7);
#endif
}

/* The lower case of a character; itself where it has none. */
static pg_wchar
lower_case(pg_wchar c)
{
#ifdef HAVE_UNICODE_CATEGORY
	return unicode_lowercase_simple(c);
#else
	int			low = 0;
	int			high = lengthof(lower_ranges);

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const LowerRange *range = &lower_ranges[middle];

		if (c > range->last)
			low = middle + 1;
		else if (c < range->first)
			high = middle;
		else
			return (c - range->first) % range->step == 0 ?
				c + range->distance : c;
	}
	return c;
#endif
}

/* Signs beside dashes that stand inside of what may be one word. */
static bool
is_joiner(pg_wchar c)
{
	switch (c)
	{
		case '\'':
		case '`':
		case '/':
		case '.':
		case '&':
		case '+':
		case '*':
		case 0xB7:				/* middle dot */
		case 0x2B9:				/* modifier prime, comma, apostrophe */
		case 0x2BB:
		case 0x2BC:
		case 0x5F3:				/* geresh, gershayim */
		case 0x5F4:
		case 0x2018:			/* quotes that serve as apostrophes */
		case 0x2019:
		case 0x201B:
		case 0x2032:			/* prime */
		case 0x30FB:			/* katakana middle dot */
			return true;
		default:
			return false;
	}
}

/*
 * The kind of a character.
 */
VvCharKind
vv_char_kind(pg_wchar c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9'))
		return VV_CHAR_WORD;
	if (is_joiner(c))
		return VV_CHAR_JOINER;
	if (c < 0x80)
		return c == '-' || c == '_' ? VV_CHAR_JOINER : VV_CHAR_BETWEEN;
	if (entries_up_to(left_out, lengthof(left_out), c) % 2 == 1)
		return VV_CHAR_NOTHING;
	return kind_by_category(c);
}

/*
 * Whether a character is one of the two that make a flag.
 */
bool
vv_is_flag_half(pg_wchar c)
{
	return c >= 0x1F1E6 && c <= 0x1F1FF;
}

/* Signs of trade would become letters of the word before them. */
static pg_wchar
before_normalizing(pg_wchar c)
{
	switch (c)
	{
		case 0xA9:
		case 0xAE:
		case 0x2117:
		case 0x2120:
		case 0x2122:
			return ' ';
		case 0xB4:				/* an acute accent that stands alone */
			return '\'';
		default:
			return c;
	}
}

/* One of alef to tav, the final forms included. */
static bool
is_hebrew_letter(pg_wchar c)
{
	return c >= 0x5D0 && c <= 0x5EA;
}

/*
 * The letter that this one is searched as, itself if it is no other; 0 if it
 * counts for nothing.
 */
static pg_wchar
same_letter(pg_wchar c)
{
	for (int i = 0; i < (int) lengthof(same_letters); i++)
	{
		if (c >= same_letters[i].first && c <= same_letters[i].last)
			return same_letters[i].becomes == 0 ? 0 :
				same_letters[i].becomes + (c - same_letters[i].first);
	}
	return c;
}

/* A character as UTF-8. */
static void
append_char(StringInfo out, pg_wchar c)
{
	unsigned char bytes[MAX_MULTIBYTE_CHAR_LEN];

	unicode_to_utf8(c, bytes);
	appendBinaryStringInfo(out, (char *) bytes, pg_utf_mblen(bytes));
}

/* Appends a letter, a digit or part of one. */
static void
append_letter(StringInfo out, pg_wchar c)
{
	c = same_letter(lower_case(c));
	for (int i = 0; i < (int) lengthof(two_letters); i++)
	{
		if (c == two_letters[i].letter)
		{
			appendStringInfoChar(out, two_letters[i].first);
			appendStringInfoChar(out, VV_MAYBE);
			appendStringInfoChar(out, two_letters[i].second);
			return;
		}
	}
	if (c != 0)
		append_char(out, c);
}

/* Appends a character of ASCII; of those that do not show, a space. */
static void
append_ascii(StringInfo out, pg_wchar c)
{
	appendStringInfoCharMacro(out, c < ' ' || c == 0x7F ? ' ' :
							  (char) pg_ascii_tolower((unsigned char) c));
}

/* Appends a character that is not ASCII; what is no word becomes ASCII. */
static void
append_folded(StringInfo out, pg_wchar c)
{
	switch (vv_char_kind(c))
	{
		case VV_CHAR_WORD:
			append_letter(out, c);
			break;
		case VV_CHAR_PICTURE:
			append_char(out, c);
			break;
		case VV_CHAR_JOINER:
			appendStringInfoChar(out, '\'');
			break;
		case VV_CHAR_BETWEEN:
			/* double quotes that a keyboard makes of the plain one */
			appendStringInfoChar(out, c >= 0x201C && c <= 0x201F ? '"' : ' ');
			break;
		case VV_CHAR_NOTHING:
			break;
	}
}

/* The characters of a text in NFKC, with a zero behind them. */
static pg_wchar *
normalized_chars(const char *str, int len)
{
	pg_wchar   *chars = palloc(sizeof(pg_wchar) * ((Size) len + 1));
	int			n = pg_mb2wchar_with_len(str, chars, len);

	for (int i = 0; i < n; i++)
		chars[i] = before_normalizing(chars[i]);
	if (unicode_is_normalized_quickcheck(UNICODE_NFKC,
										 chars) == UNICODE_NORM_QC_YES)
		return chars;
	return unicode_normalize(UNICODE_NFKC, chars);
}

/*
 * Every character by its own rule; a quote between two Hebrew letters is
 * their gershayim.
 */
static void
fold_chars(StringInfo out, const pg_wchar *chars)
{
	pg_wchar	before = 0;

	for (; *chars != 0; before = *chars++)
	{
		pg_wchar	c = *chars;

		if (c == '"' && is_hebrew_letter(before) && is_hebrew_letter(chars[1]))
			appendStringInfoChar(out, '\'');
		else if (c >= 0x80)
			append_folded(out, c);
		else
			append_ascii(out, c);
	}
}

/*
 * Appends a text in NFKC and lower case, without what counts for nothing. Only
 * letters and pictures are still other than ASCII. What takes the accents off
 * is unaccent, in SQL.
 */
void
vv_fold_letters(StringInfo out, const char *str, int len)
{
	bool		ascii = true;

	for (int i = 0; i < len && ascii; i++)
		ascii = !IS_HIGHBIT_SET(str[i]);
	if (!ascii)
	{
		fold_chars(out, normalized_chars(str, len));
		return;
	}
	enlargeStringInfo(out, len);
	for (int i = 0; i < len; i++)
		append_ascii(out, (unsigned char) str[i]);
}
