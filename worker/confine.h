/*-------------------------------------------------------------------------
 *
 * confine.h
 *		Rights that a child does without.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CONFINE_H
#define CONFINE_H

extern void confine(const char *folder, const char *program);

#endif							/* CONFINE_H */
