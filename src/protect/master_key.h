/*-------------------------------------------------------------------------
 *
 * master_key.h
 *		Secrets are sealed under a key that lies outside of the database.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MASTER_KEY_H
#define VVAULT_MASTER_KEY_H

#include "core/compat.h"

extern void vv_master_key_init(void);
extern bytea *vv_unseal(const char *name, bytea *secret, const char *sealed_by);

#endif							/* VVAULT_MASTER_KEY_H */
