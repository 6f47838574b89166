/*-------------------------------------------------------------------------
 *
 * search_query.c
 *		What somebody searches for, taken apart.
 *
 * The signs mean what they mean to websearch_to_tsquery: "quoted words" stand
 * in this order, -word must be missing, or separates alternatives, and nothing
 * is an error. Words are those of documents.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/search_query.h"

#include "mb/pg_wchar.h"

typedef struct Parser
{
	const char *p;
	const char *end;
	List	   *branches;		/* finished ones */
	VvQueryBranch *branch;		/* the one being read */
	VvQueryUnit *held;			/* an or that may yet be a word */
	int			nwords;
} Parser;

static VvQueryUnit *
new_unit(bool negated, bool quoted)
{
	VvQueryUnit *unit = palloc0(sizeof(VvQueryUnit));

	unit->negated = negated;
	unit->quoted = quoted;
	unit->words = palloc(sizeof(VvWord) * VV_QUERY_MAX_WORDS);
	return unit;
}

static void
add_word(Parser *parser, VvQueryUnit *unit, const VvWord *word)
{
	if (++parser->nwords > VV_QUERY_MAX_WORDS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid query of more than %d words",
						VV_QUERY_MAX_WORDS),
				 errhint("Search for fewer words.")));
	unit->words[unit->nwords++] = *word;
}

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

static void
add_unit(Parser *parser, VvQueryUnit *unit)
{
	if (unit->nwords == 0)
		return;
	if (parser->held != NULL)
	{
		/* something follows: it was an operator */
		parser->held = NULL;
		end_branch(parser);
	}
	parser->branch->units = lappend(parser->branch->units, unit);
}

static bool
is_or(const VvQueryUnit *unit)
{
	return unit->nwords == 1 && strcmp(unit->words[0].text, "or") == 0;
}

/* Reads "words", the opening quote being passed; the end closes too. */
static void
read_quoted(Parser *parser, bool negated)
{
	VvQueryUnit *unit = new_unit(negated, true);
	const char *close = memchr(parser->p, '"', parser->end - parser->p);
	const char *end = close == NULL ? parser->end : close;
	VvWord		word;

	while (vv_next_word(&parser->p, end, &word))
		add_word(parser, unit, &word);
	parser->p = close == NULL ? end : close + 1;
	add_unit(parser, unit);
}

/*
 * Reads up to the next space or quote. What must be missing is one unit, even
 * if it has hyphens; otherwise each word is one.
 */
static void
read_run(Parser *parser, bool negated)
{
	const char *end = parser->p;
	VvQueryUnit *unit = new_unit(negated, negated);
	VvWord		word;

	while (end < parser->end && *end != '"' &&
		   strchr(" \t\n\r\f\v", *end) == NULL)
		end++;
	while (vv_next_word(&parser->p, end, &word))
	{
		add_word(parser, unit, &word);
		if (negated)
			continue;
		if (is_or(unit) && parser->branch->units != NIL &&
			parser->held == NULL)
			parser->held = unit;
		else
			add_unit(parser, unit);
		unit = new_unit(false, false);
	}
	if (negated)
		add_unit(parser, unit);
	parser->p = end;
}

/*
 * Takes a query apart: a list of VvQueryBranch. Its text comes folded. Empty
 * where there is nothing to look for. 22023 for too many words.
 */
List *
vv_parse_query(const char *folded)
{
	Parser		parser = {0};
	bool		negated = false;

	parser.p = folded;
	parser.end = folded + strlen(folded);
	parser.branch = palloc0(sizeof(VvQueryBranch));
	while (parser.p < parser.end)
	{
		char		c = *parser.p;

		if (c == '"')
		{
			parser.p++;
			read_quoted(&parser, negated);
		}
		else if (vv_starts_word(parser.p, parser.end))
			read_run(&parser, negated);
		else
		{
			/* a minus counts right before what it is about */
			negated = c == '-';
			parser.p += pg_utf_mblen((const unsigned char *) parser.p);
			continue;
		}
		negated = false;
	}

	if (parser.held != NULL)
		parser.branch->units = lappend(parser.branch->units, parser.held);
	if (parser.branch->units != NIL)
	{
		VvQueryUnit *unit = llast(parser.branch->units);

		unit->last = !unit->negated && !unit->quoted;
	}
	end_branch(&parser);
	return parser.branches;
}
