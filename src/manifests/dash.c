/*-------------------------------------------------------------------------
 *
 * dash.c
 *		A video's manifest for MPEG-DASH (ISO/IEC 23009-1), on-demand profile.
 *
 * Each representation is one file, found by its index. All URLs are relative,
 * one level deep.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/text_writer.h"
#include "core/xml_writer.h"
#include "manifests/keys.h"
#include "manifests/put.h"
#include "manifests/sheet.h"
#include "manifests/shown.h"
#include "media/renditions.h"
#include "media/source.h"
#include "reply/reply.h"

PG_FUNCTION_INFO_V1(vvault_dash);

#define CONTENT_TYPE	"application/dash+xml"
#define CHANNELS_SCHEME	"urn:mpeg:dash:23003:3:audio_channel_configuration:2011"
#define ROLE_SCHEME		"urn:mpeg:dash:role:2011"
#define TRICK_SCHEME	"http://dashif.org/guidelines/trickmode"
#define TILE_SCHEME		"http://dashif.org/guidelines/thumbnail_tile"
#define SWITCHING_SCHEME	"urn:mpeg:dash:adaptation-set-switching:2016"

/* What an AdaptationSet of such renditions holds. */
static const char *
content_type_of(char kind)
{
	return kind == VV_RENDITION_AUDIO ? "audio" :
		kind == VV_RENDITION_TEXT ? "text" : "video";
}

/* The type of a rendition's file. */
static const char *
mime_type_of(char kind)
{
	return kind == VV_RENDITION_AUDIO ? "audio/mp4" :
		kind == VV_RENDITION_TEXT ? "text/vtt" : "video/mp4";
}

/* The codec without its profile: what a player can switch within. */
static int
family_len(const char *codecs)
{
	return (int) strcspn(codecs, ".");
}

/* Equal, or both NULL. */
static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether two renditions are alternatives, be it under different keys. */
static bool
same_track(const VvRendition *a, const VvRendition *b)
{
	int			len = family_len(a->codecs);

	return a->kind == b->kind && a->kind != VV_RENDITION_TEXT &&
		len == family_len(b->codecs) &&
		strncmp(a->codecs, b->codecs, len) == 0 &&
		same_text(a->language, b->language) && same_text(a->label, b->label) &&
		a->channels == b->channels;
}

/* Whether two that follow each other are of one set, which has one key. */
static bool
same_set(const VvRendition *a, const VvRendition *b)
{
	return same_track(a, b) && vv_same_key(&a->key, &b->key);
}

/*
 * An order in which alternatives stand together.
 */
static int
compare_sets(const ListCell *left, const ListCell *right)
{
	const VvRendition *a = (const VvRendition *) lfirst(left);
	const VvRendition *b = (const VvRendition *) lfirst(right);
	int			order;

	/* video first: players show what comes first */
	if (a->kind != b->kind)
		return (a->kind == VV_RENDITION_VIDEO) != (b->kind == VV_RENDITION_VIDEO) ?
			(a->kind == VV_RENDITION_VIDEO ? -1 : 1) : a->kind - b->kind;
	/* of videos those that every device plays */
	if (vv_is_avc(a) != vv_is_avc(b))
		return vv_is_avc(a) ? -1 : 1;
	order = strncmp(a->codecs, b->codecs,
					Max(family_len(a->codecs), family_len(b->codecs)));
	if (order == 0)
		order = strcmp(a->language != NULL ? a->language : "",
					   b->language != NULL ? b->language : "");
	if (order == 0)
		order = strcmp(a->label != NULL ? a->label : "",
					   b->label != NULL ? b->label : "");
	if (order == 0)
		order = a->channels - b->channels;
	/* what has one key stands together, and grows with its name's lines */
	if (order == 0 && !vv_same_key(&a->key, &b->key))
		order = atoi(a->name) - atoi(b->name);
	if (order == 0 && a->peak_bitrate != b->peak_bitrate)
		order = a->peak_bitrate < b->peak_bitrate ? -1 : 1;
	return order != 0 ? order : strcmp(a->name, b->name);
}

