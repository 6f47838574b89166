/*-------------------------------------------------------------------------
 *
 * candidates.c
 *		Videos that have some words, the most viewed first, in bounded work.
 *
 * A GIN index finds all rows with a word, in no order. Of a common word only
 * the most viewed rows are wanted, so every document has the tier of its views
 * as a lexeme: the index is asked for the word together with the highest
 * tiers, then with those below, until enough rows were found. How far down to
 * go at first is told by the counts in vvault.search_words, as if words spread
 * evenly over tiers; where they do not, a further step makes up for it.
 *
 *-------------------------------------------------------------------------
 */
#include "feed/candidates.h"

#include "access/gin.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "feed/columns.h"
#include "site/regions.h"

#define READ_ALL	4			/* times what is wanted are all read */
#define READ_ABOUT	2			/* and so are these where it is a guess */
#define AIM_BEYOND	1.5			/* times what is wanted still, at a next step */

static VvQuery regions_query = {
	.sql = "SELECT e.region FROM vvault.enabled_regions e ORDER BY e.region",
};

/* What stands between / and 0 in the order of bytes are the tiers. */
static VvQuery tiers_query = {
	.sql = "SELECT w.word, pg_catalog.sum(w.videos)::bigint"
	" FROM vvault.search_words w"
	" WHERE w.region OPERATOR(pg_catalog.=) ANY ($1)"
	" AND w.word OPERATOR(pg_catalog.>=) '/'"
	" AND w.word OPERATOR(pg_catalog.<) '0'"
	" GROUP BY w.word",
	.nargs = 1, .argtypes = {TEXTARRAYOID}, .index_probes = true,
};

static VvQuery counts_query = {
	.sql = "SELECT w.word, pg_catalog.sum(w.videos)::bigint"
	" FROM vvault.search_words w"
	" WHERE w.region OPERATOR(pg_catalog.=) ANY ($1)"
	" AND w.word OPERATOR(pg_catalog.=) ANY ($2)"
	" GROUP BY w.word",
	.nargs = 2, .argtypes = {TEXTARRAYOID, TEXTARRAYOID}, .index_probes = true,
};

/*
 * The regions are looked at one row after the other: a condition on them
 * could lead the planner to another index.
 */
static VvQuery rows_query = {
	.sql = VV_SEARCH_ROW_SQL
	" WHERE s.document OPERATOR(pg_catalog.@@) $1",
	.nargs = 1, .argtypes = {TSQUERYOID}, .index_probes = true,
};

static VvQuery page_query = {
	.sql = VV_VIDEO_COLUMNS_SQL "u.n"
	" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
	"  WITH ORDINALITY AS u(region, video_id, n)"
	" CROSS JOIN LATERAL (SELECT w.* FROM vvault.videos w"
	"  WHERE w.region OPERATOR(pg_catalog.=) u.region"
	"  AND w.video_id OPERATOR(pg_catalog.=) u.video_id LIMIT 1) v"
	" ORDER BY u.n",
	.nargs = 2, .argtypes = {TEXTARRAYOID, TEXTARRAYOID}, .index_probes = true,
};

typedef struct CodeList
{
	MemoryContext context;
	List	   *codes;
} CodeList;

/* A row's text joins a list of codes. */
static bool
keep_code(const Datum *values, const bool *isnull, void *arg)
{
	CodeList   *list = (CodeList *) arg;
	MemoryContext old = MemoryContextSwitchTo(list->context);

	if (!isnull[0])
		list->codes = lappend(list->codes, TextDatumGetCString(values[0]));
	MemoryContextSwitchTo(old);
	return true;
}

