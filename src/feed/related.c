/*-------------------------------------------------------------------------
 *
 * related.c
 *		Videos like a given one.
 *
 * Likeness rests on channel, category, language, tags and words of the title.
 * The most viewed videos of the channel, and of the category in that
 * language, are read off two indexes in their order. Tags and words are asked
 * for together in one query of the GIN index, as many of the rarest as stay
 * below a bound: what many videos have says little of any. What comes up is
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
#include "reply/reply.h"
#include "site/settings.h"
#include "videos/source.h"

PG_FUNCTION_INFO_V1(vvault_related);

#define MATE_ROWS		100		/* of the channel, and of the category */
#define RARE_ROWS		500		/* that have one of the rare tags and words */
#define PAIR_ROWS		5000	/* that have the rarer one of two */
#define MAX_FEATURES	128

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
	.sql = "SELECT s.document, s.category_id, s.channel_id, s.language,"
	" r.regions FROM vvault.video_regions r"
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

static VvQuery channel_query = {
	.sql = VV_SEARCH_ROW_SQL
	" WHERE s.channel_id OPERATOR(pg_catalog.=) $1"
	" ORDER BY s.tier DESC, s.video_id LIMIT $2",
	.nargs = 2, .argtypes = {TEXTOID, INT8OID}, .index_order = true,
};

static VvQuery category_query = {
	.sql = VV_SEARCH_ROW_SQL
	" WHERE s.category_id OPERATOR(pg_catalog.=) $1"
	" AND s.language OPERATOR(pg_catalog.=) $2"
	" ORDER BY s.tier DESC, s.video_id LIMIT $3",
	.nargs = 3, .argtypes = {INT4OID, TEXTOID, INT8OID}, .index_order = true,
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
	const char *video_id;
	TSVector	document;
	int			category_id;
	text	   *channel_id;
	text	   *language;
	Datum	   *regions;		/* texts; where it is listed */
	int			nregions;
	const VvSearchScope *scope;
	Feature		features[MAX_FEATURES];
	int			nfeatures;
	int			ntags;
	double		title_weight;	/* of all its words */
	HTAB	   *found;
} Seed;

/*
 * The columns of seed_query: what is known of the video that others are
 * compared with.
 */
static void
read_seed(const VvRow *row, Seed *seed)
{
	seed->document = DatumGetTSVector(row->values[0]);
	seed->category_id = DatumGetInt32(row->values[1]);
	seed->channel_id = DatumGetTextPP(row->values[2]);
	seed->language = DatumGetTextPP(row->values[3]);
	deconstruct_array(DatumGetArrayTypeP(row->values[4]), TEXTOID, -1, false,
					  TYPALIGN_INT, &seed->regions, NULL, &seed->nregions);
}

/* Is the lexeme a word, and not a sign of a channel, tag or the like? */
static bool
is_word(const char *lexeme)
{
	return strchr("#/+=\"", lexeme[0]) == NULL;
}

/*
 * A word of the title as it is written there, neither a stem nor a word of
 * the channel's name alone.
 */
static bool
in_title(TSVector document, const WordEntry *entry)
{
	if (!entry->haspos)
		return false;
	for (int i = 0; i < POSDATALEN(document, entry); i++)
	{
		if (WEP_GETWEIGHT(POSDATAPTR(document, entry)[i]) == VV_IN_TITLE)
			return true;
	}
	return false;
}

/* Takes up the tags and the words of the title. */
static void
list_features(Seed *seed)
{
	TSVector	document = seed->document;

	for (int i = 0; i < document->size && seed->nfeatures < MAX_FEATURES; i++)
	{
		WordEntry  *entry = ARRPTR(document) + i;
		const char *lexeme = STRPTR(document) + entry->pos;

		if (lexeme[0] != '=' &&
			!(is_word(lexeme) && in_title(document, entry)))
			continue;
		seed->features[seed->nfeatures].lexeme = pnstrdup(lexeme, entry->len);
		seed->features[seed->nfeatures++].len = entry->len;
		if (lexeme[0] == '=')
			seed->ntags++;
	}
}

/*
 * What each feature is worth: a word of the title the more, the fewer videos
 * have it.
 */
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

/* Equal, byte by byte. */
static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Both are known and equal. */
static bool
shared_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) > 0 && same_text(a, b);
}

/* Whether the row's region is one that lists the given video. */
static bool
region_shared(const Seed *seed, const VvSearchRow *row)
{
	for (int i = 0; i < seed->nregions; i++)
	{
		if (same_text(DatumGetTextPP(seed->regions[i]), row->region))
			return true;
	}
	return false;
}

