/*-------------------------------------------------------------------------
 *
 * search.c
 *		What can be searched for in a video, as a tsvector.
 *
 * The server's parser of text would see host names, paths and numbers with
 * signs in titles, and letters by the database's locale. Here a word is a run
 * of letters and digits, the same in every database and in every query. The
 * stems come from the server's own dictionaries, of the video's language.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/search.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(vvault_search_tier);
PG_FUNCTION_INFO_V1(vvault_search_document);

#define MAX_WORDS		100		/* of a title or a name; the rest is left out */
#define MAX_TAGS		12

/* The least views of each tier but the first: 1, 2 and 5 times powers of 10. */
static const int64 tier_floors[VV_TIERS - 1] = {
	INT64CONST(1000), INT64CONST(2000), INT64CONST(5000),
	INT64CONST(10000), INT64CONST(20000), INT64CONST(50000),
	INT64CONST(100000), INT64CONST(200000), INT64CONST(500000),
	INT64CONST(1000000), INT64CONST(2000000), INT64CONST(5000000),
	INT64CONST(10000000), INT64CONST(20000000), INT64CONST(50000000),
	INT64CONST(100000000), INT64CONST(200000000), INT64CONST(500000000),
	INT64CONST(1000000000), INT64CONST(2000000000), INT64CONST(5000000000),
	INT64CONST(10000000000), INT64CONST(20000000000), INT64CONST(50000000000)
};

/* Languages that the server may have a stemmer for. */
static const struct
{
	const char *code;
	const char *dictionary;
}			stemmers[] = {
	{"ar", "arabic_stem"}, {"ca", "catalan_stem"}, {"da", "danish_stem"},
	{"de", "german_stem"}, {"el", "greek_stem"}, {"en", "english_stem"},
	{"es", "spanish_stem"}, {"eu", "basque_stem"}, {"fi", "finnish_stem"},
	{"fr", "french_stem"}, {"ga", "irish_stem"}, {"hi", "hindi_stem"},
	{"hu", "hungarian_stem"}, {"hy", "armenian_stem"},
	{"id", "indonesian_stem"}, {"it", "italian_stem"},
	{"lt", "lithuanian_stem"}, {"ne", "nepali_stem"}, {"nl", "dutch_stem"},
	{"no", "norwegian_stem"}, {"pt", "portuguese_stem"},
	{"ro", "romanian_stem"}, {"ru", "russian_stem"}, {"sr", "serbian_stem"},
	{"sv", "swedish_stem"}, {"ta", "tamil_stem"}, {"tr", "turkish_stem"},
	{"yi", "yiddish_stem"},
};

/* What a character is to a word. */
typedef enum CharKind
{
	CHAR_WORD,
	CHAR_NOTHING,				/* left out: don't is dont */
	CHAR_BETWEEN				/* between words */
} CharKind;

static CharKind
char_kind(pg_wchar c)
{
	if (c < 0x80)
	{
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9'))
			return CHAR_WORD;
		return c == '\'' ? CHAR_NOTHING : CHAR_BETWEEN;
	}
	/* the apostrophes, joiners and variation selectors */
	if (c == 0x2BC || c == 0x2018 || c == 0x2019 ||
		(c >= 0x200B && c <= 0x200D) || (c >= 0xFE00 && c <= 0xFE0F) ||
		(c >= 0x300 && c <= 0x36F))
		return CHAR_NOTHING;
	/* signs of Latin-1, punctuation, symbols, boxes, emoji, tags */
	if (c < 0xC0 || c == 0xD7 || c == 0xF7 ||
		(c >= 0x2000 && c <= 0x2BFF) || (c >= 0x2E00 && c <= 0x2E7F) ||
		(c >= 0x3000 && c <= 0x3004) || (c >= 0x3008 && c <= 0x3020) ||
		c == 0x3030 || (c >= 0xE000 && c <= 0xF8FF) ||
		(c >= 0xFE10 && c <= 0xFE6F) || (c >= 0xFFF0 && c <= 0xFFFF) ||
		(c >= 0x1F000 && c <= 0x1FAFF) || c >= 0xE0000)
		return CHAR_BETWEEN;
	return CHAR_WORD;
}

/* The kind of the character at p, and how many bytes it has. */
static CharKind
kind_at(const char *p, const char *end, int *len)
{
	*len = Min(pg_utf_mblen((const unsigned char *) p), (int) (end - p));
	return char_kind(utf8_to_unicode((const unsigned char *) p));
}

