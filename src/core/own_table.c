/*-------------------------------------------------------------------------
 *
 * own_table.c
 *		Rows of an extension's own table, written without a plan.
 *
 * What the executor does around a row that is written costs several times what
 * the row and its index entries cost: it starts anew with each statement. Where
 * a table is what the extension's script made, and its owner has added nothing
 * but plain indexes, a row is handed to the table and to its indexes right
 * here. All else (triggers, constraints, further columns, row-level security,
 * other kinds of indexes) is left to SQL: vv_open_own_table() says so, and
 * vv_may_write_own_row() of a row for which a trigger's WHEN is true. As with
 * index_scan.c no right is asked for.
 *
 * A row is stored without the columns at its end that are NULL, as if they had
 * been added to the table later: that saves their part of the header, or all of
 * it. So columns that are seldom set stand last.
 *
 * What is looked up of a table, the predicates of its indexes among it, is
 * remembered until something about the table or an index changes. Whoever
 * changes that waits for those who have the table open for writing.
 *
 *-------------------------------------------------------------------------
 */
#include "core/own_table.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"
#include "rewrite/prs2lock.h"
#include "rewrite/rewriteManip.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/same_version.h"

#define MAX_TABLES		8
#define MAX_TRIES		3
#define MAX_CONDITIONS	4

typedef struct KnownIndex
{
	Oid			oid;
	char	   *name;
	IndexInfo  *info;
	ExprState  *predicate;		/* NULL: all rows */
} KnownIndex;

/* When a trigger for each row fires. */
typedef struct Condition
{
	int16		type;			/* of the trigger */
	ExprState  *when;
} Condition;

typedef struct VvKnownTable
{
	bool		valid;			/* nothing has changed since */
	uint64		nchanges;
	bool		plain;			/* rows may be written here */
	bool		has_insert_triggers;	/* but for those with a condition */
	bool		has_update_triggers;
	bool		has_delete_triggers;
	int			nconditions;
	Condition	conditions[MAX_CONDITIONS];
	Oid			oid;
	MemoryContext context;		/* of what follows, and conditions */
	int			nleast;			/* columns that each row must have */
	TupleDesc	heads[VV_OWN_TABLE_MAX_COLUMNS + 1];	/* of so many columns */
	ExprContext *expressions;
	int			nindexes;
	KnownIndex	indexes[VV_OWN_TABLE_MAX_INDEXES];
} VvKnownTable;

static VvKnownTable *known_tables[MAX_TABLES];
static int	nknown_tables = 0;

/* Is the relation the table, or an index of it? */
static bool
is_of(const VvKnownTable *known, Oid relation)
{
	if (relation == InvalidOid || relation == known->oid)
		return true;
	for (int i = 0; i < known->nindexes; i++)
	{
		if (known->indexes[i].oid == relation)
			return true;
	}
	return false;
}

/* Something about a relation changed, about all where it is InvalidOid. */
static void
relation_changed(Datum arg pg_attribute_unused(), Oid relation)
{
	for (int i = 0; i < nknown_tables; i++)
	{
		if (!is_of(known_tables[i], relation))
			continue;
		known_tables[i]->valid = false;
		known_tables[i]->nchanges++;
	}
}

/* The place for what is known of a table. */
static VvKnownTable *
known_of(VvOwnTable *own)
{
	if (own->known != NULL)
		return own->known;
	if (nknown_tables == MAX_TABLES)
		elog(ERROR, "too many tables to know");
	if (nknown_tables == 0)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	own->known = MemoryContextAllocZero(TopMemoryContext, sizeof(VvKnownTable));
	known_tables[nknown_tables++] = own->known;
	return own->known;
}

/* Are the columns those that the script makes? */
static bool
has_own_columns(const VvOwnTable *own, TupleDesc columns)
{
	if (columns->natts != own->ncolumns)
		return false;
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->attisdropped || column->attgenerated != '\0' ||
			column->atttypid != own->columns[i].type ||
			strcmp(NameStr(column->attname), own->columns[i].name) != 0)
			return false;
	}
	return true;
}