/* The score of a video beside the seed, from 0 to 100. */
static double
likeness(const Seed *seed, const VvSearchRow *row)
{
	double		points = POINTS_POPULARITY * vv_popularity(row);
	double		title = 0;
	int			tags = 0;

	for (int i = 0; i < seed->nfeatures; i++)
	{
		const Feature *feature = &seed->features[i];
		int			entry = vv_find_lexeme(row->document, feature->lexeme,
										   feature->len);

		if (entry < 0)
			continue;
		if (feature->lexeme[0] == '=')
			tags++;
		else if (in_title(row->document, ARRPTR(row->document) + entry))
			title += feature->weight;
	}
	if (seed->ntags > 0)
		points += POINTS_TAGS * (double) tags / seed->ntags;
	if (seed->title_weight > 0)
		points += POINTS_TITLE * title / seed->title_weight;
	if (shared_text(seed->channel_id, row->channel_id))
		points += POINTS_CHANNEL;
	if (seed->category_id == row->category_id)
		points += POINTS_CATEGORY;
	if (shared_text(seed->language, row->language))
		points += POINTS_LANGUAGE;
	if (region_shared(seed, row))
		points += POINTS_REGION;
	return points;
}

/* Keep a row with its likeness, but not the video itself. */
static bool
compare_row(const VvSearchRow *row, void *arg)
{
	Seed	   *seed = (Seed *) arg;

	if (strlen(seed->video_id) == VARSIZE_ANY_EXHDR(row->video_id) &&
		memcmp(seed->video_id, VARDATA_ANY(row->video_id),
			   VARSIZE_ANY_EXHDR(row->video_id)) == 0)
		return false;
	(void) vv_keep_found(seed->found, row, likeness(seed, row));
	return true;
}

/* The rarest first. */
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
 * Looks at the videos that have one of the rarest tags and words, or, where
 * all are common, the two rarest.
 */
static void
look_at_rare(Seed *seed)
{
	VvSearchWork work = {compare_row, seed, RARE_ROWS, RARE_ROWS + 1, 0, 0};
	StringInfoData lexemes;
	int64		count = 0;
	int			n = 0;

	initStringInfo(&lexemes);
	qsort(seed->features, seed->nfeatures, sizeof(Feature), compare_rarity);
	for (; n < seed->nfeatures; n++)
	{
		Feature    *feature = &seed->features[n];

		if (count + feature->count > RARE_ROWS)
			break;
		count += feature->count;
		appendStringInfo(&lexemes, "%s%s", n > 0 ? " | " : "",
						 vv_quote_lexeme(feature->lexeme, feature->len));
	}
	if (n == 0 && seed->nfeatures > 1 && seed->features[0].count <= PAIR_ROWS)
		appendStringInfo(&lexemes, "%s & %s",
						 vv_quote_lexeme(seed->features[0].lexeme,
										 seed->features[0].len),
						 vv_quote_lexeme(seed->features[1].lexeme,
										 seed->features[1].len));
	if (lexemes.len > 0)
		vv_collect(seed->scope, lexemes.data, RARE_ROWS, RARE_ROWS, &work);
}

/* Looks at the most viewed videos of the channel. */
static void
look_at_channel(Seed *seed)
{
	VvSearchWork work = {compare_row, seed, MATE_ROWS, MATE_ROWS, 0, 0};
	Datum		args[2] = {PointerGetDatum(seed->channel_id), Int64GetDatum(MATE_ROWS)};

	if (VARSIZE_ANY_EXHDR(seed->channel_id) > 0)
		vv_run_rows(&channel_query, args, seed->scope, &work);
}

/* Looks at the most viewed videos of the category in that language. */
static void
look_at_category(Seed *seed)
{
	VvSearchWork work = {compare_row, seed, MATE_ROWS, MATE_ROWS, 0, 0};
	Datum		args[3] = {
		Int32GetDatum(seed->category_id), PointerGetDatum(seed->language),
		Int64GetDatum(MATE_ROWS)
	};

	vv_run_rows(&category_query, args, seed->scope, &work);
}

/* The reply of vvault_related. */
static bool
write_related(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			page_size = vv_page_size(PG_ARGISNULL(1) ? VV_DEFAULT_PAGE_SIZE :
										 PG_GETARG_INT32(1));
	VvSearchScope scope;
	Seed		seed = {.scope = &scope};
	VvFoundVideo *videos;
	VvRow		row;
	Datum		args[2];
	int			total;
	int			n;

	if (PG_ARGISNULL(0))
		return false;
	if (vv_reply_is_known(reply, vv_setting_int("feed_max_age"), 0, 0))
		return true;
	vv_open_scope(NULL, &scope);
	seed.video_id = text_to_cstring(PG_GETARG_TEXT_PP(0));
	seed.found = vv_found_table();
	args[0] = PG_GETARG_DATUM(0);
	args[1] = scope.regions;
	if (!vv_query_row(&seed_query, args, &row))
		return false;
	read_seed(&row, &seed);
	list_features(&seed);
	weigh_features(&seed);
	look_at_channel(&seed);
	look_at_category(&seed);
	look_at_rare(&seed);
	videos = vv_sort_found(seed.found, &n);

	appendStringInfoChar(out, '{');
	vv_json_key(out, "video_id");
	vv_json_text(out, seed.video_id, strlen(seed.video_id));
	vv_json_key(out, "videos");
	total = vv_write_found(out, videos, Min(page_size, n));
	vv_json_key(out, "total");
	vv_json_int(out, total);
	appendStringInfoChar(out, '}');
	return true;
}

static const VvReplier related = {
	.name = "vvault_related",
	.source = &vv_feeds,
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
	.write = write_related,
};

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
	return vv_reply(fcinfo, &related);
}