/* An element of a scheme and a value. */
static void
put_descriptor(VvXml *xml, const char *element, const char *scheme,
			   const char *value)
{
	vv_xml_open(xml, element);
	vv_xml_attribute(xml, "schemeIdUri", scheme);
	vv_xml_attribute(xml, "value", value);
	vv_xml_close(xml, element);
}

/* Two numbers as an attribute. */
static void
put_pair(VvXml *xml, const char *attribute, int64 first, char between,
		 int64 second)
{
	vv_xml_attribute_open(xml, attribute);
	vv_text_int(xml->out, first);
	appendStringInfoChar(xml->out, between);
	vv_text_int(xml->out, second);
	vv_xml_attribute_close(xml);
}

/* Bytes as an attribute, the last one included. */
static void
put_range(VvXml *xml, const char *attribute, int64 first, int64 len)
{
	put_pair(xml, attribute, first, '-', first + len - 1);
}

/* Where in its file the index and what a decoder needs first are. */
static void
put_segment_base(VvXml *xml, const VvRendition *rendition)
{
	vv_xml_open(xml, "SegmentBase");
	put_range(xml, "indexRange", rendition->init_size, rendition->index_size);
	vv_xml_attribute_int(xml, "timescale", rendition->timescale);
	vv_xml_open(xml, "Initialization");
	put_range(xml, "range", 0, rendition->init_size);
	vv_xml_close(xml, "Initialization");
	vv_xml_close(xml, "SegmentBase");
}

/* Size, sample aspect and frame rate. */
static void
put_picture(VvXml *xml, const VvRendition *rendition)
{
	vv_xml_attribute_int(xml, "width", rendition->width);
	vv_xml_attribute_int(xml, "height", rendition->height);
	put_pair(xml, "sar", rendition->sample_aspect_width, ':',
			 rendition->sample_aspect_height);
	if (rendition->rate_denominator == 1)
		vv_xml_attribute_int(xml, "frameRate", rendition->rate_numerator);
	else if (rendition->rate_denominator > 1)
		put_pair(xml, "frameRate", rendition->rate_numerator, '/',
				 rendition->rate_denominator);
}

/* One rendition with its address and where its index is. */
static void
put_representation(VvXml *xml, const VvRendition *rendition)
{
	vv_xml_open(xml, "Representation");
	vv_xml_attribute(xml, "id", rendition->name);
	/* the schema has 32 bits for it */
	vv_xml_attribute_int(xml, "bandwidth",
						 Min(rendition->peak_bitrate, PG_UINT32_MAX));
	if (rendition->kind != VV_RENDITION_TEXT)
		vv_xml_attribute(xml, "codecs", rendition->codecs);
	if (rendition->width > 0)
		put_picture(xml, rendition);
	if (rendition->kind == VV_RENDITION_AUDIO)
	{
		vv_xml_attribute_int(xml, "audioSamplingRate", rendition->sample_rate);
		put_descriptor(xml, "AudioChannelConfiguration", CHANNELS_SCHEME,
					   psprintf("%d", rendition->channels));
	}
	vv_xml_element(xml, "BaseURL", rendition->file);
	if (rendition->kind != VV_RENDITION_TEXT)
		put_segment_base(xml, rendition);
	vv_xml_close(xml, "Representation");
}

/*
 * The sets that a player may switch to from set id, which begins with the
 * rendition at this place: the same track under other keys, each a set of its
 * own. NULL where there is none.
 */
