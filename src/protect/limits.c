/*-------------------------------------------------------------------------
 *
 * limits.c
 *		What PostgREST asks before each request (its db-pre-request): whether
 *		the token was taken back, and whether the caller asks too often.
 *
 * It runs for every request, so all that it reads is found by an index, without
 * a plan, and what it writes is in shared memory: that works in transactions
 * that only read, and on a standby, which counts by itself.
 *
 * The status and headers of a refusal are those of an error with the SQLSTATE
 * PGRST (PostgREST's documentation, "Raise headers with HTTP status codes").
 *
 *-------------------------------------------------------------------------
 */
#include "protect/limits.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "core/counters.h"
#include "core/index_scan.h"
#include "core/same_version.h"
#include "protect/buckets.h"
#include "protect/caller.h"
#include "site/stream_settings.h"

PG_FUNCTION_INFO_V1(vvault_pre_request);
PG_FUNCTION_INFO_V1(vvault_counts_requests);

#define ERRCODE_POSTGREST	MAKE_SQLSTATE('P', 'G', 'R', 'S', 'T')
#define RPC					"/rpc/"
#define TOKEN_FUNCTIONS		"vvault_token_"

static VvCounter too_many = {.name = "requests_too_many"};
static VvCounter revoked = {.name = "requests_of_revoked_tokens"};
static VvCounter uncounted = {.name = "requests_not_counted"};

/*
 * Asks for the memory that requests are counted in.
 */
void
vv_limits_init(void)
{
	vv_buckets_init();
	vv_register_counter(&too_many);
	vv_register_counter(&revoked);
	vv_register_counter(&uncounted);
}

/* ---------- refusing ---------- */

/*
 * Refuses a request. Whoever hammers must not fill the server's log: the
 * message goes to PostgREST alone, since the setting that says so ends with
 * this transaction.
 */
