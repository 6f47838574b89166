/*-------------------------------------------------------------------------
 *
 * confine.c
 *		Rights that a child does without.
 *
 * A second wall behind the choice of demuxer: the child sits in a network of
 * its own, which has no way out, and sees no files but its job's folder and
 * the system's programs, libraries and fonts. Both are up to the kernel; where
 * it does not offer one, the child goes without that wall.
 *
 *-------------------------------------------------------------------------
 */
#include "confine.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif
#endif

#include "options.h"

/* Takes the network from this process, where the kernel lets us and nobody wants it. */
static void
leave_network(void)
{
	if (options.network)
		return;
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
	{
		/* not permitted here */
	}
}

#ifdef LANDLOCK_ACCESS_FS_EXECUTE

#define READING (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define EVERYTHING (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)	/* all of its first
															 * version */
#define FILE_ONLY (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

/* Adds a path to what a set of landlock's rules allows; one that is not there is left out. */
static void
allow(int rules, const char *path, __u64 access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	(void) syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* A program from elsewhere brings libraries that we do not know the place of. */
static bool
is_of_the_system(const char *program)
{
	return strchr(program, '/') == NULL || strncmp(program, "/usr/", 5) == 0 || strncmp(program, "/bin/", 5) == 0;
}

/*
 * Takes all files from this process but the job's folder and the system's own,
 * where the kernel can.
 */
static void
leave_files(const char *folder, const char *program)
{
	static const char *const readable[] = {"/usr", "/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/fonts",
	"/var/cache/fontconfig", "/sys/devices/system/cpu"};
	struct landlock_ruleset_attr attributes = {.handled_access_fs = EVERYTHING};
	int			rules;

	if (!is_of_the_system(program))
		return;
	rules = (int) syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (rules < 0)
		return;
	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++)
		allow(rules, readable[i], READING);
	allow(rules, "/etc/ld.so.cache", READING & FILE_ONLY);
	allow(rules, "/dev/null", (READING & FILE_ONLY) | LANDLOCK_ACCESS_FS_WRITE_FILE);
	allow(rules, "/dev/urandom", READING & FILE_ONLY);
	allow(rules, folder, EVERYTHING & ~(__u64) LANDLOCK_ACCESS_FS_EXECUTE);
	(void) syscall(SYS_landlock_restrict_self, rules, 0);
	close(rules);
}

#else

/*
 * Takes all files from this process but the job's folder and the system's own,
 * where the kernel can.
 */
static void
leave_files(const char *folder, const char *program)
{
	(void) folder;
	(void) program;
}

#endif

/* Takes from this process, for good, what the program that it becomes has no need of. */
void
confine(const char *folder, const char *program)
{
	leave_network();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		leave_files(folder, program);
}
