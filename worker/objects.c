/*-------------------------------------------------------------------------
 *
 * objects.c
 *		Jobs that handle objects as they are: {"do": "put"}, {"do": "delete"} and
 *		{"do": "join"}.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>
#include <strings.h>

#include "task.h"
#include "transfer.h"

/* Stores texts that the order has in it. */
void
do_put(void)
{
	json_t	   *results = json_array();
	size_t		n = json_array_size(json_object_get(task_order(), "objects"));

	for (size_t i = 0; i < n; i++)
	{
		json_t	   *object = json_array_get(json_object_get(task_order(), "objects"), i);
		json_t	   *body = json_incref(json_object_get(object, "body"));
		json_t	   *type = json_incref(json_object_get(object, "content_type"));
		Place		place = {PLACE_OBJECT, (int) i};
		Stored		stored;

		if (!json_is_string(body))
			task_machine_fault("the order has an object without a body");
		upload_text(place, json_string_value(body), json_string_length(body), json_string_value(type), &stored);
		json_array_append_new(results, json_pack("{s:s*, s:I, s:s}",
												 "object_key", place_text(place, "object_key", NULL),
												 "size", (json_int_t) stored.size,
												 "sha256", stored.sha256));
		json_decref(body);
		json_decref(type);
		task_progress(0, 1, (double) (i + 1) / (double) n);
	}
	task_done(json_pack("{s:o}", "objects", results));
}

/* Deletes the objects of a list of the order's; returns how many there were. */
static size_t
delete_all(PlaceKind kind, const char *name)
{
	size_t		n = json_array_size(json_object_get(task_order(), name));

	for (size_t i = 0; i < n; i++)
	{
		Place		place = {kind, (int) i};

		delete_object(place);
		task_progress(0, 1, (double) (i + 1) / (double) n);
	}
	return n;
}

/* Deletes the objects that the order names. */
void
do_delete(void)
{
	size_t		deleted = delete_all(PLACE_URL, "urls");

	task_done(json_pack("{s:I}", "deleted", (json_int_t) deleted));
}

/* Makes one object of the parts of an upload, which then go. */
void
do_join(void)
{
	int			nparts = (int) json_array_size(json_object_get(task_order(), "parts"));
	json_t	   *size = json_object_get(task_order(), "size");
	json_t	   *sha256 = json_incref(json_object_get(task_order(), "sha256"));
	Place		target = {PLACE_TARGET, 0};
	Stored		stored;

	if (!json_is_integer(size))
		task_machine_fault("the order has no size");
	join_parts(nparts, target, json_integer_value(size), &stored);
	if (json_is_string(sha256) && strcasecmp(json_string_value(sha256), stored.sha256) != 0)
		task_source_fault("It is not what was to be uploaded: its SHA-256 is %s, not %s.", stored.sha256,
						  json_string_value(sha256));
	delete_all(PLACE_DELETE, "delete");
	task_done(json_pack("{s:I, s:s}", "size", (json_int_t) stored.size, "sha256", stored.sha256));
}
