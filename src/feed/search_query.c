/*-------------------------------------------------------------------------
 *
 * search_query.c
 *		What somebody searches for, taken apart.
 *
 * The signs mean what they mean to websearch_to_tsquery: "quoted words" stand
 * in this order, -word must be missing, or separates alternatives, and nothing
 * is an error. But a minus counts only where a space stands before it and a
 * word follows, since titles have others. Words are those of documents.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/search_query.h"

#define SHORT_WORD		2		/* bytes of an n or & between two words */

typedef struct Parser
{
	List	   *branches;		/* finished ones */
	VvQueryBranch *branch;		/* the one being read */
	VvQueryUnit *held;			/* an or that may yet be a word */
	VvWord	   *words;			/* all, in their order */
	int			nwords;
	VvTitle		title;
} Parser;

/* A unit of one word so far. */
static VvQueryUnit *
new_unit(VvWord *words, bool negated, bool quoted)
{
	VvQueryUnit *unit = palloc0(sizeof(VvQueryUnit));

	unit->negated = negated;
	unit->quoted = quoted;
	unit->words = words;
	unit->nwords = 1;
	return unit;
}

/* Reads the next word; NULL at the end. */
static VvWord *
read_word(Parser *parser, VvWordReader *reader)
{
	VvWord	   *word = &parser->words[parser->nwords];

	if (!vv_next_word(reader, word))
		return NULL;
	if (++parser->nwords > VV_QUERY_MAX_WORDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid query of more than %d words",
						VV_QUERY_MAX_WORDS),
				 errhint("Search for fewer words.")));
	vv_add_to_title(&parser->title, word);
	return word;
}

/* A branch is whole, at an OR or at the end. */
static void
end_branch(Parser *parser)
{
	ListCell   *cell;
	bool		positive = false;

	foreach(cell, parser->branch->units)
		positive = positive || !((VvQueryUnit *) lfirst(cell))->negated;

	/* what only must not be there is nothing to look for */
	if (positive)
		parser->branches = lappend(parser->branches, parser->branch);
	parser->branch = palloc0(sizeof(VvQueryBranch));
}

/*
 * A unit joins the branch at hand. A sign that was held is one of its words
 * or an operator, as what follows tells.
 */
static void
add_unit(Parser *parser, VvQueryUnit *unit)
{
	VvQueryUnit *held = parser->held;

	parser->held = NULL;
	if (held != NULL && unit->words[0].joined)
		parser->branch->units = lappend(parser->branch->units, held);
	else if (held != NULL)
		end_branch(parser);		/* something follows: it was an operator */
	parser->branch->units = lappend(parser->branch->units, unit);
}

/* Is the word the operator OR, standing between two units? */
static bool
is_or(const Parser *parser, const VvWord *word)
{
	return strcmp(word->text, "or") == 0 && !word->joined &&
		parser->branch->units != NIL && parser->held == NULL;
}

/* Whether the branch asks for a picture already. */
static bool
is_repeated(const Parser *parser, const VvWord *picture)
{
	ListCell   *cell;

	foreach(cell, parser->branch->units)
	{
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);

		if (!unit->quoted && strcmp(unit->words[0].text, picture->text) == 0)
			return true;
	}
	return false;
}

/*
 * Reads words that are not quoted. What must be missing is one unit, even if
 * it has hyphens; otherwise each word is one.
 */
static void
read_plain(Parser *parser, VvWordReader *reader)
{
	VvQueryUnit *negated = NULL;
	VvWord	   *word;

	while ((word = read_word(parser, reader)) != NULL)
	{
		if (word->minus)
		{
			negated = new_unit(word, true, true);
			add_unit(parser, negated);
		}
		else if (negated != NULL && word->joined)
			negated->nwords++;
		else
		{
			negated = NULL;
			if (is_or(parser, word))
				parser->held = new_unit(word, false, false);
			else if (!word->picture || !is_repeated(parser, word))
				add_unit(parser, new_unit(word, false, false));
		}
	}
}

/* All words up to the closing quote are one unit. */
static void
read_quoted(Parser *parser, VvWordReader *reader, bool negated)
{
	VvWord	   *word = read_word(parser, reader);
	VvQueryUnit *unit;

	if (word == NULL)
		return;
	unit = new_unit(word, negated, true);
	while (read_word(parser, reader) != NULL)
		unit->nwords++;
	add_unit(parser, unit);
}

/* Whether n units of a branch are words that stand one behind the other. */
static bool
are_plain(List *units, int first, int n)
{
	if (first + n > list_length(units))
		return false;
	for (int i = first; i < first + n; i++)
	{
		const VvQueryUnit *unit = list_nth(units, i);

		if (unit->quoted || unit->words[0].picture ||
			(i > first && unit->words != ((VvQueryUnit *)
										  list_nth(units, i - 1))->words + 1))
			return false;
	}
	return true;
}

/* How many words from a unit on are joined by signs, with itself. */
static int
joined_run(List *units, int first)
{
	int			n = 1;

	while (are_plain(units, first, n + 1) &&
		   ((VvQueryUnit *) list_nth(units, first + n))->words[0].joined)
		n++;
	return n;
}

/* Lets n words be one word as well. */
static void
join_units(List *units, int first, int n, bool by_sign)
{
	VvQueryUnit *unit = list_nth(units, first);

	for (int other = 0; other < 2; other++)
	{
		VvWord	   *joined = palloc(sizeof(VvWord));

		if (!vv_join_words(unit->words, n, other == 1, joined))
			continue;
		for (int i = first; i < first + n; i++)
		{
			unit = list_nth(units, i);
			unit->joined = lappend(unit->joined, joined->text);
			if (by_sign)
				unit->joined_by_sign = lappend(unit->joined_by_sign, joined);
		}
		unit = list_nth(units, first);
	}
}

