/*-------------------------------------------------------------------------
 *
 * related.c
 *		Videos like a given one.
 *
 * The document of a video has all that likeness rests on: channel, tags,
 * words, category, language. Each of these is asked for in the index, for a
 * bounded number of the most viewed videos that have it; what comes up is then
 * compared with the given one as a whole.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/json_writer.h"
#include "core/query.h"
#include "feed/candidates.h"
#include "feed/facts.h"

PG_FUNCTION_INFO_V1(vvault_related);

#define DEFAULT_PAGE_SIZE	25

#define WANTED_ROWS		30		/* for each feature */
#define ALLOWED_ROWS	1000	/* that are looked at in all */
#define MAX_FEATURES	128
#define RARE_WORDS		6		/* of the title, that are asked for */

/* What likeness is worth; together 100. */
#define POINTS_CHANNEL		25
#define POINTS_TAGS			25
#define POINTS_TITLE		25
#define POINTS_CATEGORY		10
#define POINTS_LANGUAGE		5
#define POINTS_REGION		5
#define POINTS_POPULARITY	5

/* Its own document, as the region has it that observed it last. */
static VvQuery seed_query = {
	.sql = "SELECT s.document, r.regions FROM vvault.video_regions r"
	" CROSS JOIN LATERAL pg_catalog.unnest(r.regions) AS u(region)"
	" JOIN vvault.video_search s"
	" ON s.region OPERATOR(pg_catalog.=) u.region"
	" AND s.video_id OPERATOR(pg_catalog.=) r.video_id"
	" JOIN vvault.videos v"
	" ON v.region OPERATOR(pg_catalog.=) u.region"
	" AND v.video_id OPERATOR(pg_catalog.=) r.video_id"
	" WHERE r.video_id OPERATOR(pg_catalog.=) $1"
	" AND u.region OPERATOR(pg_catalog.=) ANY ($2)"
	" ORDER BY v.fetched_at DESC, v.region LIMIT 1",
	.nargs = 2, .argtypes = {TEXTOID, TEXTARRAYOID}, .index_probes = true,
};

/* A lexeme of the given video that others may share. */
typedef struct Feature
{
	const char *lexeme;
	int			len;
	int64		count;			/* rows that have it */
	double		weight;			/* of a word of the title */
} Feature;

/* The given video, taken apart. */
typedef struct Seed
{
	MemoryContext context;
	const char *video_id;
	TSVector	document;
	Datum		regions;		/* text[]; where it is listed */
	const SearchScope *scope;
	Feature		features[MAX_FEATURES];
	int			nfeatures;
	int			ntags;
	double		title_weight;	/* of all its words */
	HTAB	   *found;
} Seed;

static bool
keep_seed(const Datum *values, const bool *isnull pg_attribute_unused(),
		  void *arg)
{
	Seed	   *seed = (Seed *) arg;
	MemoryContext old = MemoryContextSwitchTo(seed->context);

	seed->document = DatumGetTSVectorCopy(values[0]);
	seed->regions = PointerGetDatum(DatumGetArrayTypePCopy(values[1]));
	MemoryContextSwitchTo(old);
	return false;
}

static bool
is_word(const char *lexeme)
{
	return strchr("!#/&+@=", lexeme[0]) == NULL;
}

/* A word of the title, not a stem nor a word of the channel's name alone. */
static bool
in_title(TSVector document, const WordEntry *entry)
{
	if (!entry->haspos)
		return false;
	for (int i = 0; i < POSDATALEN(document, entry); i++)
	{
		if (WEP_GETWEIGHT(POSDATAPTR(document, entry)[i]) == 3)
			return true;
	}
	return false;
}

