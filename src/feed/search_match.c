/*-------------------------------------------------------------------------
 *
 * search_match.c
 *		Whether a document has what is asked for, and how well.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/search_steps.h"

/* What a match is worth; with those for views (search.c) together 100. */
#define POINTS_WORDS		50
#define POINTS_ADJACENT		10
#define POINTS_COVERAGE		10

/* Of a word's share of its points. */
#define WORTH_EXACT			1.0
#define WORTH_JOINED		0.95
#define WORTH_COMPLETED		0.9
#define WORTH_STEM			0.8
#define WORTH_CORRECTED		0.5
#define WORTH_IN_CHANNEL	0.9

/* Where a document has a word. */
typedef struct WordMatch
{
	double		worth;			/* 0: nowhere */
	WordEntryPosVector *places; /* NULL for a stem */
	bool		joined;			/* as one word with its neighbours */
} WordMatch;

/* Where a document has a word of a phrase, both ways to write it. */
typedef struct PhraseWord
{
	WordEntryPosVector *places[2];
} PhraseWord;

static WordEntryPosVector no_places = {0};

/* Places of an entry; none for a stem. */
static WordEntryPosVector *
places_of(TSVector document, int entry)
{
	WordEntry  *e = ARRPTR(document) + entry;

	return e->haspos ? _POSVECPTR(document, e) : &no_places;
}

/* Whether a place is in the title; else it is in the channel's name. */
static bool
is_in_title(WordEntryPos place)
{
	return WEP_GETWEIGHT(place) == VV_IN_TITLE ||
		WEP_GETWEIGHT(place) == VV_BESIDE_TITLE;
}

/* Is a word at this place of the document? */
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
		in_title = in_title || is_in_title(places->pos[i]);
	if (!in_title)
		worth *= WORTH_IN_CHANNEL;
	if (worth > match->worth)
	{
		match->worth = worth;
		match->places = places->npos > 0 ? places : NULL;
		match->joined = false;
	}
}

/* Each of these lexemes that the document has may be the match. */
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

/*
 * Each word of the document that begins with these letters may be the match.
 */
static void
offer_completed(TSVector document, const char *word, int len, WordMatch *match)
{
	for (int i = 0; i < document->size; i++)
	{
		if (vv_entry_starts(document, i, word, len) &&
			places_of(document, i)->npos > 0)
			offer(document, i, WORTH_COMPLETED, match);
	}
}

/* What else may have been meant by a word that a document does not have. */
static void
offer_others(TSVector document, const VvQueryUnit *unit, WordMatch *match)
{
	const VvWord *word = &unit->words[0];
	double		worth = match->worth;

	offer_list(document, unit->joined, WORTH_JOINED, match);
	match->joined = match->worth > worth;
	if (unit->last && match->worth < WORTH_COMPLETED)
	{
		offer_completed(document, word->text, word->len, match);
		if (word->other_len > 0)
			offer_completed(document, word->other, word->other_len, match);
	}
	if (match->worth < WORTH_STEM)
		offer_list(document, unit->stems, WORTH_STEM, match);
	if (match->worth < WORTH_CORRECTED)
		offer_list(document, unit->corrections, WORTH_CORRECTED, match);
}

/* How well a document has a word that is not quoted. */
static WordMatch
match_word(TSVector document, const VvQueryUnit *unit)
{
	const VvWord *word = &unit->words[0];
	WordMatch	match = {0, NULL, false};

	for (int other = 0; other < 2; other++)
	{
		int			len = other == 0 ? word->len : word->other_len;
		int			entry = len == 0 ? -1 :
		vv_find_lexeme(document, other == 0 ? word->text : word->other, len);

		if (entry >= 0)
			offer(document, entry, places_of(document, entry)->npos > 0 ?
				  WORTH_EXACT : WORTH_STEM, &match);
	}
	if (match.worth < WORTH_JOINED)
		offer_others(document, unit, &match);
	return match;
}

