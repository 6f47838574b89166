/*-------------------------------------------------------------------------
 *
 * hls.c
 *		A video's playlists for HTTP Live Streaming (RFC 8216).
 *
 * All URIs are relative: a playlist is the same bytes for every viewer, and
 * what is a viewer's own is in the path in front of it.
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/text_writer.h"
#include "manifests/keys.h"
#include "manifests/put.h"
#include "manifests/shown.h"
#include "media/renditions.h"
#include "media/source.h"
#include "reply/reply.h"

PG_FUNCTION_INFO_V1(vvault_hls);
PG_FUNCTION_INFO_V1(vvault_hls_media);

#define CONTENT_TYPE	"application/vnd.apple.mpegurl"

/* What a device that is ten years old plays without a hitch */
#define FIRST_LINES		720
#define FIRST_FRAMES	31

/* The size as TV people count it, the same upright */
static int
lines_of(const VvRendition *rendition)
{
	return Min(rendition->width, rendition->height);
}

/* Does every device play it? */
static bool
plays_everywhere(const VvRendition *rendition)
{
	return vv_is_avc(rendition) && lines_of(rendition) <= FIRST_LINES &&
		rendition->rate_numerator <= (int64) FIRST_FRAMES * rendition->rate_denominator;
}

/*
 * Which of two variants is the better one to begin with: one that every device
 * plays, and of these the largest; else the smallest.
 */
static bool
begins_better(const VvRendition *a, const VvRendition *b)
{
	bool		a_plays = plays_everywhere(a);
	bool		b_plays = plays_everywhere(b);

	if (a->is_default != b->is_default)
		return a->is_default;
	if (a_plays != b_plays)
		return a_plays;
	return a_plays ? a->peak_bitrate > b->peak_bitrate :
		a->peak_bitrate < b->peak_bitrate;
}

/* The variant a player begins with, NULL without a picture. */
static const VvRendition *
first_variant(List *renditions)
{
	const VvRendition *first = NULL;
	ListCell   *cell;

	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (rendition->kind == VV_RENDITION_VIDEO &&
			(first == NULL || begins_better(rendition, first)))
			first = rendition;
	}
	return first;
}

/*
 * An attribute whose value is in quotes; the literal is all that stands in front
 * of them.
 */
#define put_quoted(out, literal, value) \
	(vv_text_literal(out, literal), vv_text_quoted(out, value, strlen(value)))

/* Bytes of the playlist */
typedef struct Span
{
	int			at;
	int			len;
} Span;

/* What the tracks so far had of what a group has only once, as it was put */
typedef struct TracksBefore
{
	int			nnames;
	Span	   *names;			/* with their groups */
	int			ndefaults;
	const char **defaults;		/* the groups */
} TracksBefore;

/* Whether a track before had these bytes, which go up to the end. */
static bool
is_taken(StringInfo out, Span name, const TracksBefore *before)
{
	for (int i = 0; i < before->nnames; i++)
	{
		if (before->names[i].len == name.len &&
			memcmp(out->data + before->names[i].at, out->data + name.at, name.len) == 0)
			return true;
	}
	return false;
}

/*
 * A track's group, and its name in there, which is another one for each:
 * English, English 2.
 */
static void
put_name(StringInfo out, const VvRendition *rendition, const char *group,
		 TracksBefore *before)
{
	const char *label = rendition->label != NULL ? rendition->label :
	rendition->language != NULL ? rendition->language : rendition->name;
	Span		name = {out->len, 0};
	int			n = 1;

	do
	{
		out->len = name.at;
		put_quoted(out, ",GROUP-ID=", group);
		put_quoted(out, ",NAME=", n == 1 ? label : psprintf("%s %d", label, n));
		name.len = out->len - name.at;
		n++;
	} while (is_taken(out, name, before));
	before->names[before->nnames++] = name;
	if (rendition->language != NULL)
		put_quoted(out, ",LANGUAGE=", rendition->language);
}

/* Whether a track is its group's default, which only the first one can be. */
static bool
becomes_default(const VvRendition *rendition, const char *group,
				TracksBefore *before)
{
	if (!rendition->is_default)
		return false;
	for (int i = 0; i < before->ndefaults; i++)
	{
		if (strcmp(before->defaults[i], group) == 0)
			return false;
	}
	before->defaults[before->ndefaults++] = group;
	return true;
}