/* Takes up what others may share: all but beginnings, tiers and regions. */
static void
list_features(Seed *seed)
{
	TSVector	document = seed->document;

	for (int i = 0; i < document->size && seed->nfeatures < MAX_FEATURES; i++)
	{
		WordEntry  *entry = ARRPTR(document) + i;
		const char *lexeme = STRPTR(document) + entry->pos;

		if (strchr("!#/", lexeme[0]) != NULL ||
			(is_word(lexeme) && !in_title(document, entry)))
			continue;
		seed->features[seed->nfeatures].lexeme = pnstrdup(lexeme, entry->len);
		seed->features[seed->nfeatures++].len = entry->len;
		if (lexeme[0] == '=')
			seed->ntags++;
	}
}

static void
weigh_features(Seed *seed)
{
	const char *names[MAX_FEATURES];
	int64		counts[MAX_FEATURES];

	for (int i = 0; i < seed->nfeatures; i++)
		names[i] = seed->features[i].lexeme;
	vv_count_words(seed->scope, names, seed->nfeatures, counts);
	for (int i = 0; i < seed->nfeatures; i++)
	{
		Feature    *feature = &seed->features[i];

		feature->count = counts[i];
		if (!is_word(feature->lexeme))
			continue;
		/* what every video has says nothing of any */
		feature->weight = log(1 + (double) seed->scope->total /
							  Max(feature->count, 1));
		seed->title_weight += feature->weight;
	}
}

/* The share of regions: whether the row's is one that lists the given video. */
static bool
region_shared(const Seed *seed, const SearchRow *row)
{
	Datum	   *regions;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(seed->regions), TEXTOID, -1, false,
					  TYPALIGN_INT, &regions, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		text	   *region = DatumGetTextPP(regions[i]);

		if (VARSIZE_ANY_EXHDR(region) == VARSIZE_ANY_EXHDR(row->region) &&
			memcmp(VARDATA_ANY(region), VARDATA_ANY(row->region),
				   VARSIZE_ANY_EXHDR(region)) == 0)
			return true;
	}
	return false;
}

static double
likeness(const Seed *seed, const SearchRow *row)
{
	double		points = 0;
	double		title = 0;
	int			tags = 0;

	for (int i = 0; i < seed->nfeatures; i++)
	{
		const Feature *feature = &seed->features[i];
		int			entry = vv_find_lexeme(row->document, feature->lexeme,
										   feature->len);

		if (entry < 0)
			continue;
		switch (feature->lexeme[0])
		{
			case '@':
				points += POINTS_CHANNEL;
				break;
			case '=':
				tags++;
				break;
			case '&':
				points += POINTS_CATEGORY;
				break;
			case '+':
				points += POINTS_LANGUAGE;
				break;
			default:
				if (in_title(row->document, ARRPTR(row->document) + entry))
					title += feature->weight;
		}
	}
	if (seed->ntags > 0)
		points += POINTS_TAGS * (double) tags / seed->ntags;
	if (seed->title_weight > 0)
		points += POINTS_TITLE * title / seed->title_weight;
	if (region_shared(seed, row))
		points += POINTS_REGION;
	return points + POINTS_POPULARITY *
		vv_popularity(row->document);
}

static bool
compare_row(const SearchRow *row, void *arg)
{
	Seed	   *seed = (Seed *) arg;

	if (strlen(seed->video_id) == VARSIZE_ANY_EXHDR(row->video_id) &&
		memcmp(seed->video_id, VARDATA_ANY(row->video_id),
			   VARSIZE_ANY_EXHDR(row->video_id)) == 0)
		return false;
	(void) vv_keep_found(seed->found, row, likeness(seed, row));
	return true;
}

/* Asks for rows that have some lexemes; allowed is what may yet be read. */
static void
ask(Seed *seed, const char *lexemes, int64 count, int *allowed)
{
	SearchWork	work = {compare_row, seed, WANTED_ROWS, *allowed, 0, 0};

	if (*allowed <= 0 || count == 0)
		return;
	vv_collect(seed->scope, lexemes, count, count, &work);
	*allowed -= work.read;
}