/* Is a row of the table nobody's business but that of its indexes? */
static bool
is_plain(const VvOwnTable *own, Relation table)
{
	TupleConstr *constraints = RelationGetDescr(table)->constr;

	return table->rd_rel->relkind == RELKIND_RELATION &&
		!table->rd_rel->relhassubclass && !table->rd_rel->relispartition &&
		!table->rd_rel->relrowsecurity && !table->rd_rel->relforcerowsecurity &&
		table->rd_rules == NULL &&
		(constraints == NULL || constraints->num_check == 0) &&
		has_own_columns(own, RelationGetDescr(table));
}

/* A function that is not the server's own may do anything. */
static bool
is_foreign(Oid function, void *arg pg_attribute_unused())
{
	return function >= FirstNormalObjectId;
}

/* Does an expression call such a function? */
static bool
calls_foreign(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_foreign, arg) ||
		expression_tree_walker(node, calls_foreign, arg);
}

/*
 * Looks up an index of the table; false where its entries are not to be written
 * here.
 */
static bool
look_up_index(VvKnownTable *known, Oid oid)
{
	Relation	index = index_open(oid, AccessShareLock);
	KnownIndex *place = &known->indexes[known->nindexes];
	bool		plain = index->rd_rel->relam == BTREE_AM_OID &&
	index->rd_index->indimmediate && !index->rd_index->indisexclusion &&
	RelationGetIndexExpressions(index) == NIL &&
	!calls_foreign((Node *) RelationGetIndexPredicate(index), NULL);

	if (plain)
	{
		place->oid = oid;
		place->name = pstrdup(RelationGetRelationName(index));
		place->info = BuildIndexInfo(index);
		place->predicate = ExecInitQual(place->info->ii_Predicate, NULL);
		known->nindexes++;
	}
	index_close(index, AccessShareLock);
	return plain;
}

/* Looks up all indexes; false where one is not plain. */
static bool
look_up_indexes(VvKnownTable *known, Relation table)
{
	List	   *indexes = RelationGetIndexList(table);
	ListCell   *cell;
	bool		plain = list_length(indexes) <= VV_OWN_TABLE_MAX_INDEXES;

	foreach(cell, indexes)
	{
		if (plain)
			plain = look_up_index(known, lfirst_oid(cell));
	}
	list_free(indexes);
	return plain;
}

/*
 * Looks up when a trigger fires, if it is for each row and has a condition.
 */
static bool
look_up_condition(VvKnownTable *known, const Trigger *trigger)
{
	Condition  *place = &known->conditions[known->nconditions];
	Node	   *when;

	if (!TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgqual == NULL ||
		known->nconditions == MAX_CONDITIONS)
		return false;
	when = (Node *) expression_planner((Expr *) stringToNode(trigger->tgqual));
	if (calls_foreign(when, NULL))
		return false;
	ChangeVarNodes(when, PRS2_OLD_VARNO, INNER_VAR, 0);
	ChangeVarNodes(when, PRS2_NEW_VARNO, OUTER_VAR, 0);
	place->type = trigger->tgtype;
	place->when = ExecInitQual(make_ands_implicit((Expr *) when), NULL);
	known->nconditions++;
	return true;
}

/* Looks up for what there are triggers. */
static void
look_up_triggers(VvKnownTable *known, const TriggerDesc *triggers)
{
	known->has_insert_triggers = false;
	known->has_update_triggers = false;
	known->has_delete_triggers = false;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (look_up_condition(known, trigger))
			continue;
		known->has_insert_triggers |= TRIGGER_FOR_INSERT(trigger->tgtype) != 0;
		known->has_update_triggers |= TRIGGER_FOR_UPDATE(trigger->tgtype) != 0;
		known->has_delete_triggers |= TRIGGER_FOR_DELETE(trigger->tgtype) != 0;
	}
}

/*
 * How many columns each row must have: what a row lacks of the others is NULL,
 * not a value for all rows that were there before the column.
 */
