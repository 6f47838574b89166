/*-------------------------------------------------------------------------
 *
 * search_steps.h
 *		A search under way, and its steps.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEARCH_STEPS_H
#define VVAULT_SEARCH_STEPS_H

#include "core/compat.h"

#include "nodes/pg_list.h"
#include "tsearch/ts_type.h"
#include "utils/hsearch.h"

#include "feed/candidates.h"
#include "feed/search_query.h"

typedef struct VvSearch
{
	VvSearchScope scope;
	VvParsedQuery query;
	const char *language;		/* code, NULL for any */
	const char *pasted_id;		/* that the query may be, or names */
	bool		address;		/* of a page: no words */
	bool		id_found;
	HTAB	   *found;
} VvSearch;

extern double vv_score_document(TSVector document, List *branches);
extern void vv_expand_unit(VvSearch *search, VvQueryUnit *unit);
extern bool vv_correct_query(VvSearch *search);

#endif							/* VVAULT_SEARCH_STEPS_H */