static int
compare_rarity(const void *a, const void *b)
{
	const Feature *fa = (const Feature *) a;
	const Feature *fb = (const Feature *) b;

	if (fa->count != fb->count)
		return fa->count < fb->count ? -1 : 1;
	return strcmp(fa->lexeme, fb->lexeme);
}

/*
 * Asks for channel, tags and the rarest words, the rare first. Those that
 * hardly anybody has go into one question.
 */
static void
ask_features(Seed *seed, int *allowed)
{
	StringInfoData rare;
	int64		rare_count = 0;
	int			words = 0;

	initStringInfo(&rare);
	qsort(seed->features, seed->nfeatures, sizeof(Feature), compare_rarity);
	for (int i = 0; i < seed->nfeatures; i++)
	{
		Feature    *feature = &seed->features[i];
		char	   *quoted = vv_quote_lexeme(feature->lexeme, feature->len);

		if (feature->lexeme[0] == '&' || feature->lexeme[0] == '+' ||
			(is_word(feature->lexeme) && words++ >= RARE_WORDS))
			continue;
		if (rare_count + feature->count <= WANTED_ROWS)
		{
			appendStringInfo(&rare, "%s%s", rare.len > 0 ? " | " : "",
							 quoted);
			rare_count += feature->count;
			continue;
		}
		ask(seed, quoted, feature->count, allowed);
	}
	if (rare_count > 0)
		ask(seed, psprintf("(%s)", rare.data), rare_count, allowed);
}

/* Asks for the category in that language, of which there are always some. */
static void
ask_category(Seed *seed, int *allowed)
{
	StringInfoData both;
	int64		count = seed->scope->total;

	initStringInfo(&both);
	for (int i = 0; i < seed->nfeatures; i++)
	{
		Feature    *feature = &seed->features[i];

		if (feature->lexeme[0] != '&' && feature->lexeme[0] != '+')
			continue;
		appendStringInfo(&both, "%s%s", both.len > 0 ? " & " : "",
						 vv_quote_lexeme(feature->lexeme, feature->len));
		count = Min(count, feature->count);
	}
	ask(seed, both.data, count, allowed);
}

/*
 * vvault_related(video_id text, page_size int DEFAULT 25) returns json
 *
 * Videos like the given one. NULL for NULL and for a video that no enabled
 * region lists; page_size 1 and up, cut to the page limit; 22023 for another.
 * Source: vvault.video_search, vvault.search_words and vvault.videos.
 */
Datum
vvault_related(PG_FUNCTION_ARGS)
{
	int			page_size = PG_ARGISNULL(1) ? DEFAULT_PAGE_SIZE : PG_GETARG_INT32(1);
	int			allowed = ALLOWED_ROWS;
	SearchScope scope;
	Seed		seed = {0};
	FoundVideo *videos;
	Datum		args[2];
	StringInfoData out;
	int			total;
	int			n;

	initStringInfo(&out);
	SPI_connect();
	page_size = vv_page_size(page_size);
	if (PG_ARGISNULL(0))
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	vv_open_scope(NULL, &scope);
	seed.context = CurrentMemoryContext;
	seed.scope = &scope;
	seed.video_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	seed.found = vv_found_table();
	args[0] = PG_GETARG_DATUM(0);
	args[1] = scope.regions;
	(void) vv_query_run(&seed_query, args, 1, keep_seed, &seed);
	if (seed.document == NULL)
	{
		SPI_finish();
		PG_RETURN_NULL();
	}
	list_features(&seed);
	weigh_features(&seed);
	ask_features(&seed, &allowed);
	ask_category(&seed, &allowed);
	videos = vv_sort_found(seed.found, &n);

	appendStringInfoChar(&out, '{');
	vv_json_key(&out, "video_id");
	vv_json_text(&out, seed.video_id, strlen(seed.video_id));
	vv_json_key(&out, "videos");
	total = vv_write_found(&out, videos, Min(page_size, n));
	vv_json_key(&out, "total");
	vv_json_int(&out, total);
	appendStringInfoChar(&out, '}');
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
