/*-------------------------------------------------------------------------
 *
 * search.c
 *		Searching for videos by title and channel.
 *
 * A search asks one GIN index (candidates.c) and looks at a bounded number of
 * its rows here: whether they have what is asked for, and how well. Where it
 * finds little, words are replaced by like ones that videos do have, and it
 * asks once more.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "catalog/regions.h"
#include "catalog/reply.h"
#include "core/json_writer.h"
#include "core/query.h"
#include "feed/candidates.h"
#include "feed/cursor.h"
#include "feed/facts.h"
#include "feed/search_query.h"

PG_FUNCTION_INFO_V1(vvault_search);

#define DEFAULT_PAGE_SIZE	25

#define WANTED_ROWS		250		/* that match, after which the rest is left */
#define ALLOWED_ROWS	2000	/* that are looked at in all */
#define LITTLE			5		/* videos; with fewer, words are corrected */
#define COMPLETIONS		30		/* words that the index is asked for */
#define COMPLETE_AMONG	2000	/* words, in all regions together */
#define CORRECT_FROM	3		/* characters of a word that is corrected */
#define CORRECTED_WORDS	6		/* of a query; each is a look at all words */
#define MAX_CORRECTIONS	3

/* What a match is worth; together 100. */
#define POINTS_WORDS		50
#define POINTS_ADJACENT		10
#define POINTS_COVERAGE		10
#define POINTS_POPULARITY	30

/* Of a word's share of its points. */
#define WORTH_EXACT			1.0
#define WORTH_COMPLETED		0.9
#define WORTH_STEM			0.8
#define WORTH_CORRECTED		0.5
#define WORTH_IN_CHANNEL	0.9

/* Languages whose stems are tried where the caller names none. */
static const char *const site_languages[] = {"en", "de", "nl", "sv", "no"};

static VvQuery fold_query = {
	.sql = "SELECT vvault.fold($1)",
	.nargs = 1, .argtypes = {TEXTOID},
};

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

/* A search under way. */
typedef struct Search
{
	MemoryContext context;
	SearchScope scope;
	List	   *branches;
	const char *language;		/* code, NULL for any */
	HTAB	   *found;
} Search;

/* Where a document has a word. */
typedef struct WordMatch
{
	double		worth;			/* 0: nowhere */
	WordEntryPosVector *places; /* NULL for a stem */
} WordMatch;

/* ----------
 * Matching a document
 * ----------
 */

static WordEntryPosVector no_places = {0};

/* Places of an entry; none for a stem. */
static WordEntryPosVector *
places_of(TSVector document, int entry)
{
	WordEntry  *e = ARRPTR(document) + entry;

	return e->haspos ? _POSVECPTR(document, e) : &no_places;
}

static bool
has_place(const WordEntryPosVector *places, int place)
{
	for (int i = 0; i < places->npos; i++)
	{
		if (WEP_GETPOS(places->pos[i]) == place)
			return true;
	}
	return false;
}

/* Counts a way to match, where it is better than what was found before. */
static void
offer(TSVector document, int entry, double worth, WordMatch *match)
{
	WordEntryPosVector *places = places_of(document, entry);
	bool		in_title = places->npos == 0;

	for (int i = 0; i < places->npos; i++)
		in_title = in_title || WEP_GETWEIGHT(places->pos[i]) == 3;
	if (!in_title)
		worth *= WORTH_IN_CHANNEL;
	if (worth > match->worth)
	{
		match->worth = worth;
		match->places = places->npos > 0 ? places : NULL;
	}
}

static void
offer_list(TSVector document, List *lexemes, double worth, WordMatch *match)
{
	ListCell   *cell;

	foreach(cell, lexemes)
	{
		char	   *lexeme = (char *) lfirst(cell);
		int			entry = vv_find_lexeme(document, lexeme, strlen(lexeme));

		if (entry >= 0)
			offer(document, entry, worth, match);
	}
}

static void
offer_completed(TSVector document, const VvWord *word, WordMatch *match)
{
	for (int i = 0; i < document->size; i++)
	{
		if (vv_entry_starts(document, i, word->text, word->len) &&
			places_of(document, i)->npos > 0)
			offer(document, i, WORTH_COMPLETED, match);
	}
}

