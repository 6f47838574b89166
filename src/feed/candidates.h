/*-------------------------------------------------------------------------
 *
 * candidates.h
 *		Videos that have some words, the most viewed first, in bounded work.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_CANDIDATES_H
#define VVAULT_CANDIDATES_H

#include "core/compat.h"

#include "tsearch/ts_type.h"
#include "utils/array.h"
#include "utils/hsearch.h"

#include "core/query.h"
#include "videos/search.h"

/* The regions that are looked at, and how their videos spread over tiers. */
typedef struct VvSearchScope
{
	text	   *region;			/* the only one, NULL for all enabled */
	const char **codes;
	int			ncodes;
	Datum		regions;		/* the same, text[] */
	int64		tiers[VV_TIERS];
	int64		total;			/* their sum */
} VvSearchScope;

/* A row of vvault.video_search. */
typedef struct VvSearchRow
{
	text	   *region;
	text	   *video_id;
	int			tier;
	int			category_id;
	text	   *channel_id;
	text	   *language;
	TSVector	document;
} VvSearchRow;

/* A query of such rows; WHERE follows. */
#define VV_SEARCH_ROW_SQL \
	"SELECT s.region, s.video_id, s.tier, s.category_id, s.channel_id," \
	" s.language, s.document" \
	" FROM vvault.video_search s"

/* Called for each row; says whether it counts. */
typedef bool (*VvSearchAction) (const VvSearchRow *row, void *arg);

/* What is to be collected, and what it has cost so far. */
typedef struct VvSearchWork
{
	VvSearchAction action;
	void	   *arg;
	int			wanted;			/* rows that count, after which to stop */
	int			allowed;		/* rows that may be read */
	int			counted;
	int			read;
} VvSearchWork;

/* A video found: its best row. */
typedef struct VvFoundVideo
{
	char		video_id[VV_WORD_MAX + 1];	/* hash key; must be first */
	char		region[16];
	double		score;
} VvFoundVideo;

extern void vv_open_scope(text *region, VvSearchScope *scope);
extern void vv_count_words(const VvSearchScope *scope, const char *const *words,
						   int nwords, int64 *counts);
extern void vv_collect(const VvSearchScope *scope, const char *lexemes,
					   int64 at_most, double about, VvSearchWork *work);
extern void vv_run_rows(VvQuery *query, const Datum *args,
						const VvSearchScope *scope, VvSearchWork *work);
extern double vv_popularity(const VvSearchRow *row);
extern int	vv_find_lexeme(TSVector document, const char *lexeme, int len);
extern bool vv_entry_starts(TSVector document, int entry, const char *prefix,
							int len);
extern char *vv_quote_lexeme(const char *lexeme, int len);
extern HTAB *vv_found_table(void);
extern bool vv_keep_found(HTAB *found, const VvSearchRow *row, double score);
extern VvFoundVideo *vv_sort_found(HTAB *found, int *n);
extern int	vv_write_found(StringInfo out, const VvFoundVideo *videos, int n);

#endif							/* VVAULT_CANDIDATES_H */