static int
count_least(TupleDesc columns)
{
	int			nleast = columns->natts;

	while (nleast > 1 && !TupleDescAttr(columns, nleast - 1)->atthasmissing)
		nleast--;
	return nleast;
}

/* Looks up what belongs to the table, in memory that lasts. */
static bool
look_up_parts(VvKnownTable *known, Relation table)
{
	MemoryContext old;
	bool		plain;

	known->nindexes = 0;
	known->nconditions = 0;
	known->nleast = count_least(RelationGetDescr(table));
	memset(known->heads, 0, sizeof(known->heads));
	if (known->context == NULL)
		known->context = AllocSetContextCreate(TopMemoryContext, "vvault table",
											   ALLOCSET_SMALL_SIZES);
	MemoryContextReset(known->context);
	old = MemoryContextSwitchTo(known->context);
	known->expressions = CreateStandaloneExprContext();
	look_up_triggers(known, table->trigdesc);
	plain = look_up_indexes(known, table);
	MemoryContextSwitchTo(old);
	return plain;
}

/* Looks up an open table; it is known unless something comes in meanwhile. */
static void
look_up(const VvOwnTable *own, VvKnownTable *known, Relation table)
{
	uint64		before = known->nchanges;

	known->plain = is_plain(own, table) && look_up_parts(known, table);
	known->valid = known->nchanges == before;
}

/* Opens the table, and looks it up where that is to be done. */
static Relation
open_known(VvOwnTable *own, VvKnownTable *known)
{
	for (int tries = 0; tries < MAX_TRIES; tries++)
	{
		Relation	table;

		if (!known->valid)
			known->oid = get_relname_relid(own->name, get_namespace_oid(own->schema, false));
		/* taking the lock lets news of other sessions in */
		table = OidIsValid(known->oid) ?
			try_table_open(known->oid, RowExclusiveLock) : NULL;
		if (table != NULL && !known->valid)
			look_up(own, known, table);
		if (table != NULL && known->valid)
			return table;
		known->valid = false;
		if (table != NULL)
			table_close(table, NoLock);
	}
	return NULL;
}

/* May rows be written here, so far as is known before there is one? */
static bool
may_write(const VvKnownTable *known, CmdType command)
{
	return known->plain &&
		!(command == CMD_INSERT && known->has_insert_triggers) &&
		!(command == CMD_UPDATE && known->has_update_triggers) &&
		!(command == CMD_DELETE && known->has_delete_triggers);
}

/*
 * Opens a table to write rows of it by a command; closed by table_close() with
 * NoLock. NULL where that has to be done by SQL. Errors: 55000 for another
 * version of the extension, 25006 in a transaction that only reads.
 */
Relation
vv_open_own_table(VvOwnTable *own, CmdType command)
{
	VvKnownTable *known = known_of(own);
	const char *name = command == CMD_INSERT ? "INSERT" :
	command == CMD_UPDATE ? "UPDATE" : "DELETE";
	Relation	table;

	vv_require_same_version(own->schema);
	table = open_known(own, known);
	if (table == NULL)
		return NULL;
	if (!may_write(known, command))
	{
		table_close(table, NoLock);
		return NULL;
	}
	PreventCommandIfReadOnly(name);
	PreventCommandIfParallelMode(name);
	CheckCmdReplicaIdentity(table, command);
	return table;
}

/* The index of that name. */
static Oid
index_named(const VvOwnTable *own, const char *name)
{
	for (int i = 0; i < own->known->nindexes; i++)
	{
		if (strcmp(own->known->indexes[i].name, name) == 0)
			return own->known->indexes[i].oid;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s.%s\" has no index \"%s\"", own->schema, own->name, name),
			 errhint("It belongs to the extension: create it again.")));
}

/*
 * Hands the rows of an open table that the active snapshot sees to the action,
 * until it says that it has enough; returns how many it got.
 */
