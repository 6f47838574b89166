/*-------------------------------------------------------------------------
 *
 * warmer.h
 *		A worker that makes replies anew before anybody asks for them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_WARMER_H
#define VVAULT_WARMER_H

#include "core/compat.h"

extern void vv_warmer_start(void);

#endif							/* VVAULT_WARMER_H */