/*
 * Whoever writes two words may mean one, k pop being kpop: pairs, three with a
 * short one between, and what signs join.
 */
static void
join_branch(VvQueryBranch *branch)
{
	List	   *units = branch->units;
	int			end = 0;

	for (int i = 0; i < list_length(units); i++)
	{
		VvQueryUnit *unit = list_nth(units, i);
		int			run = joined_run(units, i);
		VvWord	   *joined = palloc(sizeof(VvWord));

		if (unit->negated && unit->nwords > 1 &&
			vv_join_words(unit->words, unit->nwords, false, joined))
			unit->joined = list_make1(joined->text);
		if (are_plain(units, i, 2))
			join_units(units, i, 2, run >= 2);
		if (are_plain(units, i, 3) &&
			(run >= 3 || unit->words[1].len <= SHORT_WORD))
			join_units(units, i, 3, run >= 3);
		if (run > 3 && i >= end)
			join_units(units, i, run, true);
		end = Max(end, i + run);
	}
}

/*
 * The end of the query ends what is open; the last word may be the beginning
 * of one.
 */
static void
finish(Parser *parser, VvParsedQuery *query)
{
	ListCell   *cell;

	if (parser->held != NULL)
		parser->branch->units = lappend(parser->branch->units, parser->held);
	if (parser->branch->units != NIL)
	{
		VvQueryUnit *unit = llast(parser->branch->units);

		unit->last = !unit->quoted && !unit->words[0].picture;
	}
	end_branch(parser);
	foreach(cell, parser->branches)
		join_branch((VvQueryBranch *) lfirst(cell));
	query->branches = parser->branches;
	query->title = vv_title_sign(&parser->title, false);
	query->marked_title = parser->title.minus ?
		vv_title_sign(&parser->title, true) : NULL;
}

/*
 * Takes a query apart. Its text comes folded. 22023 for too many words.
 */
void
vv_parse_query(const char *folded, VvParsedQuery *query)
{
	const char *end = folded + strlen(folded);
	VvWordReader reader = {folded, folded, end, false};
	Parser		parser = {0};

	parser.branch = palloc0(sizeof(VvQueryBranch));
	parser.words = palloc(sizeof(VvWord) * (VV_QUERY_MAX_WORDS + 1));
	vv_begin_title(&parser.title);
	while (reader.p < end)
	{
		const char *quote = memchr(reader.p, '"', end - reader.p);
		bool		negated;

		reader.end = quote == NULL ? end : quote;
		read_plain(&parser, &reader);
		if (quote == NULL)
			break;

		negated = vv_minus_before(&reader, quote);
		reader.p = quote + 1;
		reader.behind_word = false;
		quote = memchr(reader.p, '"', end - reader.p);
		/* the end closes too */
		reader.end = quote == NULL ? end : quote;
		read_quoted(&parser, &reader, negated);
		reader.p = quote == NULL ? end : quote + 1;
		reader.behind_word = false;
	}
	finish(&parser, query);
}

/* ----------
 * Pasted ids and addresses
 * ----------
 */

#define PASTED_SPACE	" \t\n\r\f\v"

/* What may stand in an id in an address. */
static int
id_length(const char *p)
{
	return strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789_-");
}

/* Where a text has another one, whatever the case of its letters, or NULL. */
static const char *
find_anycase(const char *text, const char *other)
{
	size_t		len = strlen(other);

	for (; *text != '\0'; text++)
	{
		if (pg_strncasecmp(text, other, len) == 0)
			return text;
	}
	return NULL;
}

/* Where an address names the video, or NULL. */
static const char *
id_in_address(const char *q)
{
	static const char *const before[] = {
		"youtu.be/", "/shorts/", "/embed/", "/live/", "/v/", "watch?v=", "&v=",
		"?v="
	};

	for (int i = 0; i < (int) lengthof(before); i++)
	{
		const char *found = find_anycase(q, before[i]);

		if (found != NULL && id_length(found + strlen(before[i])) > 0)
			return found + strlen(before[i]);
	}
	return NULL;
}

/*
 * The id in an address that stands among other words, as phones share one, or
 * NULL. It says where it leads: a text may have "/v/" for other reasons.
 */
static char *
id_among_words(const char *q)
{
	const char *site = find_anycase(q, "youtu.be/");
	const char *id;
	char	   *word;

	if (site == NULL)
		site = find_anycase(q, "youtube.com/");
	if (site == NULL)
		return NULL;
	word = pnstrdup(site, strcspn(site, PASTED_SPACE));
	id = id_in_address(word);
	return id == NULL ? NULL : pnstrdup(id, id_length(id));
}

/*
 * The video that a query names, by its id or by an address of its page; NULL
 * where it can be neither. Says whether it is an address and nothing else.
 */
char *
vv_pasted_id(const char *q, int len, bool *address)
{
	char	   *pasted = pnstrdup(q, len);
	const char *id;

	*address = false;
	pasted += strspn(pasted, PASTED_SPACE);
	len = strcspn(pasted, PASTED_SPACE);
	if (len == 0)
		return NULL;
	if (pasted[len + strspn(pasted + len, PASTED_SPACE)] != '\0')
		return id_among_words(pasted);
	pasted[len] = '\0';
	id = id_in_address(pasted);
	if (id != NULL)
	{
		*address = true;
		return pnstrdup(id, id_length(id));
	}
	/* quotes are what keeps an id that begins with a minus from excluding */
	if (len > 2 && pasted[0] == '"' && pasted[len - 1] == '"')
		return pnstrdup(pasted + 1, len - 2);
	return pasted;
}
