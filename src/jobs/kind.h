/*-------------------------------------------------------------------------
 *
 * kind.h
 *		What is said of a kind of jobs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_KIND_H
#define VVAULT_KIND_H

#include "core/compat.h"

typedef struct VvJobKind
{
	bool		paused;
	bool		outside;		/* its jobs have effects outside */
	bool		limited;		/* in all, or each owner, or some owner */
	bool		owner_limited;	/* each owner */
	bool		has_owners;		/* some owner has a limit or a weight */
	bool		has_order;
	bool		has_done;
	int16		max_attempts;
	double		lease_seconds;
} VvJobKind;

extern bool vv_job_kind(Datum kind, VvJobKind *facts);

#endif							/* VVAULT_KIND_H */