static char *
switchable_sets(List *renditions, int at, int id)
{
	const VvRendition *own = (const VvRendition *) list_nth(renditions, at);
	StringInfoData ids;
	int			first = at;
	int			set = id;

	while (first > 0 && same_track(own, (VvRendition *) list_nth(renditions, first - 1)))
	{
		const VvRendition *next = (VvRendition *) list_nth(renditions, first--);

		if (!same_set((VvRendition *) list_nth(renditions, first), next))
			set--;
	}
	initStringInfo(&ids);
	for (int i = first; i < list_length(renditions); i++)
	{
		const VvRendition *rendition = (VvRendition *) list_nth(renditions, i);

		if (!same_track(own, rendition))
			break;
		if (i > first && !same_set((VvRendition *) list_nth(renditions, i - 1), rendition))
			set++;
		else if (i > first)
			continue;
		if (set != id)
			appendStringInfo(&ids, "%s%d", ids.len > 0 ? "," : "", set);
	}
	return ids.len > 0 ? ids.data : NULL;
}

/*
 * What a set begins with. The first one is of videos where there are any: the
 * one that a trick set is of.
 */
static void
open_set(VvXml *xml, List *renditions, int at, int id)
{
	const VvRendition *rendition = (const VvRendition *) list_nth(renditions, at);
	char	   *switchable = switchable_sets(renditions, at, id);

	vv_xml_open(xml, "AdaptationSet");
	vv_xml_attribute_int(xml, "id", id);
	vv_xml_attribute(xml, "contentType", content_type_of(rendition->kind));
	vv_xml_attribute(xml, "mimeType", mime_type_of(rendition->kind));
	if (rendition->language != NULL)
		vv_xml_attribute(xml, "lang", rendition->language);
	if (rendition->kind != VV_RENDITION_TEXT)
	{
		vv_xml_attribute(xml, "subsegmentAlignment", "true");
		vv_xml_attribute(xml, "subsegmentStartsWithSAP", "1");
	}
	/* the schema wants them in this order */
	vv_put_content_protection(xml, &rendition->key);
	if (rendition->kind == VV_RENDITION_TRICK)
		put_descriptor(xml, "EssentialProperty", TRICK_SCHEME, "1");
	if (switchable != NULL)
		put_descriptor(xml, "SupplementalProperty", SWITCHING_SCHEME, switchable);
	if (rendition->label != NULL)
		vv_xml_element(xml, "Label", rendition->label);
	if (rendition->kind != VV_RENDITION_TRICK)
		put_descriptor(xml, "Role", ROLE_SCHEME,
					   rendition->kind == VV_RENDITION_TEXT ? "subtitle" :
					   rendition->is_default ||
					   rendition->kind == VV_RENDITION_VIDEO ? "main" :
					   "alternate");
}

/* The seconds of the longest rendition, which are those of the video. */
static double
longest_of(List *renditions)
{
	double		seconds = 0;
	ListCell   *cell;

	foreach(cell, renditions)
		seconds = Max(seconds, ((VvRendition *) lfirst(cell))->seconds);
	return seconds;
}

/* Up to the one period that everything is in. */
static void
open_document(VvXml *xml, List *renditions)
{
	vv_xml_begin(xml);
	vv_xml_open(xml, "MPD");
	vv_xml_attribute(xml, "xmlns", "urn:mpeg:dash:schema:mpd:2011");
	if (vv_is_protected(renditions, VV_PROTECTION_NONE))
	{
		vv_xml_attribute(xml, "xmlns:cenc", "urn:mpeg:cenc:2013");
		vv_xml_attribute(xml, "xmlns:dashif", "https://dashif.org/CPS");
		vv_xml_attribute(xml, "xmlns:mspr", "urn:microsoft:playready");
	}
	vv_xml_attribute(xml, "profiles", "urn:mpeg:dash:profile:isoff-on-demand:2011");
	vv_xml_attribute(xml, "type", "static");
	vv_xml_attribute(xml, "mediaPresentationDuration",
					 psprintf("PT%.3fS", longest_of(renditions)));
	vv_xml_attribute(xml, "minBufferTime", "PT4S");
	vv_xml_open(xml, "Period");
	vv_xml_attribute(xml, "id", "0");
}

/*
 * The storyboard, as players show it over the bar that seeks: one picture of
 * all tiles (DASH-IF guidelines, 6.2.6).
 */
