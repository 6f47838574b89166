/*-------------------------------------------------------------------------
 *
 * headers.c
 *		What PostgREST is told about a reply: its headers and its status.
 *
 * PostgREST names the request in the settings request.* and takes headers and
 * status from response.headers and response.status, all local to the
 * transaction. A call by any other client touches no setting: whoever tells
 * something here has asked vv_http_requested() before.
 *
 *-------------------------------------------------------------------------
 */
#include "http/headers.h"

#include "lib/stringinfo.h"
#include "utils/guc.h"

#include "core/json_writer.h"

/*
 * The request's method, or NULL. Before 16 a setting that nobody has made is looked
 * for by its name among the hundreds that there are, which takes a good part
 * of a hit: so it is done once until there are others. One that was made and is
 * reset is still there.
 */
static const char *
request_method(void)
{
#if PG_VERSION_NUM < 160000
	static int	noptions = 0;	/* that there are without it; 0: look */
	const char *method;

	if (noptions == GetNumConfigOptions())
		return NULL;
	method = GetConfigOption("request.method", true, false);
	if (method == NULL &&
		GetConfigOptionByName("request.method", NULL, true) == NULL)
		noptions = GetNumConfigOptions();
	return method;
#else
	return GetConfigOption("request.method", true, false);
#endif
}

/*
 * Whether PostgREST made this call.
 */
bool
vv_http_requested(void)
{
	const char *method = request_method();

	return method != NULL && method[0] != '\0';
}

/* Set a parameter for the rest of the transaction, as SET LOCAL does. */
static void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * Sets the headers of the reply, in place of those set before.
 */
void
vv_http_headers(const VvHeader *headers, int n)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(&list, i == 0 ? "[{" : ",{");
		vv_json_key(&list, headers[i].name);
		vv_json_text(&list, headers[i].value, strlen(headers[i].value));
		appendStringInfoChar(&list, '}');
	}
	appendStringInfoChar(&list, ']');
	set_locally("response.headers", list.data);
	pfree(list.data);
}

/*
 * Sets the status of a reply that is no error to SQL.
 */
void
vv_http_status(int status)
{
	char		digits[12];

	snprintf(digits, sizeof(digits), "%d", status);
	set_locally("response.status", digits);
}

/*
 * Says of a reply that it is of this moment: nobody may keep it. A call by
 * another client than PostgREST is told nothing.
 */
void
vv_http_of_now(void)
{
	static const VvHeader headers[] = {
		{"Cache-Control", "no-store"},
		{"X-Cache", "BYPASS"},
	};

	if (vv_http_requested())
		vv_http_headers(headers, lengthof(headers));
}
