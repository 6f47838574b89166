/*-------------------------------------------------------------------------
 *
 * master_key.c
 *		Secrets are sealed under a key that lies outside of the database.
 *
 * vvault.master_key_file names a file that the server's user alone may read.
 * Its lines are keys; the first seals, and each opens what it sealed, so that a
 * new one is put in front of the old one while everything goes on. A secret is
 * sealed by AES-256-GCM under its name, so none can take another's place:
 *
 *		nonce (12 bytes), what is sealed, tag (16 bytes)
 *
 * Beside it stands which key sealed it, by a digest that tells nothing of the
 * key. Without the setting secrets are kept as they are.
 *
 * No error and no log line shows a key or a secret. What is wrong with the file
 * is told to superusers, and to the log.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/master_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "core/digest.h"
#include "protect/crypto.h"

PG_FUNCTION_INFO_V1(vvault_seal);
PG_FUNCTION_INFO_V1(vvault_hold_secret);
PG_FUNCTION_INFO_V1(vvault_held_secret);
PG_FUNCTION_INFO_V1(vvault_unsealed);
PG_FUNCTION_INFO_V1(vvault_opening_key);
PG_FUNCTION_INFO_V1(vvault_master_key_problem);

#define MAX_KEYS		8
#define FILE_MAX		4096
#define ID_LENGTH		16		/* hexadecimal digits */

typedef struct MasterKey
{
	uint8		key[VV_GCM_KEY];
	char		id[ID_LENGTH + 1];
} MasterKey;

static char *master_key_file = NULL;

/* What was read, and of which state of which file */
static MasterKey keys[MAX_KEYS];
static int	nkeys = 0;
static char *read_path = NULL;
static struct stat read_state;

/*
 * The setting.
 */