static void
put_tiles(VvXml *xml, const VvSheet *sheet, int id)
{
	double		seconds = sheet->columns * sheet->rows * sheet->tile_seconds;

	vv_xml_open(xml, "AdaptationSet");
	vv_xml_attribute_int(xml, "id", id);
	vv_xml_attribute(xml, "contentType", "image");
	vv_xml_attribute(xml, "mimeType", "image/jpeg");
	vv_xml_open(xml, "Representation");
	vv_xml_attribute(xml, "id", "tiles");
	vv_xml_attribute_int(xml, "bandwidth", (int64) ceil(sheet->size * 8 / seconds));
	vv_xml_attribute_int(xml, "width", (int64) sheet->width * sheet->columns);
	vv_xml_attribute_int(xml, "height", (int64) sheet->height * sheet->rows);
	put_descriptor(xml, "EssentialProperty", TILE_SCHEME,
				   psprintf("%dx%d", sheet->columns, sheet->rows));
	vv_xml_open(xml, "SegmentTemplate");
	vv_xml_attribute(xml, "media", sheet->file);
	vv_xml_attribute_int(xml, "timescale", 1000);
	vv_xml_attribute_int(xml, "duration", (int64) (seconds * 1000 + 0.5));
	vv_xml_attribute_int(xml, "startNumber", 1);
	vv_xml_close(xml, "SegmentTemplate");
	vv_xml_close(xml, "Representation");
	vv_xml_close(xml, "AdaptationSet");
}

/* All sets of alternatives, which stand together; returns how many. */
static int
put_sets(VvXml *xml, List *renditions)
{
	const VvRendition *before = NULL;
	ListCell   *cell;
	int			nsets = 0;

	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (before == NULL || !same_set(before, rendition))
		{
			if (before != NULL)
				vv_xml_close(xml, "AdaptationSet");
			open_set(xml, renditions, foreach_current_index(cell), ++nsets);
		}
		put_representation(xml, rendition);
		before = rendition;
	}
	vv_xml_close(xml, "AdaptationSet");
	return nsets;
}

/*
 * Appends the manifest of a generation, or of what plays early of it; false where
 * it has no renditions.
 */
bool
vv_put_dash(StringInfo out, text *video_id, int generation, bool early)
{
	List	   *renditions = vv_read_renditions(video_id, generation, early, true);
	VvXml		xml = {.out = out};
	VvSheet		sheet;
	int			nsets;

	/* segments encrypted whole are HLS's alone */
	if (renditions == NIL || vv_is_protected(renditions, VV_PROTECTION_AES128))
		return false;
	list_sort(renditions, compare_sets);
	open_document(&xml, renditions);
	nsets = put_sets(&xml, renditions);
	if (!early && vv_read_sheet(video_id, generation, &sheet))
		put_tiles(&xml, &sheet, nsets + 1);
	vv_xml_close(&xml, "Period");
	vv_xml_close(&xml, "MPD");
	return true;
}

/* The reply of vvault_dash. */
static bool
write_dash(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			generation;

	if (vv_reply_is_known(reply, VV_MANIFEST_MAX_AGE, 0, 0))
		return true;
	generation = vv_generation_asked(fcinfo, reply, 1);
	return generation != 0 &&
		vv_put_dash(out, PG_GETARG_TEXT_PP(0), generation, false);
}

static const VvReplier dash = {
	.name = "vvault_dash",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
	.source = &vv_assets,
	.scope_arg = 1,
	.as_owner = true,
	.without_sql = true,
	.content_type = CONTENT_TYPE,
	.allow = vv_may_be_shown,
	.write = write_dash,
};

/*
 * vvault_dash(video_id text, generation integer) returns the domain over bytea
 *
 * A video's media presentation description; NULL for a video without
 * renditions, and where another generation is shown. 42501 where the caller may
 * not watch it. Source: vvault_stream.renditions.
 */
Datum
vvault_dash(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &dash);
}
