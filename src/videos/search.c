/*-------------------------------------------------------------------------
 *
 * search.c
 *		What can be searched for in a video, as a tsvector.
 *
 * The server's parser of text would see host names, paths and numbers with
 * signs in titles, and letters by the database's locale. Here words are those
 * of words.c, the same in every database and in every query. The stems come
 * from the server's own dictionaries, of the video's language.
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

#include "videos/fold.h"

PG_FUNCTION_INFO_V1(vvault_search_tier);
PG_FUNCTION_INFO_V1(vvault_search_language);
PG_FUNCTION_INFO_V1(vvault_search_texts);
PG_FUNCTION_INFO_V1(vvault_search_document);

#define MAX_WORDS		100		/* of a title or a name; the rest is left out */
#define MAX_TAGS		12
#define MAX_TITLE		500		/* characters that are looked at */
#define MAX_CHANNEL		200
#define MAX_TAGS_LENGTH	1000	/* bytes, but for the last one */

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

/* Codes that are other names of a language, or a kind of it. */
static const struct
{
	const char *code;
	const char *language;
}			same_languages[] = {
	{"cmn", "zh"}, {"fil", "tl"}, {"in", "id"}, {"iw", "he"}, {"ji", "yi"},
	{"jw", "jv"}, {"mo", "ro"}, {"nb", "no"}, {"nn", "no"}
};

/*
 * The language of a BCP 47 tag in lower case, without script and region; of
 * codes that mean one language (he and iw, no and nb) always the same. False
 * where the tag is none.
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
	for (int i = 0; i < (int) lengthof(same_languages); i++)
	{
		if (strcmp(code, same_languages[i].code) == 0)
			strcpy(code, same_languages[i].language);
	}
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
vv_stem(Oid stemmer, const char *word, int len)
{
	TSDictionaryCacheEntry *dictionary = lookup_ts_dictionary_cache(stemmer);
	TSLexeme   *stems;

	stems = (TSLexeme *)
		DatumGetPointer(FunctionCall4(&dictionary->lexize,
									  PointerGetDatum(dictionary->dictData),
									  PointerGetDatum(word),
									  Int32GetDatum(len),
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
	int			room;
	Oid			stemmer;		/* of the language, or InvalidOid */
} LexemeList;

/* A lexeme at its place joins the list; place 0 is none. */
static void
add_lexeme(LexemeList *list, const char *text, int len, int place, int weight)
{
	Lexeme	   *lexeme;

	if (list->n == list->room)
	{
		list->room *= 2;
		list->lexemes = repalloc(list->lexemes, sizeof(Lexeme) * list->room);
	}
	lexeme = &list->lexemes[list->n++];
	lexeme->text = text;
	lexeme->len = len;
	lexeme->place = place;
	lexeme->weight = weight;
}

/* A lexeme without a place. */
static void
add_sign(LexemeList *list, const char *text)
{
	add_lexeme(list, text, strlen(text), 0, 0);
}

/* The order in which a tsvector has its lexemes, then by places. */
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
	if (order == 0)
		order = la->place - lb->place;
	/* of one place the heaviest counts */
	return order != 0 ? order : lb->weight - la->weight;
}

/* Equal, byte by byte. */
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

			if (list->lexemes[i].place == 0 ||
				(places->npos > 0 && list->lexemes[i].place ==
				 WEP_GETPOS(places->pos[places->npos - 1])))
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

/* A text's words and where they stand. */
typedef struct PlacedWords
{
	VvWord		words[MAX_WORDS];
	int			n;
	int			first_place;
	int			weight;
	int			beside;			/* weight of other ways to write them */
} PlacedWords;

/* The stem of a word by the video's language, if it is another word. */
static void
add_stem(LexemeList *list, const char *text, int len)
{
	char	   *stem = NULL;

	if (OidIsValid(list->stemmer))
		stem = vv_stem(list->stemmer, text, len);
	if (stem != NULL && *stem != '\0' && strcmp(stem, text) != 0)
		add_sign(list, stem);
}

/* Adds words as one, which has the places of all. */
static void
add_joined(LexemeList *list, const PlacedWords *placed, int first, int n)
{
	VvWord		joined;

	for (int other = 0; other < 2; other++)
	{
		char	   *text;

		if (!vv_join_words(&placed->words[first], n, other == 1, &joined))
			continue;
		text = pnstrdup(joined.text, joined.len);
		for (int i = 0; i < n; i++)
			add_lexeme(list, text, joined.len,
					   placed->first_place + first + i, placed->beside);
		add_stem(list, text, joined.len);
	}
}

/* Adds what signs join: two and three words of each run, and the whole. */
static void
add_joined_words(LexemeList *list, const PlacedWords *placed)
{
	int			end;

	for (int first = 0; first < placed->n; first = end)
	{
		for (end = first + 1; end < placed->n && placed->words[end].joined;)
			end++;
		for (int i = first; i + 1 < end; i++)
		{
			add_joined(list, placed, i, 2);
			if (i + 2 < end)
				add_joined(list, placed, i, 3);
		}
		if (end - first > 3)
			add_joined(list, placed, first, end - first);
	}
}

