/*-------------------------------------------------------------------------
 *
 * compat.h
 *		Every difference between PostgreSQL versions, in one place.
 *
 * Tested: 15, 17, 18 and what there is of 19; 16 compiles by the same shims.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_COMPAT_H
#define VVAULT_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "access/tableam.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "lib/stringinfo.h"
#include "storage/lwlock.h"
#include "utils/acl.h"
#include "utils/json.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 150000
#error "vvault needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Segments of shared memory that can be had at run time, by name */
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#define HAVE_NAMED_SEGMENTS 1
#endif

/* What Unicode says of characters, whatever the locale of the database */
#if PG_VERSION_NUM >= 170000
#include "common/unicode_case.h"
#include "common/unicode_category.h"
#define HAVE_UNICODE_CATEGORY 1
#endif

#ifndef USE_FLOAT8_BYVAL
#error "vvault needs a server with 64-bit values"
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/*
 * From 16 on the actions of the JSON parser say whether to go on.
 */
#if PG_VERSION_NUM >= 160000
typedef JsonParseErrorType VvJsonActionResult;
#define VV_JSON_ACTION_DONE	return JSON_SUCCESS
#else
typedef void VvJsonActionResult;
#define VV_JSON_ACTION_DONE	return
#endif

/* A lexer over text that needs no terminating zero. */
static inline JsonLexContext *
vv_json_lexer(char *json, int len, int encoding)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, len, encoding, true);
#else
	return makeJsonLexContextCstringLen(json, len, encoding, true);
#endif
}

/*
 * Infinite intervals and read-only StringInfos came with 17.
 */
#if PG_VERSION_NUM < 170000
#define INTERVAL_NOT_FINITE(i) ((void) (i), false)

static inline void
initReadOnlyStringInfo(StringInfo str, char *data, int len)
{
	str->data = data;
	str->len = len;
	str->maxlen = 0;
	str->cursor = 0;
}
#endif

/* What pg_stat_activity shows of a process that waits; a file has one name. */
static inline uint32
vv_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	static uint32 event = 0;

	if (event == 0)
		event = WaitEventExtensionNew(name);
	return event;
#else
	(void) name;
	return PG_WAIT_EXTENSION;
#endif
}

/* Whether a user may look into a schema. */
static inline bool
vv_may_use_schema(Oid schema, Oid user)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, schema, user,
						   ACL_USAGE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(schema, user, ACL_USAGE) == ACLCHECK_OK;
#endif
}

/* Whether a user may call a function. */
static inline bool
vv_may_execute(Oid function, Oid user)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, user,
						   ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, user, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* Ends the making of a description of columns. */
static inline void
vv_tuple_desc_complete(TupleDesc columns)
{
#if PG_VERSION_NUM >= 190000
	TupleDescFinalize(columns);
#else
	(void) columns;
#endif
}

/* Begins a scan that only reads. */
static inline IndexScanDesc
vv_index_beginscan(Relation table, Relation index, Snapshot snapshot,
				   int nkeys)
{
#if PG_VERSION_NUM >= 190000
	return index_beginscan(table, index, snapshot, NULL, nkeys, 0, SO_NONE);
#elif PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(table, index, snapshot, nkeys, 0);
#endif
}

/*
 * Updates a row, waiting for who has locked it; *needs_entries says whether its
 * indexes, all of them b-trees, need new entries.
 */
static inline TM_Result
vv_table_tuple_update(Relation table, ItemPointer tid, TupleTableSlot *slot,
					  CommandId cid, Snapshot snapshot, bool *needs_entries)
{
	TM_FailureData failure;
	LockTupleMode mode;
	TM_Result	result;
#if PG_VERSION_NUM >= 160000
	TU_UpdateIndexes indexes = TU_None;

#if PG_VERSION_NUM >= 190000
	result = table_tuple_update(table, tid, slot, cid, 0, snapshot, InvalidSnapshot,
								true, &failure, &mode, &indexes);
#else
	result = table_tuple_update(table, tid, slot, cid, snapshot, InvalidSnapshot,
								true, &failure, &mode, &indexes);
#endif
	*needs_entries = indexes != TU_None;
#else
	*needs_entries = false;
	result = table_tuple_update(table, tid, slot, cid, snapshot, InvalidSnapshot,
								true, &failure, &mode, needs_entries);
#endif
	return result;
}

/* Deletes a row, waiting for who has locked it. */
static inline TM_Result
vv_table_tuple_delete(Relation table, ItemPointer tid, CommandId cid,
					  Snapshot snapshot)
{
	TM_FailureData failure;

	/* from 19 on its last argument, that a partition changes, is an option */
#if PG_VERSION_NUM >= 190000
	return table_tuple_delete(table, tid, cid, 0, snapshot, InvalidSnapshot, true,
							  &failure);
#else
	return table_tuple_delete(table, tid, cid, snapshot, InvalidSnapshot, true,
							  &failure, false);
#endif
}

/* Begins to fetch rows whose places are known. */
static inline IndexFetchTableData *
vv_index_fetch_begin(Relation table)
{
#if PG_VERSION_NUM >= 190000
	return table_index_fetch_begin(table, SO_NONE);
#else
	return table_index_fetch_begin(table);
#endif
}

/*
 * A number for locks of a kind. From 19 on it has its name for all backends;
 * before, each backend names it.
 */
static inline int
vv_new_tranche(const char *name)
{
#if PG_VERSION_NUM >= 190000
	return LWLockNewTrancheId(name);
#else
	(void) name;
	return LWLockNewTrancheId();
#endif
}

/* From 19 on a tranche has its name from when it is made. */
static inline void
vv_name_tranche(int tranche, const char *name)
{
#if PG_VERSION_NUM >= 190000
	(void) tranche;
	(void) name;
#else
	LWLockRegisterTranche(tranche, name);
#endif
}

#ifdef HAVE_NAMED_SEGMENTS

/* What initializes a named segment */
#if PG_VERSION_NUM >= 190000
#define VV_SEGMENT_INIT_ARGS void *memory, void *arg pg_attribute_unused()
#else
#define VV_SEGMENT_INIT_ARGS void *memory
#endif

/* The segment of that name; whoever asks first makes and initializes it. */
static inline void *
vv_named_segment(const char *name, Size size,
				 void (*init) (VV_SEGMENT_INIT_ARGS), bool *found)
{
#if PG_VERSION_NUM >= 190000
	return GetNamedDSMSegment(name, size, init, found, NULL);
#else
	return GetNamedDSMSegment(name, size, init, found);
#endif
}
#endif


/* A slot of logical decoding, by the SQL function; from 17 on it has one more argument. */
#if PG_VERSION_NUM >= 170000
#define VV_CREATE_SLOT(name, plugin) \
	OidFunctionCall5(F_PG_CREATE_LOGICAL_REPLICATION_SLOT, (name), (plugin), \
					 BoolGetDatum(false), BoolGetDatum(false), BoolGetDatum(false))
#else
#define VV_CREATE_SLOT(name, plugin) \
	OidFunctionCall4(F_PG_CREATE_LOGICAL_REPLICATION_SLOT, (name), (plugin), \
					 BoolGetDatum(false), BoolGetDatum(false))
#endif

#endif							/* VVAULT_COMPAT_H */
