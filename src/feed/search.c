/*-------------------------------------------------------------------------
 *
 * search.c
 *		Searching for videos by title and channel.
 *
 * A search asks one GIN index (candidates.c) and looks at a bounded number of
 * its rows: whether they have what is asked for, and how well
 * (search_match.c). Where it finds little, words are replaced by like ones
 * that videos do have (search_words.c), and it asks once more.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/search_steps.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "feed/cursor.h"
#include "feed/facts.h"
#include "reply/reply.h"
#include "site/regions.h"
#include "site/settings.h"
#include "videos/fold.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_search);


#define WANTED_ROWS		250		/* that match, after which the rest is left */
#define ALLOWED_ROWS	2000	/* that are looked at in all */
#define LITTLE			5		/* videos; with fewer, words are corrected */

#define TOGETHER		0.75	/* how much of chance is in words side by side */

/* The points for views; search_match.c has the others. */
#define POINTS_POPULARITY	30

/* What was asked for as a whole stands before all that has its words. */
#define POINTS_ID			100
#define POINTS_TITLE		98	/* and up to one more for views */
#define MOST_POINTS			97	/* of any other */

static VvQuery fold_query = {
	.sql = "SELECT vvault.fold($1)",
	.nargs = 1, .argtypes = {TEXTOID},
};

/* The regions are few, and an id is in each of them once. */
static VvQuery id_query = {
	.sql = VV_SEARCH_ROW_SQL
	" WHERE s.region OPERATOR(pg_catalog.=) ANY ($1)"
	" AND s.video_id OPERATOR(pg_catalog.=) $2",
	.nargs = 2, .argtypes = {TEXTARRAYOID, TEXTOID}, .index_probes = true,
};

/* ----------
 * Asking the index
 * ----------
 */

/* Both ways to write a word; the second may be an empty one. */
static List *
ways_to_write(const VvWord *word)
{
	return list_make2(unconstify(char *, &word->text[0]),
					  unconstify(char *, &word->other[0]));
}

/* The words of a unit that are to be counted. */
static List *
counted_words(const VvQueryUnit *unit)
{
	List	   *words = NIL;

	for (int i = 0; i < unit->nwords; i++)
		words = list_concat(words, ways_to_write(&unit->words[i]));
	if (unit->quoted)
		return words;
	words = list_concat(words, unit->joined);
	words = list_concat(words, unit->stems);
	return list_concat(words, unit->corrections);
}

/* All words that would do for a unit that is not quoted. */
static List *
alternatives(const VvQueryUnit *unit)
{
	return list_concat(counted_words(unit), unit->completions);
}

/* The units of all branches in one list. */
static List *
all_units(const VvSearch *search)
{
	List	   *units = NIL;
	ListCell   *cell;

	foreach(cell, search->query.branches)
		units = list_concat(units, ((VvQueryBranch *) lfirst(cell))->units);
	return units;
}

/* Those words that some video has: the index need not look for others. */
static List *
known_words(List *words, const int64 *counts)
{
	List	   *known = NIL;
	ListCell   *cell;

	foreach(cell, words)
	{
		if (counts[foreach_current_index(cell)] > 0)
			known = lappend(known, lfirst(cell));
	}
	return known;
}

/*
 * Of alternatives the sum, of words that all must be there the least. The
 * counts are those of the unit's counted words.
 */
static void
estimate_unit(const VvSearch *search, VvQueryUnit *unit, const int64 *counts, int n)
{
	int64		least = search->scope.total;
	int64		sum = unit->ncompleted;

	for (int i = 0; i < 2 * unit->nwords; i += 2)
		least = Min(least, counts[i] + counts[i + 1]);
	for (int i = 0; i < n; i++)
		sum += counts[i];
	if (!unit->quoted)
	{
		int			njoined = list_length(unit->joined);

		unit->joined = known_words(unit->joined, counts + 2);
		unit->stems = known_words(unit->stems, counts + 2 + njoined);
	}
	unit->count = unit->common ? search->scope.total :
		Min(search->scope.total, unit->quoted ? least : sum);
}

/* Tells of every unit about how many rows have it. */
static void
estimate_units(VvSearch *search)
{
	List	   *units = all_units(search);
	List	   *words = NIL;
	const char **names;
	int64	   *counts;
	int			n = 0;
	ListCell   *cell;

	foreach(cell, units)
		words = list_concat(words, counted_words((VvQueryUnit *) lfirst(cell)));
	names = palloc(sizeof(char *) * Max(list_length(words), 1));
	counts = palloc(sizeof(int64) * Max(list_length(words), 1));
	foreach(cell, words)
		names[n++] = (char *) lfirst(cell);
	vv_count_words(&search->scope, names, n, counts);
	foreach(cell, units)
	{
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);

		n = list_length(counted_words(unit));	/* before some are dropped */
		estimate_unit(search, unit, counts, n);
		counts += n;
	}
}

