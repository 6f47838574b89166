/*-------------------------------------------------------------------------
 *
 * tokens.h
 *		API tokens are checked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_TOKENS_H
#define VVAULT_TOKENS_H

#include "core/compat.h"

#include "protect/jwt.h"

extern const char *vv_token_problem(const char *token, int len, const VvToken **read);
extern bool vv_token_is_revoked(const char *jti);

#endif							/* VVAULT_TOKENS_H */