/* How well a document has a word that is not quoted. */
static WordMatch
match_word(TSVector document, const QueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	int			entry = vv_find_lexeme(document, word->text, word->len);
	WordMatch	match = {0, NULL};

	if (entry >= 0)
		offer(document, entry, places_of(document, entry)->npos > 0 ?
			  WORTH_EXACT : WORTH_STEM, &match);
	if (unit->last && match.worth < WORTH_COMPLETED)
		offer_completed(document, word, &match);
	if (match.worth < WORTH_STEM)
		offer_list(document, unit->stems, WORTH_STEM, &match);
	if (match.worth < WORTH_CORRECTED)
		offer_list(document, unit->corrections, WORTH_CORRECTED, &match);
	return match;
}

/* Whether a phrase begins at a place. */
static bool
phrase_at(WordEntryPosVector **places, int nwords, int place)
{
	for (int i = 1; i < nwords; i++)
	{
		if (!has_place(places[i], place + i))
			return false;
	}
	return true;
}

/* Where a document has quoted words; the places are those of the last. */
static WordMatch
match_phrase(TSVector document, const QueryUnit *unit)
{
	WordEntryPosVector *places[VV_QUERY_MAX_WORDS] = {0};
	WordMatch	match = {0, NULL};

	for (int i = 0; i < unit->nwords; i++)
	{
		int			entry = vv_find_lexeme(document, unit->words[i].text,
										   unit->words[i].len);

		if (entry < 0)
			return match;
		places[i] = places_of(document, entry);
	}
	for (int i = 0; i < places[0]->npos; i++)
	{
		WordEntryPos pos = places[0]->pos[i];
		double		worth = WEP_GETWEIGHT(pos) == 3 ?
		WORTH_EXACT : WORTH_EXACT * WORTH_IN_CHANNEL;

		if (worth > match.worth &&
			phrase_at(places, unit->nwords, WEP_GETPOS(pos)))
		{
			match.worth = worth;
			match.places = places[unit->nwords - 1];
		}
	}
	return match;
}

static WordMatch
match_unit(TSVector document, const QueryUnit *unit)
{
	return unit->quoted ? match_phrase(document, unit) :
		match_word(document, unit);
}

/* Whether one match stands right before another. */
static bool
adjacent(const WordMatch *a, const WordMatch *b, const QueryUnit *unit_b)
{
	if (a->places == NULL || b->places == NULL)
		return false;
	for (int i = 0; i < a->places->npos; i++)
	{
		if (has_place(b->places,
					  WEP_GETPOS(a->places->pos[i]) + unit_b->nwords))
			return true;
	}
	return false;
}

/* How many words the title and the channel's name have. */
static void
count_words(TSVector document, int *in_title, int *in_channel)
{
	int			last = 0;

	*in_title = 0;
	for (int i = 0; i < document->size; i++)
	{
		WordEntryPosVector *places = places_of(document, i);

		for (int j = 0; j < places->npos; j++)
		{
			int			place = WEP_GETPOS(places->pos[j]);

			last = Max(last, place);
			if (WEP_GETWEIGHT(places->pos[j]) == 3)
				*in_title = Max(*in_title, place);
		}
	}
	*in_channel = Max(0, last - *in_title - 1);
}

/* The share of the title, or of the name, that was asked for. */
static double
coverage(TSVector document, const WordMatch *matches, const QueryUnit **units,
		 int n)
{
	int			in_title;
	int			in_channel;
	int			title_words = 0;
	int			channel_words = 0;

	count_words(document, &in_title, &in_channel);
	for (int i = 0; i < n; i++)
	{
		bool		title = matches[i].places == NULL;
		bool		channel = false;

		for (int j = 0; !title && j < matches[i].places->npos; j++)
			title = WEP_GETWEIGHT(matches[i].places->pos[j]) == 3;
		for (int j = 0; matches[i].places != NULL &&
			 j < matches[i].places->npos; j++)
			channel = channel || WEP_GETWEIGHT(matches[i].places->pos[j]) == 2;
		title_words += title ? units[i]->nwords : 0;
		channel_words += channel ? units[i]->nwords : 0;
	}
	return Max(in_title > 0 ? Min(1.0, (double) title_words / in_title) : 0,
			   in_channel > 0 ?
			   Min(1.0, (double) channel_words / in_channel) : 0);
}