/*
 * Adds the words of a text and returns the place behind its last one. Pictures
 * take no place: they stand where the word before them does.
 */
static int
add_words(LexemeList *list, const char *p, const char *end, int place,
		  int weight, VvTitle *title)
{
	VvWordReader reader = {p, p, end, false};
	PlacedWords *placed = palloc(sizeof(PlacedWords));
	int			beside = weight == VV_IN_TITLE ? VV_BESIDE_TITLE : VV_BESIDE_NAME;
	VvWord	   *word = placed->words;

	placed->n = 0;
	placed->first_place = place;
	placed->weight = weight;
	placed->beside = beside;
	for (int n = 0; n < MAX_WORDS && vv_next_word(&reader, word); n++)
	{
		if (title != NULL)
			vv_add_to_title(title, word);
		if (word->picture)
		{
			add_lexeme(list, pnstrdup(word->text, word->len), word->len,
					   place + Max(placed->n - 1, 0), beside);
			continue;
		}
		add_lexeme(list, word->text, word->len, place + placed->n, weight);
		add_stem(list, word->text, word->len);
		if (word->other_len > 0)
		{
			add_lexeme(list, word->other, word->other_len, place + placed->n,
					   beside);
			add_stem(list, word->other, word->other_len);
		}
		word = &placed->words[++placed->n];
	}
	add_joined_words(list, placed);
	return place + placed->n;
}

/*
 * Adds a tag, which is a line of the text, as its words with one space
 * between; false at the end of the text.
 */
static bool
add_tag(LexemeList *list, const char **p, const char *end)
{
	const char *line_end;
	VvWordReader reader;
	VvWord		tag = {.len = 1, .text = "="};
	VvWord		word;

	if (*p >= end)
		return false;
	line_end = memchr(*p, '\n', end - *p);
	if (line_end == NULL)
		line_end = end;
	reader = (VvWordReader)
	{
		*p, *p, line_end, false
	};
	while (vv_next_word(&reader, &word))
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

/* Appends the first characters of a text with its letters folded. */
static void
append_part(StringInfo out, const char *str, int len, int max_chars)
{
	vv_fold_letters(out, str, pg_mbcharcliplen(str, len, max_chars));
}

/*
 * vvault.search_texts(title text, channel_title text, tags text[])
 *	returns text
 *
 * The texts of a video as vvault.search_document() takes them, but for their
 * accents. STRICT; no errors.
 */
Datum
vvault_search_texts(PG_FUNCTION_ARGS)
{
	text	   *title = PG_GETARG_TEXT_PP(0);
	text	   *channel = PG_GETARG_TEXT_PP(1);
	StringInfoData out;
	Datum	   *tags;
	bool	   *isnull;
	int			ntags;
	int			left = MAX_TAGS_LENGTH;

	initStringInfo(&out);
	append_part(&out, VARDATA_ANY(title), VARSIZE_ANY_EXHDR(title), MAX_TITLE);
	appendStringInfoChar(&out, VV_PART_END);
	append_part(&out, VARDATA_ANY(channel), VARSIZE_ANY_EXHDR(channel),
				MAX_CHANNEL);
	appendStringInfoChar(&out, VV_PART_END);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false,
					  TYPALIGN_INT, &tags, &isnull, &ntags);
	for (int i = 0; i < ntags && left > 0; i++)
	{
		text	   *tag = isnull[i] ? NULL : DatumGetTextPP(tags[i]);

		if (tag != NULL)
		{
			append_part(&out, VARDATA_ANY(tag), VARSIZE_ANY_EXHDR(tag), left);
			left -= VARSIZE_ANY_EXHDR(tag);
		}
		appendStringInfoChar(&out, '\n');
		left--;
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

/* The whole title as one lexeme, once more with its minus if it has one. */
static void
add_title_signs(LexemeList *list, const VvTitle *title)
{
	char	   *sign = vv_title_sign(title, false);

	if (sign != NULL)
		add_sign(list, sign);
	if (title->minus)
		add_sign(list, vv_title_sign(title, true));
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
	LexemeList	list = {.room = 64};
	VvTitle		title;
	int			place;

	list.lexemes = palloc(sizeof(Lexeme) * list.room);
	list.stemmer = *language != '\0' ? vv_stemmer(language) : InvalidOid;
	vv_begin_title(&title);
	add_sign(&list, psprintf("#%s", region));
	add_sign(&list, psprintf("#%s/%d", region, tier));
	add_sign(&list, psprintf("/%d", tier));
	if (*language != '\0')
		add_sign(&list, psprintf("+%s", language));
	next_part(&p, end, &part, &part_end);
	place = add_words(&list, part, part_end, 1, VV_IN_TITLE, &title);
	/* a gap, so that no phrase runs from the title into the name */
	next_part(&p, end, &part, &part_end);
	(void) add_words(&list, part, part_end, place + 1, VV_IN_NAME, NULL);
	for (int i = 0; i < MAX_TAGS && add_tag(&list, &p, end); i++)
		;
	add_title_signs(&list, &title);
	PG_RETURN_TSVECTOR(make_document(&list));
}
