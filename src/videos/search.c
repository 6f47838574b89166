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
#include "videos/search.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "nodes/value.h"
#include "tsearch/ts_cache.h"
#include "tsearch/ts_public.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(vvault_search_tier);
PG_FUNCTION_INFO_V1(vvault_search_language);
PG_FUNCTION_INFO_V1(vvault_search_texts);
PG_FUNCTION_INFO_V1(vvault_search_document);

#define MAX_WORDS		100		/* of a title or a name; the rest is left out */
#define MAX_TAGS		12
#define MAX_TITLE		500		/* characters that are looked at */
#define MAX_CHANNEL		200
#define MAX_TAGS_LENGTH	1000

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
	TSDictionaryCacheEntry *dictionary = lookup_ts_dictionary_cache(stemmer);
	TSLexeme   *stems;

	stems = (TSLexeme *)
		DatumGetPointer(FunctionCall4(&dictionary->lexize,
									  PointerGetDatum(dictionary->dictData),
									  PointerGetDatum(word->text),
									  Int32GetDatum(word->len),
									  PointerGetDatum(NULL)));
	return stems == NULL ? NULL : stems[0].lexeme;
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

/* A lexeme of a document that is being made. */
typedef struct Lexeme
{
	const char *text;
	int			len;
	int			place;			/* 0: none */
	int			weight;			/* of the place, 0 (D) to 3 (A) */
} Lexeme;

/* Lexemes as they come, in any order and as often as they are said. */
typedef struct LexemeList
{
	Lexeme	   *lexemes;
	int			n;
} LexemeList;

/* The most that a text has: its words, each with a stem. */
#define MAX_LEXEMES		(4 * MAX_WORDS + MAX_TAGS + 8)

static void
add_lexeme(LexemeList *list, const char *text, int len, int place, int weight)
{
	Lexeme	   *lexeme = &list->lexemes[list->n++];

	Assert(list->n <= MAX_LEXEMES);
	lexeme->text = text;
	lexeme->len = len;
	lexeme->place = place;
	lexeme->weight = weight;
}

static void
add_sign(LexemeList *list, const char *text)
{
	add_lexeme(list, text, strlen(text), 0, 0);
}

static int
compare_lexemes(const void *a, const void *b)
{
	const Lexeme *la = (const Lexeme *) a;
	const Lexeme *lb = (const Lexeme *) b;
	int			order;

	/* the order of a tsvector: bytes, then length */
	order = memcmp(la->text, lb->text, Min(la->len, lb->len));
	if (order == 0)
		order = la->len - lb->len;
	return order != 0 ? order : la->place - lb->place;
}

static bool
same_text(const Lexeme *a, const Lexeme *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/*
 * Makes the tsvector. Equal lexemes become one entry with the places of all.
 */
static TSVector
make_document(LexemeList *list)
{
	TSVector	document;
	int			nentries = 0;
	int			size = 0;
	int			offset = 0;

	qsort(list->lexemes, list->n, sizeof(Lexeme), compare_lexemes);
	for (int i = 0; i < list->n; i++)
	{
		Lexeme	   *lexeme = &list->lexemes[i];

		if (i == 0 || !same_text(lexeme - 1, lexeme))
		{
			nentries++;
			size += lexeme->len;
		}
		/* at most: alignment, the number of places, a place */
		size += 1 + sizeof(uint16) + sizeof(WordEntryPos);
	}

	document = (TSVector) palloc0(CALCDATASIZE(nentries, size));
	document->size = nentries;
	nentries = 0;
	for (int i = 0; i < list->n;)
	{
		Lexeme	   *lexeme = &list->lexemes[i];
		WordEntry  *entry = ARRPTR(document) + nentries++;
		WordEntryPosVector *places;

		entry->len = lexeme->len;
		entry->pos = offset;
		memcpy(STRPTR(document) + offset, lexeme->text, lexeme->len);
		offset += lexeme->len;
		places = _POSVECPTR(document, entry);
		for (; i < list->n && same_text(lexeme, &list->lexemes[i]); i++)
		{
			WordEntryPos *place;

			if (list->lexemes[i].place == 0)
				continue;
			entry->haspos = 1;
			place = &places->pos[places->npos++];
			WEP_SETPOS(*place, list->lexemes[i].place);
			WEP_SETWEIGHT(*place, list->lexemes[i].weight);
		}
		if (entry->haspos)
			offset = SHORTALIGN(offset) + sizeof(uint16) +
				places->npos * sizeof(WordEntryPos);
	}
	SET_VARSIZE(document, CALCDATASIZE(document->size, offset));
	return document;
}

/*
 * Adds the words of a text; returns the place behind its last one.
 */
static int
add_words(LexemeList *list, const char *p, const char *end, int place,
		  int weight, Oid stemmer)
{
	VvWord		word;

	for (int n = 0; n < MAX_WORDS && vv_next_word(&p, end, &word); n++)
	{
		char	   *stem = NULL;

		add_lexeme(list, pnstrdup(word.text, word.len), word.len, place++,
				   weight);
		if (OidIsValid(stemmer))
			stem = vv_stem(stemmer, &word);
		if (stem != NULL && *stem != '\0' && strcmp(stem, word.text) != 0)
			add_sign(list, stem);
	}
	return place;
}

/*
 * Adds a tag, which is a line of the text, as its words with one space
 * between; false at the end of the text.
 */
static bool
add_tag(LexemeList *list, const char **p, const char *end)
{
	const char *line_end;
	VvWord		tag = {.len = 1, .text = "="};
	VvWord		word;

	if (*p >= end)
		return false;
	line_end = memchr(*p, '\n', end - *p);
	if (line_end == NULL)
		line_end = end;
	while (vv_next_word(p, line_end, &word))
	{
		int			space = tag.len > 1 ? 1 : 0;

		if (tag.len + space + word.len > VV_WORD_MAX)
			break;
		if (space)
			tag.text[tag.len++] = ' ';
		memcpy(tag.text + tag.len, word.text, word.len);
		tag.len += word.len;
	}
	*p = line_end + 1;
	if (tag.len > 1)
		add_lexeme(list, pnstrdup(tag.text, tag.len), tag.len, 0, 0);
	return true;
}

/*
 * Takes the part of a text before the next separator off it.
 */
static void
next_part(const char **p, const char *end, const char **part,
		  const char **part_end)
{
	const char *separator = *p < end ? memchr(*p, VV_PART_END, end - *p) : NULL;

	*part = *p;
	*part_end = separator == NULL ? end : separator;
	*p = separator == NULL ? end : separator + 1;
}

/*
 * vvault.search_language(tag text) returns text
 *
 * The language of a BCP 47 tag, '' for NULL and for what is none. No errors.
 */
Datum
vvault_search_language(PG_FUNCTION_ARGS)
{
	char		language[VV_LANGUAGE_MAX + 1] = "";
	text	   *tag;

	if (PG_ARGISNULL(0))
		PG_RETURN_TEXT_P(cstring_to_text(""));
	tag = PG_GETARG_TEXT_PP(0);
	if (!vv_language_code(VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag), language))
		language[0] = '\0';
	PG_RETURN_TEXT_P(cstring_to_text(language));
}