/*
 * The points that a document has for one branch of a query, without those for
 * its views; negative where it does not match.
 */
static double
score_branch(TSVector document, const QueryBranch *branch)
{
	WordMatch	matches[VV_QUERY_MAX_WORDS];
	const QueryUnit *units[VV_QUERY_MAX_WORDS];
	double		worth = 0;
	int			n = 0;
	int			pairs = 0;
	ListCell   *cell;

	foreach(cell, branch->units)
	{
		QueryUnit  *unit = (QueryUnit *) lfirst(cell);
		WordMatch	match = match_unit(document, unit);

		if (unit->negated != (match.worth == 0))
			return -1;
		if (unit->negated)
			continue;
		worth += match.worth;
		matches[n] = match;
		units[n++] = unit;
		if (n > 1 && adjacent(&matches[n - 2], &matches[n - 1], unit))
			pairs++;
	}
	return POINTS_WORDS * worth / n +
		POINTS_ADJACENT * (n == 1 ? 1.0 : (double) pairs / (n - 1)) +
		POINTS_COVERAGE * coverage(document, matches, units, n);
}

static bool
score_row(const SearchRow *row, void *arg)
{
	Search	   *search = (Search *) arg;
	double		best = -1;
	ListCell   *cell;

	foreach(cell, search->branches)
		best = Max(best, score_branch(row->document,
									  (QueryBranch *) lfirst(cell)));
	if (best < 0)
		return false;
	best += POINTS_POPULARITY * vv_popularity(row);
	return vv_keep_found(search->found, row, best);
}

/* ----------
 * Asking the index
 * ----------
 */

typedef struct WordList
{
	MemoryContext context;
	List	   *words;			/* char * */
	int64	   *counts;			/* of each */
	int			limit;
} WordList;

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

static WordList
new_word_list(int limit)
{
	WordList	list = {CurrentMemoryContext, NIL, NULL, limit};

	list.counts = palloc0(sizeof(int64) * limit);
	return list;
}

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

static void
add_stem(const char *language, QueryUnit *unit)
{
	Oid			stemmer = vv_stemmer(language);
	char	   *stem;

	if (!OidIsValid(stemmer))
		return;
	stem = vv_stem(stemmer, &unit->words[0]);
	if (stem != NULL && *stem != '\0' &&
		strcmp(stem, unit->words[0].text) != 0 &&
		!list_has(unit->stems, stem))
		unit->stems = lappend(unit->stems, stem);
}

typedef struct CompletionList
{
	WordList	list;
	int64		among;			/* words of one region that begin so */
} CompletionList;

static bool
keep_completion(const Datum *values, const bool *isnull, void *arg)
{
	CompletionList *completions = (CompletionList *) arg;

	completions->among = DatumGetInt64(values[2]);
	return keep_word(values, isnull, &completions->list);
}

static void
add_completions(Search *search, QueryUnit *unit)
{
	CompletionList completions = {new_word_list(COMPLETIONS), 0};
	int64		limit = COMPLETE_AMONG / Max(search->scope.ncodes, 1);
	char	   *word = unit->words[0].text;
	Datum		args[4];

	args[0] = search->scope.regions;
	args[1] = CStringGetTextDatum(word);
	/* behind every word that begins so: the last character there is */
	args[2] = CStringGetTextDatum(psprintf("%s\xF4\x8F\xBF\xBF", word));
	args[3] = Int64GetDatum(limit + 1);
	(void) vv_query_run(&completions_query, args, 0, keep_completion,
						&completions);
	unit->common = completions.among > limit;
	unit->completions = completions.list.words;
	for (int i = 0; i < list_length(unit->completions); i++)
		unit->ncompleted += completions.list.counts[i];
}

/* Fills in what else a word may be written like. */
static void
expand_unit(Search *search, QueryUnit *unit)
{
	if (unit->quoted)
		return;
	if (search->language != NULL)
		add_stem(search->language, unit);
	else
		for (int i = 0; i < (int) lengthof(site_languages); i++)
			add_stem(site_languages[i], unit);
	if (unit->last)
		add_completions(search, unit);
}