/* The playlist of a rendition, whose name needs no quoting. */
static void
put_uri(StringInfo out, const VvRendition *rendition)
{
	appendStringInfoString(out, rendition->name);
	vv_text_literal(out, ".m3u8");
}

/*
 * One group of tracks for each codec of audio, one of all subtitles; one track
 * of a group at most is its default.
 */
static void
put_track(StringInfo out, const VvRendition *rendition, TracksBefore *before)
{
	bool		audio = rendition->kind == VV_RENDITION_AUDIO;
	const char *group = audio ? rendition->codecs : "subtitles";

	if (audio)
		vv_text_literal(out, "#EXT-X-MEDIA:TYPE=AUDIO");
	else
		vv_text_literal(out, "#EXT-X-MEDIA:TYPE=SUBTITLES");
	put_name(out, rendition, group, before);
	if (becomes_default(rendition, group, before))
		vv_text_literal(out, ",DEFAULT=YES,AUTOSELECT=YES");
	else
		vv_text_literal(out, ",DEFAULT=NO,AUTOSELECT=YES");
	if (audio)
	{
		vv_text_literal(out, ",CHANNELS=\"");
		vv_text_int(out, rendition->channels);
		vv_text_literal(out, "\",URI=\"");
	}
	else
		vv_text_literal(out, ",FORCED=NO,URI=\"");
	put_uri(out, rendition);
	vv_text_literal(out, "\"\n");
}

/* What a variant costs with the dearest track of its group of audio */
typedef struct AudioGroup
{
	const char *codecs;			/* NULL: no audio */
	int64		average;
	int64		peak;
} AudioGroup;

/*
 * One group for each codec of the sound; without sound one that has no codec,
 * so that each picture has a variant.
 */
static List *
audio_groups(List *renditions)
{
	List	   *groups = NIL;
	AudioGroup *group = NULL;
	ListCell   *cell;

	/* they come by their codecs */
	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (rendition->kind != VV_RENDITION_AUDIO)
			continue;
		if (group == NULL || strcmp(group->codecs, rendition->codecs) != 0)
		{
			group = palloc0(sizeof(AudioGroup));
			group->codecs = rendition->codecs;
			groups = lappend(groups, group);
		}
		group->average = Max(group->average, rendition->average_bitrate);
		group->peak = Max(group->peak, rendition->peak_bitrate);
	}
	if (groups == NIL)
		groups = list_make1(palloc0(sizeof(AudioGroup)));
	return groups;
}

/*
 * More than a variant ever takes: three names or codecs of 64 characters, two of
 * 32, ten numbers, and what stands between them. So nobody has to ask for room
 * while it is written.
 */
#define VARIANT_LEN		1024

/* Appends a number that is not negative where there is room; returns its end. */
static char *
put_digits(char *at, int64 number)
{
	return at + (number <= PG_UINT32_MAX ? pg_ultoa_n((uint32) number, at) :
				 pg_ulltoa_n(number, at));
}

/*
 * A frame rate with three decimals, which is written without the server's
 * general routine: that takes longer than all else of a variant.
 */
static char *
put_frame_rate(char *at, const VvRendition *rendition)
{
	int64		thousandths = ((int64) rendition->rate_numerator * 1000 +
							   rendition->rate_denominator / 2) / rendition->rate_denominator;

	at = stpcpy(at, ",FRAME-RATE=");
	at = put_digits(at, thousandths / 1000);
	*at++ = '.';
	return pg_ultostr_zeropad(at, thousandths % 1000, 3);
}

/* Size, frame rate and range of brightness. */
static char *
put_picture(char *at, const VvRendition *rendition)
{
	at = stpcpy(at, ",RESOLUTION=");
	at = put_digits(at, rendition->width);
	*at++ = 'x';
	at = put_digits(at, rendition->height);
	if (rendition->kind == VV_RENDITION_VIDEO && rendition->rate_denominator > 0)
		at = put_frame_rate(at, rendition);
	at = stpcpy(at, ",VIDEO-RANGE=");
	return stpcpy(at, rendition->video_range);
}

