/*-------------------------------------------------------------------------
 *
 * search_words.c
 *		What else a word of a query may be written like: its stems, the words
 *		that begin so, and like words for one that no video has.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/search_steps.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/query.h"

#define COMPLETIONS		30		/* words that the index is asked for */
#define COMPLETE_AMONG	2000	/* words, in all regions together */
#define CORRECT_FROM	3		/* characters of a word that is corrected */
#define CORRECTED_WORDS	6		/* of a query; each is a look at all words */
#define MAX_CORRECTIONS	3
#define NEAR_WORDS		200		/* that have one half of a word, the most
								 * common */
#define BEHIND_ALL		"\xF4\x8F\xBF\xBF"	/* the last character there is */
#define SUFFIX_FROM		3		/* characters of a half that is looked for
								 * alone */

/* Languages whose stems are tried where the caller names none. */
static const char *const site_languages[] = {"en", "de", "nl", "sv", "no"};

static VvQuery completions_query = {
	.sql = "WITH w AS MATERIALIZED ("
	"SELECT r.region, b.word, b.videos"
	" FROM pg_catalog.unnest($1) AS r(region) CROSS JOIN LATERAL ("
	"SELECT w.word, w.videos FROM vvault.search_words w"
	" WHERE w.region OPERATOR(pg_catalog.=) r.region"
	" AND w.word OPERATOR(pg_catalog.>=) $2"
	" AND w.word OPERATOR(pg_catalog.<) $3 ORDER BY w.word LIMIT $4) b)"
	" SELECT w.word, pg_catalog.sum(w.videos)::bigint,"
	" (SELECT pg_catalog.max(c.n) FROM"
	" (SELECT pg_catalog.count(*) AS n FROM w GROUP BY w.region) c)"
	" FROM w GROUP BY w.word ORDER BY 2 DESC, w.word LIMIT "
	CppAsString2(COMPLETIONS),
	.nargs = 4, .argtypes = {TEXTARRAYOID, TEXTOID, TEXTOID, INT8OID},
	.index_probes = true,
};

static VvQuery similar_query = {
	.sql = "SELECT s.word, s.videos FROM vvault.similar_words($1, $2) s",
	.nargs = 2, .argtypes = {TEXTOID, TEXTARRAYOID},
};

/* Words that begin so, of a bounded number. */
static VvQuery beginning_query = {
	.sql = "SELECT b.word, pg_catalog.sum(b.videos)::bigint"
	" FROM pg_catalog.unnest($1) AS r(region) CROSS JOIN LATERAL ("
	"SELECT w.word, w.videos FROM vvault.search_words w"
	" WHERE w.region OPERATOR(pg_catalog.=) r.region"
	" AND w.word OPERATOR(pg_catalog.>=) $2"
	" AND w.word OPERATOR(pg_catalog.<) $3"
	" ORDER BY w.word LIMIT " CppAsString2(COMPLETE_AMONG) ") b"
	" WHERE pg_catalog.char_length(b.word) OPERATOR(pg_catalog.<=) $4"
	" GROUP BY b.word ORDER BY 2 DESC, b.word LIMIT "
	CppAsString2(NEAR_WORDS),
	.nargs = 4, .argtypes = {TEXTARRAYOID, TEXTOID, TEXTOID, INT4OID},
	.index_probes = true,
};

/*
 * Words that are like a pattern, by the index of trigrams: the condition on
 * regions could lead the planner to another.
 */
static VvQuery pattern_query = {
	.sql = "SELECT w.word, pg_catalog.sum(w.videos)::bigint"
	" FROM vvault.search_words w"
	" WHERE w.word OPERATOR(pg_catalog.~~) $2"
	" AND w.word OPERATOR(pg_catalog.>=) 'a'"
	" AND (w.region OPERATOR(pg_catalog.||) '') OPERATOR(pg_catalog.=) ANY ($1)"
	" AND pg_catalog.char_length(w.word) OPERATOR(pg_catalog.<=) $3"
	" GROUP BY w.word ORDER BY 2 DESC, w.word LIMIT "
	CppAsString2(NEAR_WORDS),
	.nargs = 3, .argtypes = {TEXTARRAYOID, TEXTOID, INT4OID},
	.index_probes = true,
};