/* All words that would do for a unit that is not quoted. */
static List *
alternatives(const QueryUnit *unit)
{
	List	   *words = list_make1(unit->words[0].text);

	words = list_concat(words, unit->stems);
	words = list_concat(words, unit->completions);
	return list_concat(words, unit->corrections);
}

/* The words of a unit that are to be counted. */
static List *
counted_words(const QueryUnit *unit)
{
	List	   *words = NIL;

	for (int i = 0; i < unit->nwords; i++)
		words = lappend(words, unit->words[i].text);
	words = list_concat(words, unit->stems);
	return list_concat(words, unit->corrections);
}

static List *
all_units(const Search *search)
{
	List	   *units = NIL;
	ListCell   *cell;

	foreach(cell, search->branches)
		units = list_concat(units, ((QueryBranch *) lfirst(cell))->units);
	return units;
}

/* Of alternatives the sum, of words that all must be there the least. */
static void
estimate_unit(const Search *search, QueryUnit *unit, const int64 *counts, int n)
{
	int64		least = search->scope.total;
	int64		sum = unit->ncompleted;

	for (int i = 0; i < n; i++)
	{
		least = Min(least, counts[i]);
		sum += counts[i];
	}
	unit->count = unit->common ? search->scope.total :
		Min(search->scope.total, unit->quoted ? least : sum);
}

/* Tells of every unit about how many rows have it. */
static void
estimate_units(Search *search)
{
	List	   *units = all_units(search);
	List	   *words = NIL;
	const char **names;
	int64	   *counts;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, units)
		words = list_concat(words, counted_words((QueryUnit *) lfirst(cell)));
	names = palloc(sizeof(char *) * Max(list_length(words), 1));
	counts = palloc(sizeof(int64) * Max(list_length(words), 1));
	foreach(cell, words)
		names[n++] = (char *) lfirst(cell);
	vv_count_words(&search->scope, names, n, counts);
	foreach(cell, units)
	{
		QueryUnit  *unit = (QueryUnit *) lfirst(cell);

		n = list_length(counted_words(unit));
		estimate_unit(search, unit, counts, n);
		counts += n;
	}
}

/* Appends what the index is asked for a unit. */
static void
append_unit(StringInfo out, const QueryUnit *unit)
{
	const char *separator = "";
	ListCell   *cell;

	appendStringInfoChar(out, '(');
	if (unit->quoted)
	{
		/* their order is looked at in the rows, which bounds the work */
		for (int i = 0; i < unit->nwords; i++)
			appendStringInfo(out, "%s'%s'", i > 0 ? " & " : "",
							 unit->words[i].text);
	}
	else
	{
		foreach(cell, alternatives(unit))
		{
			appendStringInfo(out, "%s'%s'", separator, (char *) lfirst(cell));
			separator = " | ";
		}
	}
	appendStringInfoChar(out, ')');
}

/* What the index is asked for one or more branches. */
typedef struct Question
{
	StringInfoData lexemes;		/* empty: for all rows */
	int64		at_most;		/* rows that may have it */
	double		about;			/* rows that are likely to */
} Question;

static int
compare_units(const ListCell *a, const ListCell *b)
{
	const QueryUnit *ua = (const QueryUnit *) lfirst(a);
	const QueryUnit *ub = (const QueryUnit *) lfirst(b);

	return ua->count < ub->count ? -1 : ua->count > ub->count;
}

/*
 * What the index is asked for a branch: its rarest words, until few rows are
 * left to look at, since each further word costs for every row that the
 * rarest has. At most what that one has may match; words of one query stand
 * together more often than by chance, so each further one counts half of what
 * chance says, by the logarithm.
 */