/* Appends words any of which will do. */
static void
append_words(StringInfo out, List *words)
{
	const char *separator = "";
	ListCell   *cell;

	appendStringInfoChar(out, '(');
	foreach(cell, words)
	{
		if (*(char *) lfirst(cell) == '\0')
			continue;
		appendStringInfo(out, "%s'%s'", separator, (char *) lfirst(cell));
		separator = " | ";
	}
	appendStringInfoChar(out, ')');
}

/* Appends what the index is asked for a unit. */
static void
append_unit(StringInfo out, const VvQueryUnit *unit)
{
	if (!unit->quoted)
	{
		append_words(out, alternatives(unit));
		return;
	}
	/* their order is looked at in the rows, which bounds the work */
	appendStringInfoChar(out, '(');
	for (int i = 0; i < unit->nwords; i++)
	{
		appendStringInfoString(out, i > 0 ? " & " : "");
		append_words(out, ways_to_write(&unit->words[i]));
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

/* The rarest first. */
static int
compare_units(const ListCell *a, const ListCell *b)
{
	const VvQueryUnit *ua = (const VvQueryUnit *) lfirst(a);
	const VvQueryUnit *ub = (const VvQueryUnit *) lfirst(b);

	return ua->count < ub->count ? -1 : ua->count > ub->count;
}

/*
 * What the index is asked for a branch: its rarest words, until few rows are
 * left to look at, since each further word costs for every row that the
 * rarest has. At most what that one has may match; words of one query stand
 * together more often than by chance, so each further one counts three
 * quarters of what chance says, by the logarithm.
 */
static Question
ask_branch(const VvSearch *search, const VvQueryBranch *branch)
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
		VvQueryUnit *unit = (VvQueryUnit *) lfirst(cell);

		/* a longer phrase may be missing where its words are not */
		if (unit->common || unit->ignored || (unit->negated && unit->nwords > 1) ||
			(question.lexemes.len > 0 && question.about <= WANTED_ROWS))
			continue;
		if (question.lexemes.len > 0)
			appendStringInfoString(&question.lexemes, " & ");
		if (unit->negated)
			appendStringInfoChar(&question.lexemes, '!');
		else
		{
			question.at_most = Min(question.at_most, unit->count);
			chance *= unit->count / total;
			question.about = total * pow(chance, TOGETHER) *
				pow(question.at_most / total, 1 - TOGETHER);
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
look_at(VvSearch *search, Question *question, VvSearchWork *work)
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

/* Does the row have this whole title? Titles are lexemes too. */
static bool
has_title(const VvSearchRow *row, const char *title)
{
	return title != NULL &&
		vv_find_lexeme(row->document, title, strlen(title)) >= 0;
}

/* Scores a row that has the whole title. */
static bool
score_title(const VvSearchRow *row, void *arg)
{
	VvSearch   *search = (VvSearch *) arg;

	return vv_keep_found(search->found, row,
						 POINTS_TITLE + vv_popularity(row));
}

/* Keep a row that answers the query, with its points. */
static bool
score_row(const VvSearchRow *row, void *arg)
{
	VvSearch   *search = (VvSearch *) arg;
	const VvParsedQuery *query = &search->query;
	double		points;

	if (has_title(row, query->marked_title ? query->marked_title : query->title))
		return score_title(row, arg);
	points = vv_score_document(row->document, query->branches);
	if (points < 0)
		return false;
	points += POINTS_POPULARITY * vv_popularity(row);
	return vv_keep_found(search->found, row, Min(points, MOST_POINTS));
}

/* Keep the video whose id was pasted, if it is of the language asked for. */
static bool
score_id(const VvSearchRow *row, void *arg)
{
	VvSearch   *search = (VvSearch *) arg;

	if (search->language != NULL &&
		(strlen(search->language) != VARSIZE_ANY_EXHDR(row->language) ||
		 memcmp(search->language, VARDATA_ANY(row->language),
				VARSIZE_ANY_EXHDR(row->language)) != 0))
		return false;
	search->id_found = true;
	return vv_keep_found(search->found, row, POINTS_ID);
}

/* Looks for the video that has the pasted id. */
static void
look_for_id(VvSearch *search)
{
	VvSearchWork work = {score_id, search, ALLOWED_ROWS, ALLOWED_ROWS, 0, 0};
	Datum		args[2];

	if (search->pasted_id == NULL)
		return;
	args[0] = search->scope.regions;
	args[1] = CStringGetTextDatum(search->pasted_id);
	vv_run_rows(&id_query, args, &search->scope, &work);
}

/* Looks for videos whose whole title the query is; there are few of one title. */
static void
look_for_title(VvSearch *search, const char *title)
{
	VvSearchWork work = {score_title, search, WANTED_ROWS, ALLOWED_ROWS, 0, 0};
	Question	question = {.at_most = WANTED_ROWS, .about = WANTED_ROWS};

	if (title == NULL)
		return;
	initStringInfo(&question.lexemes);
	appendStringInfo(&question.lexemes, "'%s'", title);
	look_at(search, &question, &work);
}

/*
 * All branches are asked for together, but for the one that may have nothing
 * for the index: that ends with a beginning of very many words.
 */
static void
run_search(VvSearch *search)
{
	VvSearchWork work = {score_row, search, WANTED_ROWS, ALLOWED_ROWS, 0, 0};
	Question	all = {.at_most = 0};
	ListCell   *cell;

	initStringInfo(&all.lexemes);
	estimate_units(search);
	foreach(cell, search->query.branches)
	{
		Question	branch = ask_branch(search, (VvQueryBranch *) lfirst(cell));

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
 * The reply
 * ----------
 */

/* The text as documents have it. */
static char *
fold_text(text * q)
{
	StringInfoData letters;
	Datum		args[1];
	char	   *folded;

	initStringInfo(&letters);
	vv_fold_letters(&letters, VARDATA_ANY(q), VARSIZE_ANY_EXHDR(q));
	args[0] = PointerGetDatum(cstring_to_text_with_len(letters.data,
													   letters.len));
	folded = vv_query_text(&fold_query, args);
	return folded != NULL ? folded : pstrdup("");
}

/*
 * The language as a code in the form that rows have; NULL is any language, a
 * bad one 22023.
 */
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

/* Take the query apart; 22023 if it is too long. */
static void
query_argument(text * q, VvSearch *search)
{
	if (q == NULL)
		return;
	if (VARSIZE_ANY_EXHDR(q) > VV_QUERY_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid query of %zu bytes",
						(size_t) VARSIZE_ANY_EXHDR(q)),
				 errhint("A query has up to %d bytes.", VV_QUERY_MAX_BYTES)));
	search->pasted_id = vv_pasted_id(VARDATA_ANY(q), VARSIZE_ANY_EXHDR(q),
									 &search->address);
	vv_parse_query(fold_text(q), &search->query);
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

/* Finds by words, and once more with corrected ones where that was little. */
static void
find_by_words(VvSearch *search)
{
	ListCell   *b;

	foreach(b, search->query.branches)
	{
		ListCell   *u;

		foreach(u, ((VvQueryBranch *) lfirst(b))->units)
			vv_expand_unit(search, (VvQueryUnit *) lfirst(u));
	}
	run_search(search);
	if (hash_get_num_entries(search->found) < LITTLE && !search->id_found &&
		vv_correct_query(search))
		run_search(search);
}

/*
 * What is found: the video of the id, videos of the title, videos that have
 * the words. What a minus excludes is the title's own word where nothing else
 * is there.
 */
static VvFoundVideo *
find_videos(VvSearch *search, int *n)
{
	const VvParsedQuery *query = &search->query;

	search->found = vv_found_table();
	look_for_id(search);
	if (!search->address)
	{
		look_for_title(search, query->marked_title ? query->marked_title :
					   query->title);
		if (query->branches != NIL)
			find_by_words(search);
		if (hash_get_num_entries(search->found) == 0)
			look_for_title(search, query->title);
	}
	return vv_sort_found(search->found, n);
}

/* The first video behind a cursor. */
static int
first_behind(const VvFoundVideo *videos, int n, const VvFeedCursor *after)
{
	double		score = DatumGetFloat8(Int64GetDatum(after->key));
	int			i = 0;

	while (i < n && (videos[i].score > score ||
					 (videos[i].score == score &&
					  strcmp(videos[i].video_id, after->video_id) <= 0)))
		i++;
	return i;
}

/* A member whose value may be NULL. */
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
write_page(VvSearch *search, text * q, int page_size, const char *sort,
		   const VvFeedCursor *after, StringInfo out)
{
	text	   *region = search->scope.region;
	const char *region_name = region == NULL ? "*" : text_to_cstring(region);
	int			n;
	VvFoundVideo *videos = find_videos(search, &n);
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
		const VvFoundVideo *last = &videos[first + page_size - 1];
		VvFeedCursor next = {
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

/* The reply of vvault_search. */
static bool
write_search(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	text	   *q = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	text	   *region = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	int			page_size = PG_ARGISNULL(3) ? VV_DEFAULT_PAGE_SIZE : PG_GETARG_INT32(3);
	bool		has_cursor = !PG_ARGISNULL(4);
	VvSearch	search = {0};
	VvFeedCursor after;
	char	   *sort;

	page_size = vv_page_size(page_size);
	vv_open_scope(region, &search.scope);
	search.language =
		language_argument(PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2));
	query_argument(q, &search);
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
	if (!vv_reply_is_known(reply, vv_setting_int("feed_max_age"), 0, 0))
		write_page(&search, q, page_size, sort, has_cursor ? &after : NULL,
				   out);
	return true;
}

static const VvReplier search = {
	.name = "vvault_search",
	.source = &vv_feeds,
	.nargs = 5,
	.argtypes = {TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID},
	.scope_arg = 2,
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
 * and for a q of more than 1000 bytes or 64 words. Source:
 * vvault.video_search, vvault.search_words and vvault.videos.
 */
Datum
vvault_search(PG_FUNCTION_ARGS)
{
	return vv_reply(fcinfo, &search);
}