/* The bit rates that a variant needs. */
static char *
put_rates(char *at, int64 peak, int64 average)
{
	at = stpcpy(at, "BANDWIDTH=");
	at = put_digits(at, peak);
	at = stpcpy(at, ",AVERAGE-BANDWIDTH=");
	return put_digits(at, average);
}

/* Codecs, that of a sound behind that of its picture; they need no quoting. */
static char *
put_codecs(char *at, const char *codecs, const char *sound)
{
	at = stpcpy(at, ",CODECS=\"");
	at = stpcpy(at, codecs);
	if (sound != NULL)
	{
		*at++ = ',';
		at = stpcpy(at, sound);
	}
	*at++ = '"';
	return at;
}

/* The groups of tracks that go with it; sound is a codec, or NULL. */
static char *
put_groups(char *at, const char *sound, bool subtitles)
{
	if (sound != NULL)
	{
		at = stpcpy(at, ",AUDIO=\"");
		at = stpcpy(at, sound);
		*at++ = '"';
	}
	return subtitles ? stpcpy(at, ",SUBTITLES=\"subtitles\"") : at;
}

/* Begins a tag: where it is to be written. */
static char *
begin_tag(StringInfo out, const char *tag)
{
	enlargeStringInfo(out, VARIANT_LEN);
	return stpcpy(out->data + out->len, tag);
}

/* Ends it. */
static void
end_tag(StringInfo out, char *at)
{
	*at = '\0';
	out->len = at - out->data;
	Assert(out->len < out->maxlen);
}

/* The address of a rendition's playlist behind its tag, which that ends. */
static void
end_variant(StringInfo out, char *at, const VvRendition *rendition)
{
	*at++ = '\n';
	at = stpcpy(at, rendition->name);
	end_tag(out, stpcpy(at, ".m3u8\n"));
}

/* A picture with a group of sounds. */
static void
put_variant(StringInfo out, const VvRendition *rendition,
			const AudioGroup *group, bool subtitles)
{
	char	   *at = begin_tag(out, "#EXT-X-STREAM-INF:");

	at = put_rates(at, rendition->peak_bitrate + group->peak,
				   rendition->average_bitrate + group->average);
	at = put_codecs(at, rendition->codecs, group->codecs);
	at = put_picture(at, rendition);
	at = put_groups(at, group->codecs, subtitles);
	end_variant(out, stpcpy(at, ",CLOSED-CAPTIONS=NONE"), rendition);
}

/* A sound alone, where there is no picture. */
static void
put_audio_variant(StringInfo out, const VvRendition *rendition, bool subtitles)
{
	char	   *at = begin_tag(out, "#EXT-X-STREAM-INF:");

	at = put_rates(at, rendition->peak_bitrate, rendition->average_bitrate);
	at = put_codecs(at, rendition->codecs, NULL);
	end_variant(out, put_groups(at, rendition->codecs, subtitles), rendition);
}

/*
 * Every picture with every group of sounds, that one first which every device
 * plays.
 */
static void
put_variants(StringInfo out, List *renditions, bool subtitles)
{
	const VvRendition *first = first_variant(renditions);
	List	   *groups = audio_groups(renditions);
	ListCell   *cell;
	ListCell   *group;

	if (first != NULL)
		foreach(group, groups)
			put_variant(out, first, (AudioGroup *) lfirst(group), subtitles);
	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (rendition->kind == VV_RENDITION_AUDIO && first == NULL)
			put_audio_variant(out, rendition, subtitles);
		if (rendition->kind != VV_RENDITION_VIDEO || rendition == first)
			continue;
		foreach(group, groups)
			put_variant(out, rendition, (AudioGroup *) lfirst(group), subtitles);
	}
}

/* A rendition of key frames alone, for seeking. */
static void
put_trick(StringInfo out, const VvRendition *rendition)
{
	char	   *at = begin_tag(out, "#EXT-X-I-FRAME-STREAM-INF:");

	at = put_rates(at, rendition->peak_bitrate, rendition->average_bitrate);
	at = put_codecs(at, rendition->codecs, NULL);
	at = put_picture(at, rendition);
	at = stpcpy(at, ",URI=\"");
	at = stpcpy(at, rendition->name);
	end_tag(out, stpcpy(at, ".m3u8\"\n"));
}