static Question
ask_branch(const Search *search, const QueryBranch *branch)
{
	Question	question = {.at_most = search->scope.total, .about = search->scope.total};
	double		total = Max(search->scope.total, 1);
	double		chance = 1;
	List	   *units = list_copy(branch->units);
	ListCell   *cell;

	initStringInfo(&question.lexemes);
	list_sort(units, compare_units);
	foreach(cell, units)
	{
		QueryUnit  *unit = (QueryUnit *) lfirst(cell);

		/* a longer phrase may be missing where its words are not */
		if (unit->common || (unit->negated && unit->nwords > 1) ||
			(question.lexemes.len > 0 && question.about <= WANTED_ROWS))
			continue;
		if (question.lexemes.len > 0)
			appendStringInfoString(&question.lexemes, " & ");
		if (unit->negated)
			appendStringInfoChar(&question.lexemes, '!');
		else
		{
			question.at_most = Min(question.at_most, unit->count);
			chance *= sqrt(unit->count / total);
			question.about = chance * sqrt(question.at_most / total) * total;
		}
		append_unit(&question.lexemes, unit);
	}
	return question;
}

/* Adds a branch as an alternative. */
static void
add_alternative(Question *all, const Question *branch)
{
	appendStringInfo(&all->lexemes, "%s(%s)",
					 all->lexemes.len > 0 ? " | " : "", branch->lexemes.data);
	all->at_most += branch->at_most;
	all->about += branch->about;
}

/* Looks at the rows that the index has for a question. */
static void
look_at(Search *search, Question *question, SearchWork *work)
{
	StringInfoData lexemes;

	if (question->at_most == 0)
		return;
	initStringInfo(&lexemes);
	if (question->lexemes.len > 0)
		appendStringInfo(&lexemes, "(%s)", question->lexemes.data);
	if (search->language != NULL)
		appendStringInfo(&lexemes, "%s'+%s'", lexemes.len > 0 ? " & " : "",
						 search->language);
	vv_collect(&search->scope, lexemes.len > 0 ? lexemes.data : NULL,
			   question->at_most, question->about, work);
}

/*
 * All branches are asked for together, but for the one that may have nothing
 * for the index: that ends with a beginning of very many words.
 */
static void
run_search(Search *search)
{
	SearchWork	work = {score_row, search, WANTED_ROWS, ALLOWED_ROWS, 0, 0};
	Question	all = {.at_most = 0};
	ListCell   *cell;

	initStringInfo(&all.lexemes);
	estimate_units(search);
	foreach(cell, search->branches)
	{
		Question	branch = ask_branch(search, (QueryBranch *) lfirst(cell));

		if (branch.lexemes.len > 0)
			add_alternative(&all, &branch);
		else
			look_at(search, &branch, &work);
	}
	work.counted = 0;
	work.read = 0;
	if (all.lexemes.len > 0)
		look_at(search, &all, &work);
}

/* ----------
 * Correcting words
 * ----------
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
word_distance(const QueryUnit *unit, const char *known)
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

/* Known words that may have been meant, with how many videos have them. */
static WordList
like_words(Search *search, const VvWord *word)
{
	List	   *swapped = swapped_words(word);
	int			nswapped = list_length(swapped);
	WordList	list = new_word_list(20 + VV_WORD_MAX);
	const char *names[VV_WORD_MAX];
	int64		counts[VV_WORD_MAX];
	Datum		args[2];

	args[0] = PointerGetDatum(cstring_to_text_with_len(word->text, word->len));
	args[1] = search->scope.regions;
	(void) vv_query_run(&similar_query, args, 0, keep_word, &list);
	for (int i = 0; i < nswapped; i++)
		names[i] = (char *) list_nth(swapped, i);
	vv_count_words(&search->scope, names, nswapped, counts);
	for (int i = 0; i < nswapped; i++)
	{
		if (counts[i] == 0 || list_has(list.words, names[i]))
			continue;
		list.counts[list_length(list.words)] = counts[i];
		list.words = lappend(list.words, unconstify(char *, names[i]));
	}
	return list;
}

