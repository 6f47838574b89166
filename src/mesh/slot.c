/*-------------------------------------------------------------------------
 *
 * slot.c
 *		A slot of logical decoding, made inside a function.
 *
 * While the server looks for the place in the log from which a slot can decode,
 * it may come by the end of a transaction that changed the catalog. What that
 * makes invalid it looks up in a subtransaction of its own, after which the
 * current resource owner is the transaction's and no longer the caller's:
 * PL/pgSQL would then give back a snapshot to the wrong one (XX000).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/compat.h"

PG_FUNCTION_INFO_V1(vvault_mesh_make_slot);

/*
 * vvault.mesh_make_slot(slot text) returns void
 *
 * Makes a slot with the plugin pgoutput. STRICT. Errors are those of
 * pg_create_logical_replication_slot().
 */
Datum
vvault_mesh_make_slot(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	ResourceOwner owner = CurrentResourceOwner;
	MemoryContext context = CurrentMemoryContext;

	(void) VV_CREATE_SLOT(DirectFunctionCall1(namein, CStringGetDatum(name)),
						  DirectFunctionCall1(namein, CStringGetDatum("pgoutput")));
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	PG_RETURN_VOID();
}