/* All tracks of sound and text; returns whether there are any of text. */
static bool
put_tracks(StringInfo out, List *renditions)
{
	TracksBefore before = {0};
	bool		subtitles = false;
	ListCell   *cell;

	before.names = palloc(list_length(renditions) * sizeof(Span));
	before.defaults = palloc(list_length(renditions) * sizeof(char *));
	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (rendition->kind == VV_RENDITION_AUDIO ||
			rendition->kind == VV_RENDITION_TEXT)
			put_track(out, rendition, &before);
		if (rendition->kind == VV_RENDITION_TEXT)
			subtitles = true;
	}
	return subtitles;
}

/*
 * Appends the multivariant playlist of a generation, or of what plays early of
 * it; false where it has no renditions.
 */
bool
vv_put_multivariant(StringInfo out, text *video_id, int generation, bool early)
{
	List	   *renditions = vv_read_renditions(video_id, generation, early, false);
	ListCell   *cell;

	if (renditions == NIL)
		return false;
	vv_text_literal(out, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	vv_put_hls_session_keys(out, renditions);
	put_variants(out, renditions, put_tracks(out, renditions));
	foreach(cell, renditions)
	{
		const VvRendition *rendition = (const VvRendition *) lfirst(cell);

		if (rendition->kind == VV_RENDITION_TRICK)
			put_trick(out, rendition);
	}
	return true;
}

/* A duration as playlists have it: in millionths of a second, rounded */
static int64
in_micros(int64 duration, int64 timescale)
{
	return (duration * 1000000 + timescale / 2) / timescale;
}

/*
 * No segment may be longer, each rounded to whole seconds as it is told: one of
 * 4.4999999 s is told as 4.500000.
 */
static int64
target_duration(const VvSegments *segments)
{
	int64		longest = 1;

	for (int i = 0; i < segments->n; i++)
		longest = Max(longest, segments->durations[i]);
	return Max(1, (in_micros(longest, segments->timescale) + 500000) / 1000000);
}

/* More than the numbers and tags of a segment ever take */
#define SEGMENT_LEN		128

/* Appends without a look at whether there is room. */
static void
put_bytes(StringInfo out, const char *bytes, int len)
{
	memcpy(out->data + out->len, bytes, len);
	out->len += len;
}

/* The same of a number. */
static void
put_number(StringInfo out, int64 number)
{
	out->len += pg_lltoa(number, out->data + out->len);
}

/* The line of a duration: seconds with six decimals. */
static int
extinf_line(char *line, int64 duration, int64 timescale)
{
	int64		micros = in_micros(duration, timescale);
	char	   *at = line;

	memcpy(at, "#EXTINF:", 8);
	at += 8;
	at += pg_lltoa(micros / 1000000, at);
	*at++ = '.';
	at = pg_ultostr_zeropad(at, (uint32) (micros % 1000000), 6);
	memcpy(at, ",\n", 2);
	return at + 2 - line;
}

/*
 * Segments, each with its duration and its bytes in the file. Hours have
 * thousands of them, most as long as the one before.
 */
static void
put_segments(StringInfo out, const VvSegments *segments)
{
	bool		ranges = segments->kind != VV_RENDITION_TEXT;
	int			file_len = strlen(segments->file);
	int64		offset = segments->first_offset;
	char		line[SEGMENT_LEN];
	int			line_len = 0;

	for (int i = 0; i < segments->n; i++)
	{
		enlargeStringInfo(out, 2 * SEGMENT_LEN + file_len);
		if (i == 0 || segments->durations[i] != segments->durations[i - 1])
			line_len = extinf_line(line, segments->durations[i],
								   segments->timescale);
		put_bytes(out, line, line_len);
		if (ranges)
		{
			put_bytes(out, "#EXT-X-BYTERANGE:", 17);
			put_number(out, segments->sizes[i]);
			put_bytes(out, "@", 1);
			put_number(out, offset);
			put_bytes(out, "\n", 1);
		}
		put_bytes(out, segments->file, file_len);
		put_bytes(out, "\n", 1);
		offset += segments->sizes[i];
	}
	out->data[out->len] = '\0';
}

/* The whole playlist of a rendition. */
static void
put_playlist(StringInfo out, const VvSegments *segments)
{
	/* for the most part in one piece of memory */
	enlargeStringInfo(out, Min(segments->n, 10000) *
					  (64 + strlen(segments->file)) + 1024);
	vv_text_line(out, "#EXTM3U");
	vv_text_line(out, "#EXT-X-VERSION:6");
	appendStringInfo(out, "#EXT-X-TARGETDURATION:" INT64_FORMAT "\n",
					 target_duration(segments));
	vv_text_line(out, "#EXT-X-PLAYLIST-TYPE:VOD");
	vv_text_line(out, segments->kind == VV_RENDITION_TRICK ?
				 "#EXT-X-I-FRAMES-ONLY" : "#EXT-X-INDEPENDENT-SEGMENTS");
	if (segments->kind != VV_RENDITION_TEXT)
		appendStringInfo(out, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"" INT64_FORMAT "@0\"\n",
						 segments->file, segments->init_size);
	vv_put_hls_key(out, &segments->key);
	put_segments(out, segments);
	vv_text_line(out, "#EXT-X-ENDLIST");
}

/*
 * Appends the playlist of a rendition of a generation; false where there is none
 * of that name.
 */
bool
vv_put_media_playlist(StringInfo out, text *video_id, int generation,
					  text *name)
{
	VvSegments	segments;

	if (!vv_read_segments(video_id, generation, name, &segments))
		return false;
	put_playlist(out, &segments);
	return true;
}

/* The reply of vvault_hls. */
static bool
write_multivariant(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			generation;

	if (vv_reply_is_known(reply, VV_MANIFEST_MAX_AGE, 0, 0))
		return true;
	generation = vv_generation_asked(fcinfo, reply, 1);
	return generation != 0 &&
		vv_put_multivariant(out, PG_GETARG_TEXT_PP(0), generation, false);
}

/* The reply of vvault_hls_media. */
static bool
write_media(FunctionCallInfo fcinfo, VvReply *reply, StringInfo out)
{
	int			generation;

	if (vv_reply_is_known(reply, VV_MANIFEST_MAX_AGE, 0, 0))
		return true;
	generation = vv_generation_asked(fcinfo, reply, 2);
	return !PG_ARGISNULL(1) && generation != 0 &&
		vv_put_media_playlist(out, PG_GETARG_TEXT_PP(0), generation,
							  PG_GETARG_TEXT_PP(1));
}

static const VvReplier multivariant = {
	.name = "vvault_hls",
	.nargs = 2,
	.argtypes = {TEXTOID, INT4OID},
	.source = &vv_assets,
	.scope_arg = 1,
	.as_owner = true,
	.without_sql = true,
	.content_type = CONTENT_TYPE,
	.allow = vv_may_be_shown,
	.write = write_multivariant,
};

static const VvReplier media = {
	.name = "vvault_hls_media",
	.nargs = 3,
	.argtypes = {TEXTOID, TEXTOID, INT4OID},
	.source = &vv_assets,
	.scope_arg = 1,
	.as_owner = true,
	.without_sql = true,
	.content_type = CONTENT_TYPE,
	.allow = vv_may_be_shown,
	.write = write_media,
};

/*
 * vvault_hls(video_id text, generation integer) returns the domain over bytea
 *
 * A video's multivariant playlist; NULL for a video without renditions, and
 * where another generation is shown than the one that is asked for. 42501 where
 * the caller may not watch it. Source: vvault_stream.renditions.
 */
Datum
vvault_hls(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &multivariant);
}

/*
 * vvault_hls_media(video_id text, rendition text, generation integer) returns
 *		the domain over bytea
 *
 * The playlist of a rendition; NULL where there is none, and where another
 * generation is shown. 42501 where the caller may not watch it. Source:
 * vvault_stream.renditions.
 */
Datum
vvault_hls_media(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return vv_reply(fcinfo, &media);
}