/* Gives a unit the likest words, of equals those that more videos have. */
static void
correct_unit(Search *search, QueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	WordList	list;
	int			allowed = word->len <= 5 ? 1 : word->len <= 8 ? 2 : 3;

	if (vv_word_chars(word) < CORRECT_FROM ||
		(word->text[0] >= '0' && word->text[0] <= '9'))
		return;
	list = like_words(search, word);
	for (int distance = 1; distance <= allowed; distance++)
	{
		/* the few words of one distance, the most common first */
		while (list_length(unit->corrections) < MAX_CORRECTIONS)
		{
			int			best = -1;

			for (int i = 0; i < list_length(list.words); i++)
			{
				if (list.counts[i] > 0 &&
					(best < 0 || list.counts[i] > list.counts[best]) &&
					word_distance(unit, list_nth(list.words, i)) == distance)
					best = i;
			}
			if (best < 0)
				break;
			unit->corrections = lappend(unit->corrections,
										list_nth(list.words, best));
			list.counts[best] = 0;
		}
	}
}

/* A word that may be corrected: known says whether videos have it. */
static bool
correctable(const QueryUnit *unit, bool known)
{
	return !unit->negated && !unit->quoted && (known || unit->count == 0);
}

/*
 * Corrects the words that no video has; where every word is known and nothing
 * was found, all of them; but the first few only. Says whether there is anything
 * new to ask.
 */
static bool
correct_query(Search *search)
{
	int			passes = hash_get_num_entries(search->found) == 0 ? 2 : 1;
	int			left = CORRECTED_WORDS;
	bool		corrected = false;

	for (int pass = 0; pass < passes && !corrected; pass++)
	{
		ListCell   *b;

		foreach(b, search->branches)
		{
			ListCell   *u;

			foreach(u, ((QueryBranch *) lfirst(b))->units)
			{
				QueryUnit  *unit = (QueryUnit *) lfirst(u);

				if (!correctable(unit, pass == 1) || left-- <= 0)
					continue;
				correct_unit(search, unit);
				corrected = corrected || unit->corrections != NIL;
			}
		}
	}
	return corrected;
}

/* ----------
 * The reply
 * ----------
 */

typedef struct FoldedText
{
	MemoryContext context;
	char	   *text;
} FoldedText;

static bool
keep_folded(const Datum *values, const bool *isnull, void *arg)
{
	FoldedText *folded = (FoldedText *) arg;
	MemoryContext old = MemoryContextSwitchTo(folded->context);

	folded->text = isnull[0] ? pstrdup("") : TextDatumGetCString(values[0]);
	MemoryContextSwitchTo(old);
	return false;
}

static char *
fold_text(text * q)
{
	FoldedText	folded = {CurrentMemoryContext, NULL};
	Datum		args[1] = {PointerGetDatum(q)};

	(void) vv_query_run(&fold_query, args, 1, keep_folded, &folded);
	return folded.text;
}

static char *
language_argument(text * language)
{
	char	   *code = palloc(VV_LANGUAGE_MAX + 1);

	if (language == NULL)
		return NULL;
	if (!vv_language_code(VARDATA_ANY(language), VARSIZE_ANY_EXHDR(language),
						  code))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid language \"%.*s\"",
						pg_mbcliplen(VARDATA_ANY(language),
									 VARSIZE_ANY_EXHDR(language), 64),
						VARDATA_ANY(language)),
				 errhint("It is a code such as en or pt-BR.")));
	return code;
}

static List *
query_argument(text * q)
{
	if (q == NULL)
		return NIL;
	if (VARSIZE_ANY_EXHDR(q) > VV_QUERY_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid query of %zu bytes",
						(size_t) VARSIZE_ANY_EXHDR(q)),
				 errhint("A query has up to %d bytes.", VV_QUERY_MAX_BYTES)));
	return vv_parse_query(fold_text(q));
}

/* Ties a cursor to what was searched for. */
static char *
cursor_sort(text * q, const char *language)
{
	uint64		hash = hash_any_extended((unsigned char *) VARDATA_ANY(q),
										 VARSIZE_ANY_EXHDR(q), 0);

	if (language != NULL)
		hash ^= hash_any_extended((const unsigned char *) language,
								  strlen(language), 1);
	return psprintf("search:%016llx", (unsigned long long) hash);
}

