/*-------------------------------------------------------------------------
 *
 * source.h
 *		What replies are made of: tables whose every change gives a scope, a
 *		region or a video, a new version in the same transaction.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SOURCE_H
#define VVAULT_SOURCE_H

#include "core/compat.h"

#include "utils/relcache.h"

#include "reply/store.h"

/* A function that computing calls, which not everybody may. */
typedef struct VvHelper
{
	const char *name;			/* in the source's schema; NULL ends a list */
	int			nargs;
	Oid			argtypes[2];
} VvHelper;

/*
 * Described once, beside its tables, in static memory, and registered when the
 * library is loaded.
 *
 * The table of versions has three columns first: the scope, who gave the
 * version (text) and the version (uuid); the first two are its primary key.
 */
typedef struct VvSource
{
	const char *schema;
	const char *scope;			/* name of the scope's column */
	Oid			scope_type;		/* text, uuid or bigint */
	const char *const *tables;	/* also views, that of versions first; NULL
								 * ends them */
	const VvHelper *helpers;	/* NULL for none */
	const char *common_scope;	/* a text scope whose versions belong to the
								 * tag of every scope; NULL for none */

	/* set when registered */
	int			number;			/* from 1 */
	struct VvKnownSource *known;
	struct VvQuery *scope_query;	/* of its versions, once they were needed */
	struct VvQuery *all_query;
} VvSource;

extern PGDLLEXPORT void vv_register_source(VvSource *source);
extern VvSource *vv_source_numbered(int number);
extern VvSource *vv_source_of(const char *schema);

extern Relation vv_open_versions(VvSource *source, Oid *index);
extern Relation vv_open_plain_rows(VvSource *source, const char *name,
								   Oid *index);
extern Relation vv_open_plain_table(VvSource *source, const char *name,
									Relation *index);
extern uint64 vv_source_shape(const VvSource *source);
extern VvBypass vv_sharing_problem(VvSource *source);
extern VvBypass vv_calling_problem(VvSource *source);

#endif							/* VVAULT_SOURCE_H */