void
vv_master_key_init(void)
{
	DefineCustomStringVariable("vvault.master_key_file",
							   "File with the keys that vvault's secrets are sealed under.",
							   "Readable by the server's user alone; empty: secrets are kept as they are.",
							   &master_key_file, "", PGC_SIGHUP,
							   GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
}

/* Does the setting name a file? */
static bool
is_set(void)
{
	return master_key_file != NULL && master_key_file[0] != '\0';
}

/* ---------- the file ---------- */

static int
digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
		c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A key out of its line; false where it is none. */
static bool
read_key(const char *line, int len, MasterKey *key)
{
	uint8		digest[VV_DIGEST_SIZE];
	char		named[sizeof("vvault master key ") + VV_GCM_KEY];
	StringInfoData id;

	if (len != 2 * VV_GCM_KEY)
		return false;
	for (int i = 0; i < VV_GCM_KEY; i++)
	{
		int			high = digit_of(line[2 * i]);
		int			low = digit_of(line[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key->key[i] = high * 16 + low;
	}
	memcpy(named, "vvault master key ", strlen("vvault master key "));
	memcpy(named + strlen("vvault master key "), key->key, VV_GCM_KEY);
	vv_sha256(named, strlen("vvault master key ") + VV_GCM_KEY, digest);
	explicit_bzero(named, sizeof(named));
	initStringInfo(&id);
	vv_append_hex(&id, digest, ID_LENGTH / 2);
	strlcpy(key->id, id.data, sizeof(key->id));
	return true;
}

/* Reads the keys of a file's text; NULL, or what is wrong. */
static const char *
read_lines(const char *text)
{
	nkeys = 0;
	while (*text != '\0')
	{
		int			len = strcspn(text, "\n");
		int			used = len > 0 && text[len - 1] == '\r' ? len - 1 : len;

		if (used > 0 && text[0] != '#')
		{
			if (nkeys == MAX_KEYS)
				return "it has more than eight keys";
			if (!read_key(text, used, &keys[nkeys]))
				return "it has a line that is no key of 64 hexadecimal digits";
			nkeys++;
		}
		text += text[len] == '\n' ? len + 1 : len;
	}
	return nkeys > 0 ? NULL : "it has no key";
}

/* What is wrong with who may read the file, or NULL. */
static const char *
state_problem(const struct stat *state)
{
	if (!S_ISREG(state->st_mode))
		return "it is no plain file";
	if (state->st_uid != geteuid())
		return "it does not belong to the server's user";
	if ((state->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return "its mode lets others than its owner at it: make it 600";
	if (state->st_size >= FILE_MAX)
		return "it is too large";
	return NULL;
}

/* Is the file the one that was read, unchanged? */
static bool
is_same_state(const struct stat *state)
{
	return nkeys > 0 && read_path != NULL && strcmp(read_path, master_key_file) == 0 &&
		state->st_dev == read_state.st_dev && state->st_ino == read_state.st_ino &&
		state->st_size == read_state.st_size && state->st_mode == read_state.st_mode &&
		state->st_uid == read_state.st_uid &&
		memcmp(&state->st_mtim, &read_state.st_mtim, sizeof(state->st_mtim)) == 0 &&
		memcmp(&state->st_ctim, &read_state.st_ctim, sizeof(state->st_ctim)) == 0;
}

/* Remembers which file the keys are of. */
static void
remember(const struct stat *state)
{
	char	   *path = strdup(master_key_file);

	if (path == NULL)
	{
		nkeys = 0;
		return;
	}
	free(read_path);
	read_path = path;
	read_state = *state;
}

/* Reads an open file; NULL, or what is wrong with it. */
static const char *
read_open_file(int fd)
{
	struct stat state;
	char		text[FILE_MAX + 1];
	ssize_t		len;
	const char *problem;

	if (fstat(fd, &state) != 0)
		return "it cannot be looked at";
	problem = state_problem(&state);
	if (problem != NULL)
		return problem;
	len = read(fd, text, FILE_MAX);
	if (len < 0)
		return "it cannot be read";
	text[len] = '\0';
	problem = (ssize_t) strlen(text) < len ? "it has a zero byte" : read_lines(text);
	explicit_bzero(text, sizeof(text));
	if (problem == NULL)
		remember(&state);
	return problem;
}

/* Sees to it that the keys are those of the file as it is now; NULL, or why not. */
static const char *
read_file(void)
{
	struct stat state;
	const char *problem;
	int			fd;

	if (stat(master_key_file, &state) == 0 && is_same_state(&state) &&
		state_problem(&state) == NULL)
		return NULL;
	nkeys = 0;
	fd = OpenTransientFile(master_key_file, O_RDONLY | PG_BINARY);
	if (fd < 0)
		return errno == ENOENT ? "it is not there" : "it cannot be opened";
	problem = read_open_file(fd);
	if (problem != NULL)
		nkeys = 0;
	CloseTransientFile(fd);
	return problem;
}

/* F0000 where the file cannot be used; its name is for superusers and the log. */
static void
require_file(void)
{
	const char *problem = read_file();

	if (problem == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("master key file cannot be used"),
			 superuser_arg(GetOuterUserId()) ? errdetail("\"%s\": %s.", master_key_file, problem) :
			 errdetail_log("\"%s\": %s.", master_key_file, problem),
			 errhint("The setting vvault.master_key_file names a file with mode 600 that belongs to the server's user. Its lines are keys of 64 hexadecimal digits.")));
}

/* ---------- sealing ---------- */

static const MasterKey *
key_named(const char *id)
{
	for (int i = 0; i < nkeys; i++)
	{
		if (strcmp(keys[i].id, id) == 0)
			return &keys[i];
	}
	return NULL;
}

/*
 * Opens a secret of this name that a key sealed; sealed_by is NULL where none
 * did. 55000 where the key is not in the file.
 */
bytea *
vv_unseal(const char *name, bytea *secret, const char *sealed_by)
{
	const MasterKey *key;
	int			len = VARSIZE_ANY_EXHDR(secret) - VV_GCM_NONCE;
	uint8	   *sealed = (uint8 *) VARDATA_ANY(secret);
	bytea	   *plain;

	if (sealed_by == NULL)
		return secret;
	if (is_set())
		require_file();
	key = is_set() ? key_named(sealed_by) : NULL;
	if (key == NULL)
	{
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("secret \"%s\" is sealed under a master key that is not here", name),
				 errdetail("It is the key %s.", sealed_by),
				 errhint("Put this key into the file that vvault.master_key_file names, or make a new secret: see docs/security.md.")));
		return NULL;			/* for the compiler */
	}
	plain = palloc(VARHDRSZ + Max(len, VV_GCM_TAG));
	if (!vv_gcm_open(key->key, sealed, name, sealed + VV_GCM_NONCE, len,
					 (uint8 *) VARDATA(plain)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("secret \"%s\" cannot be opened", name),
				 errdetail("It is not what the master key %s sealed under this name.", sealed_by)));
	SET_VARSIZE(plain, VARHDRSZ + len - VV_GCM_TAG);
	return plain;
}

/*
 * vvault_stream.seal(name text, secret bytea, OUT sealed bytea,
 *		OUT sealed_by text)
 *
 * Seals a secret under its name; without a master key it stays as it is, and
 * sealed_by is NULL. NULL where name or secret is. F0000 where the file cannot be
 * used.
 */
Datum
vvault_seal(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {0};
	bool		isnull[2] = {PG_ARGISNULL(0) || PG_ARGISNULL(1), true};
	TupleDesc	columns;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!isnull[0] && !is_set())
		values[0] = PG_GETARG_DATUM(1);
	else if (!isnull[0])
	{
		bytea	   *secret = PG_GETARG_BYTEA_PP(1);
		int			len = VARSIZE_ANY_EXHDR(secret);
		bytea	   *sealed = palloc(VARHDRSZ + VV_GCM_NONCE + len + VV_GCM_TAG);
		uint8	   *nonce = (uint8 *) VARDATA(sealed);

		require_file();
		if (!pg_strong_random(nonce, VV_GCM_NONCE))
			elog(ERROR, "could not get random bytes");
		vv_gcm_seal(keys[0].key, nonce, text_to_cstring(PG_GETARG_TEXT_PP(0)),
					(uint8 *) VARDATA_ANY(secret), len, nonce + VV_GCM_NONCE);
		SET_VARSIZE(sealed, VARHDRSZ + VV_GCM_NONCE + len + VV_GCM_TAG);
		values[0] = PointerGetDatum(sealed);
		values[1] = CStringGetTextDatum(keys[0].id);
		isnull[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns),
													  values, isnull)));
}