/* Finds, and finds once more with corrected words where that was little. */
static FoundVideo *
find_videos(Search *search, int *n)
{
	ListCell   *b;

	*n = 0;
	if (search->branches == NIL)
		return NULL;
	search->found = vv_found_table();
	foreach(b, search->branches)
	{
		ListCell   *u;

		foreach(u, ((QueryBranch *) lfirst(b))->units)
			expand_unit(search, (QueryUnit *) lfirst(u));
	}
	run_search(search);
	if (hash_get_num_entries(search->found) < LITTLE && correct_query(search))
		run_search(search);
	return vv_sort_found(search->found, n);
}

/* The first video behind a cursor. */
static int
first_behind(const FoundVideo *videos, int n, const FeedCursor *after)
{
	double		score = DatumGetFloat8(Int64GetDatum(after->key));
	int			i = 0;

	while (i < n && (videos[i].score > score ||
					 (videos[i].score == score &&
					  strcmp(videos[i].video_id, after->video_id) <= 0)))
		i++;
	return i;
}

static void
write_text_or_null(StringInfo out, const char *key, text * value)
{
	vv_json_key(out, key);
	if (value == NULL)
		appendStringInfoString(out, "null");
	else
		vv_json_text(out, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* The page behind a cursor, or the first. */
static void
write_page(Search *search, text * q, int page_size, const char *sort,
		   const FeedCursor *after, StringInfo out)
{
	text	   *region = search->scope.region;
	const char *region_name = region == NULL ? "*" : text_to_cstring(region);
	int			n;
	FoundVideo *videos = find_videos(search, &n);
	int			first = after == NULL ? 0 : first_behind(videos, n, after);
	int			total;

	appendStringInfoChar(out, '{');
	write_text_or_null(out, "query", q);
	write_text_or_null(out, "region", region);
	vv_json_key(out, "videos");
	total = vv_write_found(out, videos + first, Min(page_size, n - first));
	vv_json_key(out, "total");
	vv_json_int(out, total);
	vv_json_key(out, "next_cursor");
	if (n - first > page_size)
	{
		const FoundVideo *last = &videos[first + page_size - 1];
		FeedCursor	next = {
			.key = DatumGetInt64(Float8GetDatum(last->score)),
			.video_id = pstrdup(last->video_id)
		};

		appendStringInfo(out, "\"%s\"",
						 vv_cursor_encode(region_name, sort, &next));
	}
	else
		appendStringInfoString(out, "null");
	appendStringInfoChar(out, '}');
}

static bool
write_search(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	text	   *q = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	text	   *region = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	int			page_size = PG_ARGISNULL(3) ? DEFAULT_PAGE_SIZE : PG_GETARG_INT32(3);
	bool		has_cursor = !PG_ARGISNULL(4);
	Search		search = {0};
	FeedCursor	after;
	char	   *sort;

	page_size = vv_page_size(page_size);
	vv_open_scope(region, &search.scope);
	search.language =
		language_argument(PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2));
	search.branches = query_argument(q);
	sort = q == NULL ? NULL : cursor_sort(q, search.language);
	if (has_cursor &&
		(q == NULL ||
		 !vv_cursor_decode(PG_GETARG_TEXT_PP(4),
						   region == NULL ? "*" : text_to_cstring(region),
						   sort, &after)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid cursor"),
				 errhint("Pass the next_cursor of a page of the same search.")));
	if (!vv_reply_is_known(reply, vv_max_age("feed_max_age"), 0, 0))
		write_page(&search, q, page_size, sort, has_cursor ? &after : NULL,
				   out);
	return true;
}

static const VvReplier search = {
	.name = "vvault_search",
	.nargs = 5,
	.argtypes = {TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID},
	.region_arg = 2,
	.calls_helpers = true,
	.write = write_search,
};

/*
 * vvault_search(q text, region text DEFAULT NULL, language text DEFAULT NULL,
 *				 page_size int DEFAULT 25, cursor text DEFAULT NULL)
 *	returns json
 *
 * One page of the videos that match. A NULL or empty q finds nothing; a NULL
 * region is all enabled ones, a NULL language any; page_size 1 and up, cut to
 * the page limit. 22023 for an invalid region, language, page_size or cursor
 * and for a q of more than 1000 bytes or 32 words. Source:
 * vvault.video_search, vvault.search_words and vvault.videos.
 */
Datum
vvault_search(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &search);
}
