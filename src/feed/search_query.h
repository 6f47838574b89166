/*-------------------------------------------------------------------------
 *
 * search_query.h
 *		What somebody searches for, taken apart.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEARCH_QUERY_H
#define VVAULT_SEARCH_QUERY_H

#include "core/compat.h"

#include "nodes/pg_list.h"

#include "videos/search.h"

#define VV_QUERY_MAX_BYTES	1000
#define VV_QUERY_MAX_WORDS	64

/* One thing that a video must have, or must not. */
typedef struct VvQueryUnit
{
	bool		negated;
	bool		quoted;			/* these words, in this order, as written */
	bool		last;			/* a word that may not be finished yet */
	bool		ignored;		/* a picture that no video has */
	int			nwords;
	VvWord	   *words;			/* those of the query that are its own */
	List	   *joined;			/* char *, one word of it and its neighbours */
	List	   *joined_by_sign; /* VvWord *, those of them that signs join */
	List	   *stems;			/* char *, of a word that is not quoted */
	List	   *completions;	/* char *, of the last word */
	int64		ncompleted;		/* rows that have one */
	bool		common;			/* too many words begin so to name them */
	int64		count;			/* about how many rows have the unit */
	List	   *corrections;	/* char *, of a word that nothing has */
} VvQueryUnit;

/* What stands between two ORs: all its units must be met. */
typedef struct VvQueryBranch
{
	List	   *units;			/* VvQueryUnit * */
} VvQueryBranch;

typedef struct VvParsedQuery
{
	List	   *branches;		/* VvQueryBranch *; none: nothing to look for */
	const char *title;			/* sign of a title that is all of the query */
	const char *marked_title;	/* the same where a minus stands in it */
} VvParsedQuery;

extern void vv_parse_query(const char *folded, VvParsedQuery *query);
extern char *vv_pasted_id(const char *q, int len, bool *address);

#endif							/* VVAULT_SEARCH_QUERY_H */