/* A secret on its way into its table, past all plans. */
static char *held = NULL;
static int	held_len = 0;

/* Forgets it. */
static void
let_go(void)
{
	if (held != NULL)
		explicit_bzero(held, held_len);
	free(held);
	held = NULL;
	held_len = 0;
}

/*
 * vvault_stream.hold_secret(secret bytea) returns boolean
 *
 * Holds a secret until held_secret() asks for it, in place of another; whether
 * there is one: false for NULL.
 */
Datum
vvault_hold_secret(PG_FUNCTION_ARGS)
{
	bytea	   *secret;

	let_go();
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	secret = PG_GETARG_BYTEA_PP(0);
	held = malloc(Max(VARSIZE_ANY_EXHDR(secret), 1));
	if (held == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	held_len = VARSIZE_ANY_EXHDR(secret);
	memcpy(held, VARDATA_ANY(secret), held_len);
	PG_RETURN_BOOL(true);
}

/*
 * vvault_stream.held_secret() returns bytea
 *
 * What hold_secret() was given last, and NULL when it is asked for again.
 */
Datum
vvault_held_secret(PG_FUNCTION_ARGS)
{
	bytea	   *secret;

	(void) fcinfo;
	if (held == NULL)
		PG_RETURN_NULL();
	secret = palloc(VARHDRSZ + held_len);
	SET_VARSIZE(secret, VARHDRSZ + held_len);
	memcpy(VARDATA(secret), held, held_len);
	let_go();
	PG_RETURN_BYTEA_P(secret);
}

/*
 * vvault_stream.unsealed(name text, secret bytea, sealed_by text) returns bytea
 *
 * A secret of this name, opened; as it is where sealed_by is NULL. 55000 where
 * its master key is not here, XX001 where it is not what that sealed. NULL for
 * name or secret NULL.
 */
Datum
vvault_unsealed(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(vv_unseal(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								PG_GETARG_BYTEA_PP(1),
								PG_ARGISNULL(2) ? NULL :
								text_to_cstring(PG_GETARG_TEXT_PP(2))));
}

/*
 * vvault_stream.opening_key(id text) returns text
 *
 * The master key of this name if it is here, for NULL the one that seals now;
 * else NULL. It is a digest, not the key.
 */
Datum
vvault_opening_key(PG_FUNCTION_ARGS)
{
	const MasterKey *key = NULL;

	if (is_set() && read_file() == NULL)
		key = PG_ARGISNULL(0) ? &keys[0] :
			key_named(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (key == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(key->id));
}

/*
 * vvault_stream.master_key_problem() returns text
 *
 * What is wrong with the master key file, or NULL.
 */
Datum
vvault_master_key_problem(PG_FUNCTION_ARGS)
{
	const char *problem = is_set() ? read_file() : NULL;

	(void) fcinfo;
	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("the master key file cannot be used: %s", problem)));
}