/*
 * Whether a word begins right here.
 */
bool
vv_starts_word(const char *p, const char *end)
{
	int			len;

	return p < end && kind_at(p, end, &len) == CHAR_WORD;
}

/*
 * Takes the next word off a text; false at its end.
 */
bool
vv_next_word(const char **p, const char *end, VvWord *word)
{
	bool		full = false;
	int			len;

	word->len = 0;
	for (; *p < end; *p += len)
	{
		CharKind	kind = kind_at(*p, end, &len);

		if (kind == CHAR_NOTHING)
			continue;
		if (kind == CHAR_BETWEEN)
		{
			if (word->len > 0)
				break;
			continue;
		}
		full = full || word->len + len > VV_WORD_MAX;
		if (full)
			continue;
		memcpy(word->text + word->len, *p, len);
		if (len == 1)
			word->text[word->len] = pg_ascii_tolower((unsigned char) **p);
		word->len += len;
	}
	word->text[word->len] = '\0';
	return word->len > 0;
}

/*
 * The bytes of a word's first characters; all where it has no more.
 */
int
vv_word_prefix(const VvWord *word, int nchars)
{
	int			len = 0;

	while (nchars-- > 0 && len < word->len)
		len += pg_utf_mblen((const unsigned char *) word->text + len);
	return Min(len, word->len);
}

/*
 * How many characters a word has.
 */
int
vv_word_chars(const VvWord *word)
{
	return pg_mbstrlen_with_len(word->text, word->len);
}

/*
 * The language of a BCP 47 tag in lower case, without script and region; both
 * kinds of Norwegian are one. False where the tag is none.
 */
bool
vv_language_code(const char *language, int len, char *code)
{
	int			n = 0;

	while (n < len && n < VV_LANGUAGE_MAX &&
		   pg_ascii_tolower((unsigned char) language[n]) >= 'a' &&
		   pg_ascii_tolower((unsigned char) language[n]) <= 'z')
	{
		code[n] = pg_ascii_tolower((unsigned char) language[n]);
		n++;
	}
	code[n] = '\0';
	if (n < 2 || (n < len && language[n] != '-' && language[n] != '_'))
		return false;
	if (strcmp(code, "nb") == 0 || strcmp(code, "nn") == 0)
		strcpy(code, "no");
	return true;
}

/*
 * The dictionary of a language; InvalidOid where the server has none.
 */
Oid
vv_stemmer(const char *code)
{
	for (int i = 0; i < (int) lengthof(stemmers); i++)
	{
		if (strcmp(stemmers[i].code, code) == 0)
			return get_ts_dict_oid(list_make2(makeString("pg_catalog"),
											  makeString(unconstify(char *, stemmers[i].dictionary))),
								   true);
	}
	return InvalidOid;
}

/*
 * The stem of a word; NULL for a stop word.
 */
char *
vv_stem(Oid stemmer, const VvWord *word)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;
	Datum	   *stems;
	int			n;

	/* NULL is an answer here, so this is no DirectFunctionCall */
	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(stemmer);
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value =
		PointerGetDatum(cstring_to_text_with_len(word->text, word->len));
	fcinfo->args[1].isnull = false;
	result = ts_lexize(fcinfo);
	if (fcinfo->isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(result), TEXTOID, -1, false,
					  TYPALIGN_INT, &stems, NULL, &n);
	return n > 0 ? TextDatumGetCString(stems[0]) : NULL;
}

/*
 * The tier of a number of views: from 0 to VV_TIERS - 1.
 */
static int
tier_of(int64 views)
{
	int			tier = 0;

	while (tier < VV_TIERS - 1 && views >= tier_floors[tier])
		tier++;
	return tier;
}

/*
 * vvault.search_tier(views bigint) returns integer
 *
 * The tier of a number of views. STRICT; no errors.
 */
Datum
vvault_search_tier(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(tier_of(PG_GETARG_INT64(0)));
}

/*
 * Appends a lexeme, quoted for the input of a tsvector.
 */