typedef struct WordList
{
	MemoryContext context;
	List	   *words;			/* char * */
	int64	   *counts;			/* of each */
	int			limit;
} WordList;

/* A row's word and count join the list, until it is full. */
static bool
keep_word(const Datum *values, const bool *isnull pg_attribute_unused(),
		  void *arg)
{
	WordList   *list = (WordList *) arg;
	MemoryContext old = MemoryContextSwitchTo(list->context);

	list->counts[list_length(list->words)] = DatumGetInt64(values[1]);
	list->words = lappend(list->words, TextDatumGetCString(values[0]));
	MemoryContextSwitchTo(old);
	return list_length(list->words) < list->limit;
}

/* An empty list for up to limit words, in the current memory context. */
static WordList
new_word_list(int limit)
{
	WordList	list = {CurrentMemoryContext, NIL, NULL, limit};

	list.counts = palloc0(sizeof(int64) * limit);
	return list;
}

/* Is the word in the list? */
static bool
list_has(List *words, const char *word)
{
	ListCell   *cell;

	foreach(cell, words)
	{
		if (strcmp((char *) lfirst(cell), word) == 0)
			return true;
	}
	return false;
}

/* The word's stem by one dictionary, if it is another word and new. */
static void
add_stem(Oid stemmer, const char *word, int len, VvQueryUnit *unit)
{
	char	   *stem = vv_stem(stemmer, word, len);

	if (stem != NULL && *stem != '\0' && strcmp(stem, word) != 0 &&
		!list_has(unit->stems, stem))
		unit->stems = lappend(unit->stems, stem);
}

/* Adds the stems in one language of all ways to write a unit's word. */
static void
add_stems(const char *language, VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	Oid			stemmer = vv_stemmer(language);
	ListCell   *cell;

	if (!OidIsValid(stemmer))
		return;
	add_stem(stemmer, word->text, word->len, unit);
	if (word->other_len > 0)
		add_stem(stemmer, word->other, word->other_len, unit);
	foreach(cell, unit->joined_by_sign)
	{
		const VvWord *joined = (VvWord *) lfirst(cell);

		add_stem(stemmer, joined->text, joined->len, unit);
	}
}

typedef struct CompletionList
{
	WordList	list;
	int64		among;			/* words of one region that begin so */
} CompletionList;

/* As keep_word(), and how many words were looked at. */
static bool
keep_completion(const Datum *values, const bool *isnull, void *arg)
{
	CompletionList *completions = (CompletionList *) arg;

	completions->among = DatumGetInt64(values[2]);
	return keep_word(values, isnull, &completions->list);
}

/*
 * The most frequent words that begin so join the unit; it is common if there
 * are more than can be looked at.
 */
static void
add_completions(VvSearch *search, const char *word, VvQueryUnit *unit)
{
	CompletionList completions = {new_word_list(COMPLETIONS), 0};
	int64		limit = COMPLETE_AMONG / Max(search->scope.ncodes, 1);
	Datum		args[4];

	args[0] = search->scope.regions;
	args[1] = CStringGetTextDatum(word);
	args[2] = CStringGetTextDatum(psprintf("%s" BEHIND_ALL, word));
	args[3] = Int64GetDatum(limit + 1);
	(void) vv_query_run(&completions_query, args, 0, keep_completion,
						&completions);
	unit->common = unit->common || completions.among > limit;
	unit->completions = list_concat(unit->completions, completions.list.words);
	for (int i = 0; i < list_length(completions.list.words); i++)
		unit->ncompleted += completions.list.counts[i];
}

/*
 * Fills in the stems of a unit's word and, of the last word, its completions.
 */
void
vv_expand_unit(VvSearch *search, VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];

	if (unit->quoted || word->picture)
		return;
	if (search->language != NULL)
		add_stems(search->language, unit);
	else
		for (int i = 0; i < (int) lengthof(site_languages); i++)
			add_stems(site_languages[i], unit);
	if (!unit->last)
		return;
	add_completions(search, word->text, unit);
	if (word->other_len > 0)
		add_completions(search, word->other, unit);
}

