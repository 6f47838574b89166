/*-------------------------------------------------------------------------
 *
 * seen_tokens.h
 *		Tokens whose signature this backend has found right.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_SEEN_TOKENS_H
#define VVAULT_SEEN_TOKENS_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#include "protect/jwt.h"

extern const VvToken *vv_recall_token(const char *token, int len);
extern MemoryContext vv_new_token_memory(void);
extern void vv_remember_token(const char *token, int len, const VvToken *read,
							  uint64 keys_version);

#endif							/* VVAULT_SEEN_TOKENS_H */