uint64
vv_scan_own_table(VvOwnTable *own, Relation table, const VvOwnScan *what,
				  const Datum *keys, VvSlotAction action, void *arg)
{
	Relation	index = index_open(index_named(own, what->index), AccessShareLock);
	uint64		nrows = vv_scan_slots(table, index, keys, what->nkeys,
									  what->last_is_least, what->direction,
									  action, arg);

	index_close(index, NoLock);
	return nrows;
}

/*
 * Locks a row as FOR NO KEY UPDATE SKIP LOCKED does. It may be a newer version
 * that is locked than the one that was seen: look at it again. False where
 * somebody else has it, or it is gone. The slot is one of table_slot_create().
 */
bool
vv_lock_own_row(Relation table, ItemPointer tid, TupleTableSlot *locked)
{
	TM_FailureData failure;
	uint8		flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS |
	TUPLE_LOCK_FLAG_FIND_LAST_VERSION;

	return table_tuple_lock(table, tid, GetActiveSnapshot(), locked,
							GetCurrentCommandId(true), LockTupleNoKeyExclusive,
							LockWaitSkip, flags, &failure) == TM_Ok;
}

/* 23502, should the table's owner have said so. */
static void
check_nulls(Relation table, const bool *isnull)
{
	TupleDesc	columns = RelationGetDescr(table);

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (isnull[i] && column->attnotnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\" violates not-null constraint",
							NameStr(column->attname), RelationGetRelationName(table))));
	}
}

/* A row to be written. */
static TupleTableSlot *
make_slot(Relation table, const Datum *values, const bool *isnull)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsVirtual);
	int			n = RelationGetDescr(table)->natts;

	check_nulls(table, isnull);
	memcpy(slot->tts_values, values, n * sizeof(Datum));
	memcpy(slot->tts_isnull, isnull, n * sizeof(bool));
	slot->tts_tableOid = RelationGetRelid(table);
	return ExecStoreVirtualTuple(slot);
}

/* The first columns of the table. */
static TupleDesc
head_of(VvKnownTable *known, Relation table, int ncolumns)
{
	MemoryContext old;
	TupleDesc	head = known->heads[ncolumns];

	if (head != NULL)
		return head;
	old = MemoryContextSwitchTo(known->context);
	head = vv_front_columns(RelationGetDescr(table), ncolumns);
	known->heads[ncolumns] = head;
	MemoryContextSwitchTo(old);
	return head;
}

/* The row as it is stored. */
static TupleTableSlot *
make_stored(VvKnownTable *known, Relation table, TupleTableSlot *row)
{
	TupleTableSlot *stored = MakeSingleTupleTableSlot(RelationGetDescr(table), &TTSOpsHeapTuple);
	int			n = RelationGetDescr(table)->natts;

	while (n > known->nleast && row->tts_isnull[n - 1])
		n--;
	return ExecStoreHeapTuple(heap_form_tuple(head_of(known, table, n),
											  row->tts_values, row->tts_isnull),
							  stored, true);
}

/* Does an index have none of these columns as a key? */
static bool
keeps_keys(const IndexInfo *info, uint64 changed)
{
	for (int i = 0; i < info->ii_NumIndexKeyAttrs; i++)
	{
		if (changed & VV_COLUMN(info->ii_IndexAttrNumbers[i]))
			return false;
	}
	return true;
}

/* One entry; 23505 where it is there already and must not be. */
static void
insert_entry(const KnownIndex *known, Relation table, TupleTableSlot *slot,
			 bool unchanged)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	Relation	index = index_open(known->oid, RowExclusiveLock);

	FormIndexDatum(known->info, slot, NULL, values, isnull);
	(void) index_insert(index, values, isnull, &slot->tts_tid, table,
						index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
						unchanged, known->info);
	index_close(index, RowExclusiveLock);
}

/*
 * The entries of a row that has just been written. changed: which columns an
 * update changed, so that an index may clear away what only updates left there.
 */
