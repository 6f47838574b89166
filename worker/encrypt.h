/*-------------------------------------------------------------------------
 *
 * encrypt.h
 *		Makes of a clear track file an encrypted one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ENCRYPT_H
#define ENCRYPT_H

#include "encryption.h"

typedef enum EncryptEnd
{
	ENCRYPT_WELL,
	ENCRYPT_UNFIT,				/* the file is none that can be encrypted */
	ENCRYPT_TROUBLE				/* this machine is at fault */
} EncryptEnd;

extern EncryptEnd encrypt_file(int in, int out, const Encryption *encryption, char **problem);
extern int	encrypt_command(const char *from, const char *to);

#endif							/* ENCRYPT_H */