/* Appends the first characters of a text, without what ends a part. */
static void
append_part(StringInfo out, const char *str, int len, int max_chars)
{
	int			start = out->len;

	appendBinaryStringInfo(out, str, pg_mbcharcliplen(str, len, max_chars));
	for (int i = start; i < out->len; i++)
	{
		if (out->data[i] == VV_PART_END)
			out->data[i] = ' ';
	}
}

/*
 * vvault.search_texts(title text, channel_title text, tags text[])
 *	returns text
 *
 * The texts of a video as vvault.search_document() takes them, but not folded
 * yet. STRICT; no errors.
 */
Datum
vvault_search_texts(PG_FUNCTION_ARGS)
{
	text	   *title = PG_GETARG_TEXT_PP(0);
	text	   *channel = PG_GETARG_TEXT_PP(1);
	StringInfoData out;
	StringInfoData lines;
	Datum	   *tags;
	bool	   *isnull;
	int			ntags;

	initStringInfo(&out);
	initStringInfo(&lines);
	append_part(&out, VARDATA_ANY(title), VARSIZE_ANY_EXHDR(title), MAX_TITLE);
	appendStringInfoChar(&out, VV_PART_END);
	append_part(&out, VARDATA_ANY(channel), VARSIZE_ANY_EXHDR(channel),
				MAX_CHANNEL);
	appendStringInfoChar(&out, VV_PART_END);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false,
					  TYPALIGN_INT, &tags, &isnull, &ntags);
	for (int i = 0; i < ntags && lines.len < MAX_TAGS_LENGTH; i++)
	{
		text	   *tag = isnull[i] ? NULL : DatumGetTextPP(tags[i]);

		if (tag != NULL)
			appendBinaryStringInfo(&lines, VARDATA_ANY(tag),
								   VARSIZE_ANY_EXHDR(tag));
		appendStringInfoChar(&lines, '\n');
	}
	append_part(&out, lines.data, lines.len, MAX_TAGS_LENGTH);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/*
 * vvault.search_document(region text, texts text, language text, tier integer)
 *	returns tsvector
 *
 * What can be searched for in a video. texts are the title, the channel's name
 * and the tags, a line each, folded, with \x01 between the three; language is
 * a code or ''; tier that of its views. STRICT; no errors.
 */
Datum
vvault_search_document(PG_FUNCTION_ARGS)
{
	char	   *region = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *texts = PG_GETARG_TEXT_PP(1);
	char	   *language = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int			tier = PG_GETARG_INT32(3);
	const char *p = VARDATA_ANY(texts);
	const char *end = p + VARSIZE_ANY_EXHDR(texts);
	const char *part;
	const char *part_end;
	Oid			stemmer = *language != '\0' ? vv_stemmer(language) : InvalidOid;
	LexemeList	list = {palloc(sizeof(Lexeme) * MAX_LEXEMES), 0};
	int			place;

	add_sign(&list, psprintf("#%s", region));
	add_sign(&list, psprintf("#%s/%d", region, tier));
	add_sign(&list, psprintf("/%d", tier));
	if (*language != '\0')
		add_sign(&list, psprintf("+%s", language));
	next_part(&p, end, &part, &part_end);
	place = add_words(&list, part, part_end, 1, 3, stemmer);
	/* a gap, so that no phrase runs from the title into the name */
	next_part(&p, end, &part, &part_end);
	(void) add_words(&list, part, part_end, place + 1, 2, stemmer);
	for (int i = 0; i < MAX_TAGS && add_tag(&list, &p, end); i++)
		;
	PG_RETURN_TSVECTOR(make_document(&list));
}