static void
insert_entries(const VvOwnTable *own, Relation table, TupleTableSlot *slot,
			   uint64 changed)
{
	VvKnownTable *known = own->known;

	known->expressions->ecxt_scantuple = slot;
	for (int i = 0; i < known->nindexes; i++)
	{
		const KnownIndex *index = &known->indexes[i];

		if (index->info->ii_ReadyForInserts &&
			ExecQual(index->predicate, known->expressions))
			insert_entry(index, table, slot,
						 changed != 0 && keeps_keys(index->info, changed));
	}
	known->expressions->ecxt_scantuple = NULL;
	ResetExprContext(known->expressions);
}

/*
 * Inserts a row, with a value or NULL for each column. Errors: 23502, 23505.
 */
void
vv_insert_own_row(VvOwnTable *own, Relation table, const Datum *values,
				  const bool *isnull)
{
	TupleTableSlot *slot = make_slot(table, values, isnull);
	TupleTableSlot *stored = make_stored(own->known, table, slot);

	table_tuple_insert(table, stored, GetCurrentCommandId(true), 0, NULL);
	slot->tts_tid = stored->tts_tid;
	insert_entries(own, table, slot, 0);
	ExecDropSingleTupleTableSlot(stored);
	ExecDropSingleTupleTableSlot(slot);
}

/* Is the trigger for such a command? */
static bool
is_for(int16 type, CmdType command)
{
	return command == CMD_INSERT ? TRIGGER_FOR_INSERT(type) != 0 :
		command == CMD_UPDATE ? TRIGGER_FOR_UPDATE(type) != 0 : TRIGGER_FOR_DELETE(type) != 0;
}

/* Have triggers for such a command conditions? */
static bool
has_conditions(const VvKnownTable *known, CmdType command)
{
	for (int i = 0; i < known->nconditions; i++)
	{
		if (is_for(known->conditions[i].type, command))
			return true;
	}
	return false;
}

/*
 * Whether a command of an open table may write a row here, since no trigger
 * fires: the old one, NULL for an INSERT, or new values, NULL for a DELETE.
 */
bool
vv_may_write_own_row(VvOwnTable *own, Relation table, CmdType command,
					 TupleTableSlot *old, const Datum *values, const bool *isnull)
{
	VvKnownTable *known = own->known;
	TupleTableSlot *new;
	bool		fires = false;

	if (!has_conditions(known, command))
		return true;
	new = values != NULL ? make_slot(table, values, isnull) : NULL;
	known->expressions->ecxt_innertuple = old;
	known->expressions->ecxt_outertuple = new;
	for (int i = 0; i < known->nconditions && !fires; i++)
		fires = is_for(known->conditions[i].type, command) &&
			ExecQual(known->conditions[i].when, known->expressions);
	known->expressions->ecxt_innertuple = NULL;
	known->expressions->ecxt_outertuple = NULL;
	ResetExprContext(known->expressions);
	if (new != NULL)
		ExecDropSingleTupleTableSlot(new);
	return !fires;
}

/*
 * Updates a row that is locked; changed are the columns that may have new
 * values. Errors: 23502, 23505.
 */
void
vv_update_own_row(VvOwnTable *own, Relation table, ItemPointer tid,
				  const Datum *values, const bool *isnull, uint64 changed)
{
	TupleTableSlot *slot = make_slot(table, values, isnull);
	TupleTableSlot *stored = make_stored(own->known, table, slot);
	bool		needs_entries;

	if (vv_table_tuple_update(table, tid, stored, GetCurrentCommandId(true),
							  GetActiveSnapshot(), &needs_entries) != TM_Ok)
		elog(ERROR, "row of \"%s\" changed under its lock", own->name);
	slot->tts_tid = stored->tts_tid;
	if (needs_entries)
		insert_entries(own, table, slot, changed);
	ExecDropSingleTupleTableSlot(stored);
	ExecDropSingleTupleTableSlot(slot);
}

/*
 * Deletes a row that the active snapshot sees; waits for who has locked it.
 * False where somebody has changed it since.
 */
bool
vv_delete_own_row(Relation table, ItemPointer tid)
{
	return vv_table_tuple_delete(table, tid, GetCurrentCommandId(true),
								 GetActiveSnapshot()) == TM_Ok;
}