/*
 * Correcting
 */

/*
 * How many letters have to be changed, added, left out or swapped with their
 * neighbour to make one word of the other. Letters are bytes: after folding
 * most are.
 */
static int
edit_distance(const char *a, int alen, const char *b, int blen)
{
	int			rows[3][VV_WORD_MAX + 1];

	for (int j = 0; j <= blen; j++)
		rows[0][j] = j;
	for (int i = 1; i <= alen; i++)
	{
		int		   *row = rows[i % 3];
		int		   *above = rows[(i + 2) % 3];
		int		   *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (int j = 1; j <= blen; j++)
		{
			row[j] = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
			row[j] = Min(row[j], Min(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = Min(row[j], above2[j - 2] + 1);
		}
	}
	return rows[alen % 3][blen];
}

/* How far a word is from one that videos have. */
static int
word_distance(const VvQueryUnit *unit, const char *known)
{
	const VvWord *word = &unit->words[0];
	int			len = Min((int) strlen(known), VV_WORD_MAX);
	int			distance = edit_distance(word->text, word->len, known, len);

	/* the last word may be the beginning of it */
	if (unit->last && len > word->len)
		distance = Min(distance, edit_distance(word->text, word->len,
											   known, word->len));
	return distance;
}

/* Words that come of swapping two neighbours: trigrams would not find them. */
static List *
swapped_words(const VvWord *word)
{
	List	   *words = NIL;

	for (int i = 0; i + 1 < word->len; i++)
	{
		char	   *swapped;

		if (word->text[i] == word->text[i + 1] ||
			IS_HIGHBIT_SET(word->text[i]) || IS_HIGHBIT_SET(word->text[i + 1]))
			continue;
		swapped = pstrdup(word->text);
		swapped[i] = word->text[i + 1];
		swapped[i + 1] = word->text[i];
		words = lappend(words, swapped);
	}
	return words;
}

/* Adds those of some words that videos have. */
static void
add_known_words(VvSearch *search, List *words, WordList *list)
{
	const char *names[VV_WORD_MAX] = {0};
	int64		counts[VV_WORD_MAX];
	int			n = list_length(words);

	for (int i = 0; i < n; i++)
		names[i] = (char *) list_nth(words, i);
	vv_count_words(&search->scope, names, n, counts);
	for (int i = 0; i < n; i++)
	{
		if (counts[i] == 0)
			continue;
		list->counts[list_length(list->words)] = counts[i];
		list->words = lappend(list->words, unconstify(char *, names[i]));
	}
}

/* No byte above 127? */
static bool
is_ascii(const char *text)
{
	while (*text != '\0' && !IS_HIGHBIT_SET(*text))
		text++;
	return *text == '\0';
}

/*
 * Known words that one letter may make of a word. It leaves one half of the
 * word as it is, unless it swaps the two letters in the middle; so these are
 * words that begin or end like it, and all that swapping makes.
 */
static WordList
near_words(VvSearch *search, const VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	WordList	list = new_word_list(2 * NEAR_WORDS + VV_WORD_MAX);
	int			chars = vv_word_chars(word);
	int			half = Max(2, chars / 2);
	int			halflen = pg_mbcharcliplen(word->text, word->len, half);
	char	   *beginning = pnstrdup(word->text, halflen);
	const char *ending = word->text + halflen;
	Datum		args[4];

	add_known_words(search, swapped_words(word), &list);
	args[0] = search->scope.regions;
	args[1] = CStringGetTextDatum(beginning);
	args[2] = CStringGetTextDatum(psprintf("%s" BEHIND_ALL, beginning));
	/* the last word may be the beginning of a longer one */
	args[3] = Int32GetDatum(unit->last ? VV_WORD_MAX : chars + 1);
	(void) vv_query_run(&beginning_query, args, 0, keep_word, &list);
	/* what is not ASCII may have no trigrams, and then all words are read */
	if (chars - half >= SUFFIX_FROM && is_ascii(ending))
	{
		args[1] = CStringGetTextDatum(psprintf("%%%s%s", ending,
											   unit->last ? "%" : ""));
		args[2] = args[3];
		(void) vv_query_run(&pattern_query, args, 0, keep_word, &list);
	}
	return list;
}

/* Known words that are like a word as a whole. */
static WordList
like_words(VvSearch *search, const VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	WordList	list = new_word_list(VV_WORD_MAX);
	Datum		args[2];

	args[0] = PointerGetDatum(cstring_to_text_with_len(word->text, word->len));
	args[1] = search->scope.regions;
	(void) vv_query_run(&similar_query, args, 0, keep_word, &list);
	return list;
}

/*
 * Gives a unit the likest words of a list, of equals those that more videos
 * have.
 */
static void
choose_corrections(VvQueryUnit *unit, WordList *list, int allowed)
{
	int			n = list_length(list->words);
	int		   *distances = palloc(sizeof(int) * Max(n, 1));

	for (int i = 0; i < n; i++)
		distances[i] = word_distance(unit, list_nth(list->words, i));
	while (list_length(unit->corrections) < MAX_CORRECTIONS)
	{
		int			best = -1;
		char	   *word;

		for (int i = 0; i < n; i++)
		{
			if (distances[i] > 0 && distances[i] <= allowed &&
				(best < 0 || distances[i] < distances[best] ||
				 (distances[i] == distances[best] &&
				  list->counts[i] > list->counts[best])))
				best = i;
		}
		if (best < 0)
			break;
		word = list_nth(list->words, best);
		if (!list_has(unit->corrections, word))
			unit->corrections = lappend(unit->corrections, word);
		distances[best] = 0;
	}
}

/*
 * Corrects a unit's word. Where nothing is near, and no video has the word, it
 * is compared with all words, which costs more.
 */
static void
correct_unit(VvSearch *search, VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	int			allowed = word->len <= 5 ? 1 : word->len <= 8 ? 2 : 3;
	WordList	list;

	if (vv_word_chars(word) < CORRECT_FROM ||
		(word->text[0] >= '0' && word->text[0] <= '9'))
		return;
	list = near_words(search, unit);
	choose_corrections(unit, &list, allowed);
	if (unit->corrections != NIL || unit->count > 0)
		return;
	list = like_words(search, unit);
	choose_corrections(unit, &list, allowed);
}

/* A word that may be corrected: known says whether videos have it. */
static bool
correctable(const VvQueryUnit *unit, bool known)
{
	return !unit->negated && !unit->quoted && !unit->words[0].picture &&
		known == (unit->count > 0);
}

/*
 * Lets a branch that asks for words do without pictures that no video has.
 * Says whether that is anything new.
 */
static bool
ignore_pictures(const VvQueryBranch *branch)
{
	bool		words = false;
	bool		ignored = false;
	ListCell   *cell;

	foreach(cell, branch->units)
	{
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);

		words = words || (!unit->negated && !unit->words[0].picture);
	}
	foreach(cell, branch->units)
	{
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);

		if (words && unit->words[0].picture && !unit->quoted &&
			unit->count == 0)
			ignored = unit->ignored = true;
	}
	return ignored;
}

/*
 * Corrects the words that no video has; where none of these can be and nothing
 * was found, the others; but the first few only. Says whether there is
 * anything new to ask.
 */
bool
vv_correct_query(VvSearch *search)
{
	int			passes = hash_get_num_entries(search->found) == 0 ? 2 : 1;
	int			left = CORRECTED_WORDS;
	bool		corrected = false;
	ListCell   *b;

	foreach(b, search->query.branches)
		corrected = ignore_pictures((VvQueryBranch *) lfirst(b)) || corrected;
	for (int pass = 0; pass < passes && !corrected; pass++)
	{
		foreach(b, search->query.branches)
		{
			ListCell   *u;

			foreach(u, ((VvQueryBranch *) lfirst(b))->units)
			{
				VvQueryUnit *unit = (VvQueryUnit *) lfirst(u);

				if (!correctable(unit, pass == 1) || left-- <= 0)
					continue;
				correct_unit(search, unit);
				corrected = corrected || unit->corrections != NIL;
			}
		}
	}
	return corrected;
}