pg_noreturn static void
refuse(const char *message, const char *detail)
{
	(void) set_config_option("log_min_messages", "fatal", PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	ereport(ERROR,
			(errcode(ERRCODE_POSTGREST), errmsg_internal("%s", message),
			 errdetail_internal("%s", detail)));
}

/* A token that was taken back. */
pg_noreturn static void
refuse_revoked(void)
{
	vv_count(&revoked);
	refuse("{\"code\":\"VV401\",\"message\":\"the token was revoked\",\"details\":null,"
		   "\"hint\":\"Log in again, or refresh it.\"}",
		   "{\"status\":401,\"headers\":{\"WWW-Authenticate\":\"Bearer error=\\\"invalid_token\\\"\","
		   "\"Cache-Control\":\"no-store\"}}");
}

/* Who calls too often, and may call again after so many microseconds. */
pg_noreturn static void
refuse_too_many(int64 wait)
{
	int64		seconds = (wait + USECS_PER_SEC - 1) / USECS_PER_SEC;

	vv_count(&too_many);
	refuse("{\"code\":\"VV429\",\"message\":\"too many requests\",\"details\":null,"
		   "\"hint\":\"Wait for as many seconds as Retry-After says.\"}",
		   psprintf("{\"status\":429,\"headers\":{\"Retry-After\":\"" INT64_FORMAT "\","
					"\"Cache-Control\":\"no-store\"}}", seconds));
}

/* Who has a limit, where nothing can be counted and nobody is to pass. */
pg_noreturn static void
refuse_uncounted(void)
{
	refuse("{\"code\":\"VV503\",\"message\":\"requests cannot be counted\",\"details\":null,"
		   "\"hint\":\"The server has no shared memory for vvault, and the setting rate_without_memory is closed.\"}",
		   "{\"status\":503,\"headers\":{\"Retry-After\":\"60\",\"Cache-Control\":\"no-store\"}}");
}

/* ---------- what is asked for ---------- */

/* Does a function of that name write? What is unknown says its method. */
static bool
function_writes(const char *name, bool otherwise)
{
	CatCList   *functions = SearchSysCacheList1(PROCNAMEARGSNSP,
												CStringGetDatum(name));
	bool		writes = functions->n_members == 0 && otherwise;

	for (int i = 0; i < functions->n_members; i++)
	{
		if (((Form_pg_proc) GETSTRUCT(&functions->members[i]->tuple))->provolatile ==
			PROVOLATILE_VOLATILE)
			writes = true;
	}
	ReleaseSysCacheList(functions);
	return writes;
}

/* The class of a request: token, write or read. */
static const char *
class_of(const char *method, const char *path)
{
	bool		posts = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0;
	const char *name;

	if (strncmp(path, RPC, strlen(RPC)) != 0)
		return posts ? "write" : "read";
	name = path + strlen(RPC);
	if (strncmp(name, TOKEN_FUNCTIONS, strlen(TOKEN_FUNCTIONS)) == 0)
		return "token";
	if (strlen(name) >= NAMEDATALEN)
		return "read";			/* nothing has such a name */
	return function_writes(name, posts) ? "write" : "read";
}

/* ---------- limits ---------- */

typedef struct RateLimit
{
	bool		found;
	bool		limited;
	VvRate		rate;
} RateLimit;

/* A row of rate_limits. */
static bool
take_limit(const Datum *values, const bool *isnull, void *arg)
{
	RateLimit  *limit = (RateLimit *) arg;

	limit->found = true;
	limit->limited = !isnull[0];
	if (limit->limited)
	{
		limit->rate.per_second = DatumGetFloat8(values[0]);
		limit->rate.burst = DatumGetInt32(values[1]);
	}
	return false;
}

/* What is said of a subject or a role; the other is empty. */
static void
look_for_limit(const char *subject, const char *role, const char *class,
			   RateLimit *limit)
{
	static const VvIndexScan row = {
		.schema = "vvault_stream",
		.table = "rate_limits",
		.index = "rate_limits_pkey",
		.nkeys = 3,
		.direction = ForwardScanDirection,
		.ncolumns = 2,
		.columns = {"per_second", "burst"},
	};
	Datum		keys[3] = {CStringGetTextDatum(subject), CStringGetTextDatum(role),
	CStringGetTextDatum(class)};

	(void) vv_index_scan(&row, keys, take_limit, limit);
}

/* What the settings say of every subject. */
static void
usual_limit(const char *class, RateLimit *limit)
{
	limit->rate.per_second = strtod(vv_stream_setting(psprintf("%s_rate", class)), NULL);
	limit->rate.burst = atoi(vv_stream_setting(psprintf("%s_burst", class)));
	limit->limited = limit->rate.per_second > 0;
}

/*
 * The limit of a caller: that of his subject, else of his role, else the usual
 * one of subjects. Who has no subject shares his role with strangers, so only
 * what is said of the role holds for them all.
 */
static void
find_limit(const char *subject, const char *role, const char *class, RateLimit *limit)
{
	memset(limit, 0, sizeof(*limit));
	if (subject != NULL)
		look_for_limit(subject, "", class, limit);
	if (!limit->found)
		look_for_limit("", role, class, limit);
	if (!limit->found && subject != NULL)
		usual_limit(class, limit);
}

/* Counts a request, and refuses it where there were too many. */
static void
count_request(const char *subject, const char *role, const char *class)
{
	RateLimit	limit;
	char	   *name;
	int64		wait;

	find_limit(subject, role, class, &limit);
	if (!limit.limited)
		return;
	if (!vv_buckets_ready())
	{
		vv_count(&uncounted);
		if (strcmp(vv_stream_setting("rate_without_memory"), "closed") == 0)
			refuse_uncounted();
		return;
	}
	name = psprintf("%s %s %s", class, subject == NULL ? "role" : "subject",
					subject == NULL ? role : subject);
	wait = vv_take_from_bucket(name, strlen(name), &limit.rate);
	if (wait > 0)
		refuse_too_many(wait);
}

/*
 * vvault_pre_request() returns void
 *
 * Refuses the request that PostgREST is about to run where its token was
 * revoked (401), or its caller asks too often (429). SQLSTATE PGRST. Where
 * nobody asked by HTTP it does nothing. Source: request.jwt.claims in a session
 * of the authenticator, vvault_stream.revocations, rate_limits, settings.
 */
Datum
vvault_pre_request(PG_FUNCTION_ARGS)
{
	const char *method = GetConfigOption("request.method", true, false);
	const char *path = GetConfigOption("request.path", true, false);
	char	   *subject;

	(void) fcinfo;
	vv_require_same_version("vvault_stream");
	if (method == NULL || *method == '\0')
		PG_RETURN_VOID();
	if (!vv_claimed_subject(&subject))
		refuse_revoked();
	count_request(subject, GetUserNameFromId(GetOuterUserId(), false),
				  class_of(method, path == NULL ? "" : path));
	PG_RETURN_VOID();
}

/*
 * vvault_stream.counts_requests() returns boolean
 *
 * Whether there is shared memory to count requests in.
 */
Datum
vvault_counts_requests(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_BOOL(vv_buckets_ready());
}