static void
append_lexeme(StringInfo out, const char *sign, const char *str, int len)
{
	appendStringInfoString(out, " '");
	appendStringInfoString(out, sign);
	for (int i = 0; i < len; i++)
	{
		if (str[i] == '\'' || str[i] == '\\')
			appendStringInfoChar(out, str[i]);
		appendStringInfoChar(out, str[i]);
	}
	appendStringInfoChar(out, '\'');
}

/*
 * Appends the words of a text; returns the place behind its last one.
 */
static int
append_words(StringInfo out, text * words, int place, char weight,
			 Oid stemmer)
{
	const char *p = VARDATA_ANY(words);
	const char *end = p + VARSIZE_ANY_EXHDR(words);
	VvWord		word;

	for (int n = 0; n < MAX_WORDS && vv_next_word(&p, end, &word); n++)
	{
		int			chars = vv_word_chars(&word);

		append_lexeme(out, "", word.text, word.len);
		appendStringInfo(out, ":%d%c", place++, weight);
		for (int i = 1; i <= VV_PREFIX_CHARS && i <= chars; i++)
			append_lexeme(out, "!", word.text, vv_word_prefix(&word, i));
		if (OidIsValid(stemmer))
		{
			char	   *stem = vv_stem(stemmer, &word);

			if (stem != NULL && *stem != '\0' &&
				strcmp(stem, word.text) != 0)
				append_lexeme(out, "", stem, strlen(stem));
		}
	}
	return place;
}

/*
 * Appends a tag, which is a line of the text, as its words with one space
 * between; false at the end of the text.
 */
static bool
append_tag(StringInfo out, const char **p, const char *end)
{
	const char *line_end = memchr(*p, '\n', end - *p);
	VvWord		tag = {.len = 0};
	VvWord		word;

	if (*p >= end)
		return false;
	if (line_end == NULL)
		line_end = end;
	while (vv_next_word(p, line_end, &word))
	{
		int			space = tag.len > 0 ? 1 : 0;

		if (tag.len + space + word.len > VV_WORD_MAX)
			break;
		if (space)
			tag.text[tag.len++] = ' ';
		memcpy(tag.text + tag.len, word.text, word.len);
		tag.len += word.len;
	}
	*p = line_end + 1;
	if (tag.len > 0)
		append_lexeme(out, "=", tag.text, tag.len);
	return true;
}

/*
 * vvault.search_document(region text, title text, channel_title text,
 *						  tags text, channel_id text, category_id integer,
 *						  language text, views bigint) returns tsvector
 *
 * What can be searched for in a video. Texts come folded, tags one a line.
 * A NULL language is unknown, nothing else may be NULL; no errors.
 */
Datum
vvault_search_document(PG_FUNCTION_ARGS)
{
	char	   *region = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *tags = PG_GETARG_TEXT_PP(3);
	text	   *channel_id = PG_GETARG_TEXT_PP(4);
	int			tier = tier_of(PG_GETARG_INT64(7));
	char		language[VV_LANGUAGE_MAX + 1];
	Oid			stemmer = InvalidOid;
	const char *p = VARDATA_ANY(tags);
	const char *end = p + VARSIZE_ANY_EXHDR(tags);
	StringInfoData out;
	int			place;

	initStringInfo(&out);
	appendStringInfo(&out, "'#%s' '#%s/%d' '/%d' '&%d'", region, region,
					 tier, tier, PG_GETARG_INT32(5));
	if (!PG_ARGISNULL(6))
	{
		text	   *tag = PG_GETARG_TEXT_PP(6);

		if (vv_language_code(VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag),
							 language))
		{
			append_lexeme(&out, "+", language, strlen(language));
			stemmer = vv_stemmer(language);
		}
	}
	if (VARSIZE_ANY_EXHDR(channel_id) > 0)
		append_lexeme(&out, "@", VARDATA_ANY(channel_id),
					  pg_mbcliplen(VARDATA_ANY(channel_id),
								   VARSIZE_ANY_EXHDR(channel_id),
								   VV_WORD_MAX));
	for (int i = 0; i < MAX_TAGS && append_tag(&out, &p, end); i++)
		;
	/* a gap, so that no phrase runs from the title into the name */
	place = append_words(&out, PG_GETARG_TEXT_PP(1), 1, 'A', stemmer);
	(void) append_words(&out, PG_GETARG_TEXT_PP(2), place + 1, 'B', stemmer);

	PG_RETURN_DATUM(DirectFunctionCall1(tsvectorin,
										CStringGetDatum(out.data)));
}