/* False where a document does not have it. */
static bool
find_phrase_word(TSVector document, const VvWord *word, PhraseWord *found)
{
	int			text = vv_find_lexeme(document, word->text, word->len);
	int			other = word->other_len == 0 ? -1 :
	vv_find_lexeme(document, word->other, word->other_len);

	found->places[0] = text < 0 ? &no_places : places_of(document, text);
	found->places[1] = other < 0 ? &no_places : places_of(document, other);
	return text >= 0 || other >= 0;
}

/* Whether a phrase begins at a place. */
static bool
phrase_at(const PhraseWord *words, int nwords, int place)
{
	for (int i = 1; i < nwords; i++)
	{
		if (!has_place(words[i].places[0], place + i) &&
			!has_place(words[i].places[1], place + i))
			return false;
	}
	return true;
}

/* Where a document has quoted words; the places are those of the last. */
static WordMatch
match_phrase(TSVector document, const VvQueryUnit *unit)
{
	PhraseWord	words[VV_QUERY_MAX_WORDS] = {0};
	PhraseWord *last = &words[unit->nwords - 1];
	WordMatch	match = {0, NULL, false};

	offer_list(document, unit->joined, WORTH_JOINED, &match);
	for (int i = 0; i < unit->nwords; i++)
	{
		if (!find_phrase_word(document, &unit->words[i], &words[i]))
			return match;
	}
	for (int i = 0; i < words[0].places[0]->npos + words[0].places[1]->npos; i++)
	{
		int			n = words[0].places[0]->npos;
		WordEntryPos pos = i < n ? words[0].places[0]->pos[i] :
		words[0].places[1]->pos[i - n];
		double		worth = is_in_title(pos) ?
		WORTH_EXACT : WORTH_EXACT * WORTH_IN_CHANNEL;

		if (worth > match.worth &&
			phrase_at(words, unit->nwords, WEP_GETPOS(pos)))
		{
			match.worth = worth;
			match.places = last->places[last->places[0]->npos > 0 ? 0 : 1];
		}
	}
	return match;
}

/* The best match of a unit in the document. */
static WordMatch
match_unit(TSVector document, const VvQueryUnit *unit)
{
	return unit->quoted ? match_phrase(document, unit) :
		match_word(document, unit);
}

/* Whether one match stands right before another. */
static bool
adjacent(const WordMatch *a, const WordMatch *b, const VvQueryUnit *unit_b)
{
	if (a->places == NULL || b->places == NULL)
		return false;
	if (a->joined && b->joined && a->places == b->places)
		return true;
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
			if (is_in_title(places->pos[j]))
				*in_title = Max(*in_title, place);
		}
	}
	*in_channel = Max(0, last - *in_title - 1);
}

/* The share of the title, or of the name, that was asked for. */
static double
coverage(TSVector document, const WordMatch *matches, const VvQueryUnit **units,
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
			title = is_in_title(matches[i].places->pos[j]);
		for (int j = 0; matches[i].places != NULL &&
			 j < matches[i].places->npos; j++)
			channel = channel || !is_in_title(matches[i].places->pos[j]);
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
score_branch(TSVector document, const VvQueryBranch *branch)
{
	WordMatch	matches[VV_QUERY_MAX_WORDS];
	const VvQueryUnit *units[VV_QUERY_MAX_WORDS];
	double		worth = 0;
	int			n = 0;
	int			pairs = 0;
	ListCell   *cell;

	foreach(cell, branch->units)
	{
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);
		WordMatch	match;

		if (unit->ignored)
			continue;
		match = match_unit(document, unit);
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

/*
 * The points that a document has for the best of some branches, without those
 * for its views; negative where it matches none.
 */
double
vv_score_document(TSVector document, List *branches)
{
	double		best = -1;
	ListCell   *cell;

	foreach(cell, branches)
		best = Max(best, score_branch(document, (VvQueryBranch *) lfirst(cell)));
	return best;
}
