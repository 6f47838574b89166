/*-------------------------------------------------------------------------
 *
 * encrypt_command.c
 *		vvault-worker --encrypt: a file by hand, without a job.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "encrypt.h"

/* How to encrypt, as an order says it, from standard input: a key is on no command line. */
static void
read_encryption(Encryption *encryption)
{
	static const struct rlimit none = {0, 0};
	char		text[65536];
	size_t		length = 0;
	ssize_t		n;
	json_t	   *member;
	const char *problem;

	setrlimit(RLIMIT_CORE, &none);
	while (length < sizeof(text) && (n = read(STDIN_FILENO, text + length, sizeof(text) - length)) > 0)
		length += (size_t) n;
	member = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	OPENSSL_cleanse(text, sizeof(text));
	if (!json_is_object(member))
		die("standard input is no JSON object of less than 64 kB");
	problem = encryption_read(encryption, member);
	json_decref(member);
	if (problem != NULL)
		die("%s", problem);
}

/* Encrypts one file into another, which must not be there yet; the program's exit status. */
int
encrypt_command(const char *from, const char *to)
{
	Encryption	encryption;
	char	   *problem = NULL;
	EncryptEnd	end;
	int			in;
	int			out;

	read_encryption(&encryption);
	in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		die("%s: %s", from, strerror(errno));
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (out < 0)
		die("%s: %s", to, strerror(errno));
	end = encrypt_file(in, out, &encryption, &problem);
	encryption_wipe(&encryption);
	close(in);
	if (close(out) != 0 && end == ENCRYPT_WELL)
	{
		problem = copy_text(strerror(errno));
		end = ENCRYPT_TROUBLE;
	}
	if (end == ENCRYPT_WELL)
		return 0;
	unlink(to);
	log_line(LOG_ERROR_LEVEL, end == ENCRYPT_UNFIT ? "%s cannot be encrypted: %s" : "%s: %s", from, problem);
	free(problem);
	return 1;
}
