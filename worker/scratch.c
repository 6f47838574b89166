/*-------------------------------------------------------------------------
 *
 * scratch.c
 *		Folders for files that live no longer than a job.
 *
 * A worker has one folder, vvault-worker.PID.XXXXXX, and holds a lock on a file
 * in it. The lock goes with the process however that ends. So the next worker
 * knows which folders have lost theirs, and removes them.
 *
 *-------------------------------------------------------------------------
 */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define PREFIX		"vvault-worker."
#define LOCK_FILE	"lock"
#define YOUNG		60			/* s: a folder that may not be locked yet */

static char *own_folder = NULL;

/* nftw()'s callback that removes a file or an empty folder. */
static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void) status;
	(void) type;
	(void) walk;
	return remove(path);
}

/* A folder and what is in it. Links are removed, not followed. */
void
scratch_remove(const char *folder)
{
	if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		log_line(LOG_ERROR_LEVEL, "cannot remove %s: %s", folder, strerror(errno));
}

/* Takes the lock of a folder; -1 if its worker lives. */
static int
lock_folder(const char *folder, int flags)
{
	char	   *name = format_text("%s/" LOCK_FILE, folder);
	int			fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);

	free(name);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0)
	{
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Has this folder lost its worker? */
static bool
is_orphan(const char *folder, const char *name)
{
	struct stat status;
	int			fd;
	bool		orphan;

	if (lstat(folder, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid())
		return false;
	if (kill((pid_t) atol(name + strlen(PREFIX)), 0) == 0 && time(NULL) - status.st_mtime < YOUNG)
		return false;
	fd = lock_folder(folder, O_CREAT);
	orphan = fd >= 0;
	if (orphan)
		close(fd);
	return orphan;
}

/* Removes the folders that workers left who are no more. */
static void
remove_orphans(const char *parent)
{
	DIR		   *dir = opendir(parent);
	struct dirent *entry;

	if (dir == NULL)
		die("cannot read the folder %s: %s", parent, strerror(errno));
	while ((entry = readdir(dir)) != NULL)
	{
		char	   *folder;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		folder = format_text("%s/%s", parent, entry->d_name);
		if (is_orphan(folder, entry->d_name))
		{
			log_line(LOG_INFO_LEVEL, "removing %s, which a worker left", folder);
			scratch_remove(folder);
		}
		free(folder);
	}
	closedir(dir);
}

/* Makes the worker's folder for files of jobs; ends the program where it cannot. */
void
scratch_open(const char *parent)
{
	remove_orphans(parent);
	own_folder = format_text("%s/" PREFIX "%d.XXXXXX", parent, (int) getpid());
	if (mkdtemp(own_folder) == NULL)
		die("cannot make a folder in %s: %s", parent, strerror(errno));
	if (lock_folder(own_folder, O_CREAT) < 0)
		die("cannot lock %s: %s", own_folder, strerror(errno));
}

/* The worker's folder, NULL before it is made; nobody's to free. */
const char *
scratch_folder(void)
{
	return own_folder;
}

/* Removes the worker's folder. */
void
scratch_close(void)
{
	if (own_folder != NULL)
		scratch_remove(own_folder);
	own_folder = NULL;
}

/* Makes a folder for a job; NULL where it cannot, else the caller frees the name. */
char *
scratch_make_job_folder(long long job_id)
{
	char	   *folder = format_text("%s/%lld.XXXXXX", own_folder, job_id);

	if (mkdtemp(folder) == NULL)
	{
		log_line(LOG_ERROR_LEVEL, "cannot make the folder %s: %s", folder, strerror(errno));
		free(folder);
		return NULL;
	}
	return folder;
}
