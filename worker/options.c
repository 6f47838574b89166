/*-------------------------------------------------------------------------
 *
 * options.c
 *		What the command line says.
 *
 *-------------------------------------------------------------------------
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

#define DEFAULT_KINDS	"join,probe,encode,pictures,texts,finish,delete_objects,webhook"
#define DEFAULT_MEMORY	(4LL << 30)
#define MAX_JOBS		256

Options		options;

static const char help[] =
"vvault-worker takes jobs out of the queue of vvault_stream and does them.\n"
"\n"
"Usage:\n"
"  vvault-worker [OPTION]...\n"
"  vvault-worker --encrypt CLEAR ENCRYPTED <ENCRYPTION\n"
"\n"
"Options:\n"
"  -d, --dbname=CONNINFO    which database, as a connection string or URI of libpq;\n"
"                           without it PGHOST, PGDATABASE and so on say so\n"
"  -j, --jobs=N             do so many jobs at once (default: 1)\n"
"  -k, --kinds=LIST         kinds of jobs, the first goes first (default:\n"
"                           " DEFAULT_KINDS ")\n"
"  -l, --lease=SECONDS      ask for leases so long (default: as the kind says)\n"
"  -m, --memory=MIB         address space of a child whose order does not say (default: 4096)\n"
"  -n, --name=NAME          what the database calls this worker (default: host and process)\n"
"  -s, --scratch=FOLDER     where files are while a job runs (default: TMPDIR, else /tmp)\n"
"      --encrypt            encrypt the track file CLEAR to ENCRYPTED, as standard input says,\n"
"                           then end; no database is wanted\n"
"      --ffmpeg=PROGRAM     (default: ffmpeg)\n"
"      --ffprobe=PROGRAM    (default: ffprobe)\n"
"      --keep-network       do not take the network away from ffmpeg\n"
"      --until-idle         end as soon as there is no job to take and none runs\n"
"  -q, --quiet              log errors only\n"
"  -v, --verbose            log what each job does\n"
"  -V, --version            print the version, then exit\n"
"  -?, --help               print this, then exit\n";

enum
{
	OPTION_ENCRYPT = 1000,
	OPTION_FFMPEG,
	OPTION_FFPROBE,
	OPTION_KEEP_NETWORK,
	OPTION_UNTIL_IDLE
};

static const struct option long_options[] = {
	{"dbname", required_argument, NULL, 'd'},
	{"jobs", required_argument, NULL, 'j'},
	{"kinds", required_argument, NULL, 'k'},
	{"lease", required_argument, NULL, 'l'},
	{"memory", required_argument, NULL, 'm'},
	{"name", required_argument, NULL, 'n'},
	{"scratch", required_argument, NULL, 's'},
	{"encrypt", no_argument, NULL, OPTION_ENCRYPT},
	{"ffmpeg", required_argument, NULL, OPTION_FFMPEG},
	{"ffprobe", required_argument, NULL, OPTION_FFPROBE},
	{"keep-network", no_argument, NULL, OPTION_KEEP_NETWORK},
	{"until-idle", no_argument, NULL, OPTION_UNTIL_IDLE},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, '?'},
	{NULL, 0, NULL, 0}
};

static void wrong(const char *format,...) PRINTF_LIKE(1, 2) __attribute__((noreturn));

/* Says what is wrong with the command line and ends the program. */
static void
wrong(const char *format,...)
{
	va_list		args;

	fputs("vvault-worker: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nTry \"vvault-worker --help\".\n", stderr);
	exit(1);
}

/* A number on the command line; ends the program where it is none or out of range. */
static double
number(const char *name, const char *text, double least, double most)
{
	char	   *end;
	double		value;

	errno = 0;
	value = strtod(text, &end);
	if (errno != 0 || end == text || *end != '\0' || !(value >= least && value <= most))
		wrong("--%s is a number from %g to %g, not \"%s\"", name, least, most, text);
	return value;
}

/* As the literal of an array. The server says which kinds there are. */
static char *
array_of(const char *list)
{
	if (list[0] == '\0' || strspn(list, "abcdefghijklmnopqrstuvwxyz0123456789_,") != strlen(list))
		wrong("--kinds are names of kinds with commas between them, not \"%s\"", list);
	return format_text("{%s}", list);
}

/* The name of a worker that got none: its host and process; the caller frees it. */
static char *
default_name(void)
{
	char		host[65];

	if (gethostname(host, sizeof(host) - 1) != 0)
		strcpy(host, "worker");
	host[sizeof(host) - 1] = '\0';
	return format_text("%s %d", host, (int) getpid());
}

/* Sets all options to what they are unless said. */
static void
set_defaults(void)
{
	const char *folder = getenv("TMPDIR");

	memset(&options, 0, sizeof(options));
	options.conninfo = "";
	options.kinds = "{" DEFAULT_KINDS "}";
	options.jobs = 1;
	options.scratch = folder != NULL && folder[0] != '\0' ? folder : "/tmp";
	options.ffmpeg = "ffmpeg";
	options.ffprobe = "ffprobe";
	options.memory_bytes = DEFAULT_MEMORY;
}

/* Sets an option by its letter; the value has to stay. */
static void
set_option(int option, const char *value)
{
	switch (option)
	{
		case 'd':
			options.conninfo = value;
			break;
		case 'j':
			options.jobs = (int) number("jobs", value, 1, MAX_JOBS);
			break;
		case 'k':
			options.kinds = array_of(value);
			break;
		case 'l':
			(void) number("lease", value, 0.1, 86400);
			options.lease = value;
			break;
		case 'm':
			options.memory_bytes = (long long) number("memory", value, 64, 1 << 24) << 20;
			break;
		case 'n':
			options.name = value;
			break;
		case 's':
			options.scratch = value;
			break;
		case OPTION_ENCRYPT:
			options.encrypt_from = "";
			break;
		case OPTION_FFMPEG:
			options.ffmpeg = value;
			break;
		case OPTION_FFPROBE:
			options.ffprobe = value;
			break;
		case OPTION_KEEP_NETWORK:
			options.network = true;
			break;
		case OPTION_UNTIL_IDLE:
			options.until_idle = true;
			break;
		case 'q':
			log_level = LOG_ERROR_LEVEL;
			break;
		case 'v':
			log_level = LOG_DEBUG_LEVEL;
			break;
		case 'V':
			puts("vvault-worker " VVAULT_VERSION);
			exit(0);
	}
}

/* Takes what stands on the command line behind the options. */
static void
take_files(int argc, char **argv)
{
	if (options.encrypt_from != NULL)
	{
		if (argc - optind != 2)
			wrong("--encrypt wants two files");
		options.encrypt_from = argv[optind];
		options.encrypt_to = argv[optind + 1];
	}
	else if (optind < argc)
		wrong("too many arguments: %s", argv[optind]);
}

/*
 * Reads the command line into options; ends the program for --help, --version,
 * and what is wrong.
 */
void
read_options(int argc, char **argv)
{
	int			option;

	set_defaults();
	opterr = 0;
	while ((option = getopt_long(argc, argv, "d:j:k:l:m:n:s:qvV?", long_options, NULL)) != -1)
	{
		if (option == '?' && (optopt == 0 || optopt == '?') &&
			(strcmp(argv[optind - 1], "-?") == 0 || strncmp(argv[optind - 1], "--h", 3) == 0))
		{
			fputs(help, stdout);
			exit(0);
		}
		if (option == '?')
			wrong("unknown option, or one without its value: %s", argv[optind - 1]);
		set_option(option, optarg);
	}
	take_files(argc, argv);
	if (options.name == NULL)
		options.name = default_name();
}