/* n strings as an array of text. */
static Datum
text_array(const char *const *strings, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = CStringGetTextDatum(strings[i]);
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * How many rows a tier has: the row's word is a letter and the number of the
 * tier.
 */
static bool
keep_tier(const Datum *values, const bool *isnull pg_attribute_unused(),
		  void *arg)
{
	VvSearchScope *scope = (VvSearchScope *) arg;
	text	   *word = DatumGetTextPP(values[0]);
	int			tier = 0;

	for (int i = 1; i < (int) VARSIZE_ANY_EXHDR(word); i++)
		tier = tier * 10 + VARDATA_ANY(word)[i] - '0';
	if (tier < 0 || tier >= VV_TIERS)
		elog(ERROR, "there is no tier %d", tier);
	scope->tiers[tier] = DatumGetInt64(values[1]);
	scope->total += scope->tiers[tier];
	return true;
}

/*
 * Looks at one region, or at all that are enabled where it is NULL. Raises the
 * error of a region that is not valid. The caller is connected to SPI.
 */
void
vv_open_scope(text *region, VvSearchScope *scope)
{
	CodeList	list = {CurrentMemoryContext, NIL};
	ListCell   *cell;

	memset(scope, 0, sizeof(*scope));
	scope->region = region;
	if (region != NULL)
	{
		if (vv_region_name(region) == NULL)
			vv_invalid_region(region);
		list.codes = list_make1(text_to_cstring(region));
	}
	else
		(void) vv_query_run(&regions_query, NULL, 0, keep_code, &list);

	scope->codes = palloc(sizeof(char *) * Max(list_length(list.codes), 1));
	foreach(cell, list.codes)
		scope->codes[scope->ncodes++] = (char *) lfirst(cell);
	scope->regions = text_array(scope->codes, scope->ncodes);
	(void) vv_query_run(&tiers_query, &scope->regions, 0, keep_tier, scope);
}

typedef struct WordCounts
{
	const char *const *words;
	int			nwords;
	int64	   *counts;
} WordCounts;

/* A row's count goes to the word that was asked for. */
static bool
keep_count(const Datum *values, const bool *isnull pg_attribute_unused(),
		   void *arg)
{
	WordCounts *wanted = (WordCounts *) arg;
	text	   *word = DatumGetTextPP(values[0]);
	int			len = VARSIZE_ANY_EXHDR(word);

	for (int i = 0; i < wanted->nwords; i++)
	{
		if (strlen(wanted->words[i]) == (size_t) len &&
			memcmp(wanted->words[i], VARDATA_ANY(word), len) == 0)
			wanted->counts[i] = DatumGetInt64(values[1]);
	}
	return true;
}

/*
 * How many rows have each of some words or signs.
 */
void
vv_count_words(const VvSearchScope *scope, const char *const *words, int nwords,
			   int64 *counts)
{
	WordCounts	wanted = {words, nwords, counts};
	Datum		args[2];

	memset(counts, 0, sizeof(int64) * nwords);
	if (nwords == 0)
		return;
	args[0] = scope->regions;
	args[1] = text_array(words, nwords);
	(void) vv_query_run(&counts_query, args, 0, keep_count, &wanted);
}

/* A row on its way to the action. */
typedef struct RowFilter
{
	const VvSearchScope *scope;
	VvSearchWork *work;
} RowFilter;

/* Is the region one of those that are searched? */
static bool
in_scope(const VvSearchScope *scope, text *region)
{
	int			len = VARSIZE_ANY_EXHDR(region);

	for (int i = 0; i < scope->ncodes; i++)
	{
		if (strlen(scope->codes[i]) == (size_t) len &&
			memcmp(scope->codes[i], VARDATA_ANY(region), len) == 0)
			return true;
	}
	return false;
}

/*
 * Offer one row to the action, if it is of the scope, and count what was
 * read.
 */
static bool
filter_row(const Datum *values, const bool *isnull pg_attribute_unused(),
		   void *arg)
{
	RowFilter  *filter = (RowFilter *) arg;
	VvSearchWork *work = filter->work;
	VvSearchRow row;

	work->read++;
	row.region = DatumGetTextPP(values[0]);
	row.video_id = DatumGetTextPP(values[1]);
	row.tier = DatumGetInt32(values[2]);
	row.category_id = DatumGetInt32(values[3]);
	row.channel_id = DatumGetTextPP(values[4]);
	row.language = DatumGetTextPP(values[5]);
	row.document = DatumGetTSVector(values[6]);
	if (in_scope(filter->scope, row.region) && work->action(&row, work->arg))
		work->counted++;
	return work->read < work->allowed;
}

/*
 * Hands the rows of a query that begins with VV_SEARCH_ROW_SQL to the action.
 */
void
vv_run_rows(VvQuery *query, const Datum *args, const VvSearchScope *scope,
			VvSearchWork *work)
{
	RowFilter	filter = {scope, work};

	CHECK_FOR_INTERRUPTS();
	(void) vv_query_run(query, args, 0, filter_row, &filter);
}

/*
 * Runs one query of the index. The setting that makes GIN forget rows must not
 * reach it.
 */
static void
ask_index(const VvSearchScope *scope, const char *lexemes, VvSearchWork *work)
{
	Datum		args[1];
	int			nest = -1;

	args[0] = DirectFunctionCall1(tsqueryin, CStringGetDatum(lexemes));
	if (GinFuzzySearchLimit != 0)
	{
		nest = NewGUCNestLevel();
		(void) set_config_option("gin_fuzzy_search_limit", "0", PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	}
	vv_run_rows(&rows_query, args, scope, work);
	if (nest >= 0)
		AtEOXact_GUC(true, nest);
}

/* All rows that have the lexemes; false where there are more than allowed. */
static bool
collect_all(const VvSearchScope *scope, const char *lexemes, VvSearchWork *work)
{
	int			left = work->allowed - work->read;
	VvSearchWork all = *work;

	all.read = 0;
	all.allowed = left + 1;
	ask_index(scope, scope->region == NULL ? lexemes :
			  psprintf("%s & '#%s'", lexemes, scope->codes[0]), &all);
	if (all.read > left)
		return false;
	work->read += all.read;
	work->counted = all.counted;
	return true;
}

/* Whether so few rows have the lexemes that all are read. */
static bool
few_enough(const VvSearchWork *work, int64 at_most, double about)
{
	/* the lists of low tiers are long: a few rows more cost less */
	return at_most <= READ_ALL * work->wanted ||
		about <= READ_ABOUT * work->wanted;
}

/*
 * Asks for the rows of the tiers from *tier down, as many tiers as should have
 * as many rows as aimed at; tells how many rows that should be.
 */
static double
ask_tiers(const VvSearchScope *scope, const char *lexemes, double about,
		  double aim, int *tier, VvSearchWork *work)
{
	StringInfoData block;
	double		expected = 0;

	initStringInfo(&block);
	if (lexemes != NULL)
		appendStringInfo(&block, "%s & ", lexemes);
	appendStringInfoChar(&block, '(');
	for (; *tier >= 0 && expected < aim; (*tier)--)
	{
		if (scope->tiers[*tier] == 0)
			continue;
		appendStringInfoString(&block, expected > 0 ? " | " : "");
		if (scope->region == NULL)
			appendStringInfo(&block, "'/%d'", *tier);
		else
			appendStringInfo(&block, "'#%s/%d'", scope->codes[0], *tier);
		expected += about * scope->tiers[*tier] / Max(scope->total, 1);
	}
	appendStringInfoChar(&block, ')');
	if (expected > 0)
		ask_index(scope, block.data, work);
	return expected;
}

/*
 * Hands rows that have the lexemes (a tsquery as text, in brackets where it
 * needs them; NULL for all rows) to the action: all of them where there are
 * at most few, else those of the highest tiers until enough of them counted.
 * About how many there are tells how far down to go at first; the tiers that
 * were read tell it better.
 */
void
vv_collect(const VvSearchScope *scope, const char *lexemes, int64 at_most,
		   double about, VvSearchWork *work)
{
	double		aim = work->wanted;
	int			tier = VV_TIERS - 1;

	if (lexemes != NULL && few_enough(work, at_most, about) &&
		collect_all(scope, lexemes, work))
		return;
	while (tier >= 0 && work->counted < work->wanted &&
		   work->read < work->allowed)
	{
		int			read = work->read;
		double		expected = ask_tiers(scope, lexemes, about, aim, &tier,
										 work);

		/* each step costs about as much as the whole: few are to do */
		read = work->read - read;
		aim *= 4;
		if (lexemes == NULL || expected < 1)
			continue;
		about *= Max(read, 1) / expected;
		aim = AIM_BEYOND * (work->wanted - work->counted);
		if (tier >= 0 && work->counted < work->wanted &&
			few_enough(work, at_most, about) &&
			collect_all(scope, lexemes, work))
			return;
	}
}

/*
 * The popularity of a row's video: its tier, as a share of the highest.
 */
double
vv_popularity(const VvSearchRow *row)
{
	return (double) row->tier / (VV_TIERS - 1);
}

/*
 * The entry of a document that is a lexeme; -1 where it has none.
 */
int
vv_find_lexeme(TSVector document, const char *lexeme, int len)
{
	WordEntry  *entries = ARRPTR(document);
	char	   *strings = STRPTR(document);
	int			low = 0;
	int			high = document->size;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int32		order;

		order = tsCompareString(unconstify(char *, lexeme), len,
								strings + entries[middle].pos,
								entries[middle].len, false);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return -1;
}

/*
 * Whether an entry begins so.
 */
bool
vv_entry_starts(TSVector document, int entry, const char *prefix, int len)
{
	WordEntry  *e = ARRPTR(document) + entry;

	return (int) e->len >= len &&
		memcmp(STRPTR(document) + e->pos, prefix, len) == 0;
}

/*
 * A lexeme as the text of a tsquery.
 */
char *
vv_quote_lexeme(const char *lexeme, int len)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoChar(&out, '\'');
	for (int i = 0; i < len; i++)
	{
		if (lexeme[i] == '\'' || lexeme[i] == '\\')
			appendStringInfoChar(&out, lexeme[i]);
		appendStringInfoChar(&out, lexeme[i]);
	}
	appendStringInfoChar(&out, '\'');
	return out.data;
}

/*
 * An empty set of videos, in the current memory context.
 */
HTAB *
vv_found_table(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = sizeof(((VvFoundVideo *) NULL)->video_id);
	ctl.entrysize = sizeof(VvFoundVideo);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create("vvault videos found", 1024, &ctl,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/*
 * Puts a row into the set; of a video's rows the one with the highest score
 * stays, of equals the first region's. Says whether its video is new.
 */
bool
vv_keep_found(HTAB *found, const VvSearchRow *row, double score)
{
	char		video_id[VV_WORD_MAX + 1];
	char		region[16];
	VvFoundVideo *video;
	bool		known;

	text_to_cstring_buffer(row->video_id, video_id, sizeof(video_id));
	text_to_cstring_buffer(row->region, region, sizeof(region));
	video = hash_search(found, video_id, HASH_ENTER, &known);
	if (known &&
		(video->score > score ||
		 (video->score == score &&
		  strcmp(video->region, region) <= 0)))
		return false;
	strcpy(video->region, region);
	video->score = score;
	return !known;
}

/* The best first, of equals the first by id. */
static int
compare_found(const void *a, const void *b)
{
	const VvFoundVideo *va = (const VvFoundVideo *) a;
	const VvFoundVideo *vb = (const VvFoundVideo *) b;

	if (va->score != vb->score)
		return va->score > vb->score ? -1 : 1;
	return strcmp(va->video_id, vb->video_id);
}

/*
 * The videos of a set, the highest score first, ties by video_id.
 */
VvFoundVideo *
vv_sort_found(HTAB *found, int *n)
{
	VvFoundVideo *videos;
	VvFoundVideo *video;
	HASH_SEQ_STATUS status;

	videos = palloc(sizeof(VvFoundVideo) * (hash_get_num_entries(found) + 1));
	*n = 0;
	hash_seq_init(&status, found);
	while ((video = hash_seq_search(&status)) != NULL)
		videos[(*n)++] = *video;
	qsort(videos, *n, sizeof(VvFoundVideo), compare_found);
	return videos;
}

typedef struct FoundPage
{
	StringInfo	out;
	const VvFoundVideo *videos;
	int			n;
	VvRegionLookup regions;
} FoundPage;

/* A row of the page as the feed shows a video, with its score. */
static bool
add_found(const Datum *values, const bool *isnull, void *arg)
{
	FoundPage  *page = (FoundPage *) arg;
	int64		place = DatumGetInt64(values[VV_VIDEO_COLUMNS]);

	appendStringInfoString(page->out, page->n++ > 0 ? ",{" : "{");
	vv_write_video(page->out, &page->regions, values, isnull);
	vv_json_key(page->out, "score");
	vv_json_float(page->out, page->videos[place - 1].score);
	appendStringInfoChar(page->out, '}');
	return true;
}

/*
 * Writes videos as a JSON array, each with its score; returns how many.
 */
int
vv_write_found(StringInfo out, const VvFoundVideo *videos, int n)
{
	FoundPage	page = {.out = out, .videos = videos};
	const char **regions = palloc(sizeof(char *) * Max(n, 1));
	const char **ids = palloc(sizeof(char *) * Max(n, 1));
	Datum		args[2];

	for (int i = 0; i < n; i++)
	{
		regions[i] = videos[i].region;
		ids[i] = videos[i].video_id;
	}
	args[0] = text_array(regions, n);
	args[1] = text_array(ids, n);
	appendStringInfoChar(out, '[');
	if (n > 0)
	{
		vv_region_lookup_begin(&page.regions);
		(void) vv_query_run(&page_query, args, 0, add_found, &page);
		vv_region_lookup_end(&page.regions);
	}
	appendStringInfoChar(out, ']');
	return page.n;
}
