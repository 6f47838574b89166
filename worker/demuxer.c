/*-------------------------------------------------------------------------
 *
 * demuxer.c
 *		Which demuxer of ffmpeg reads a file, by its first bytes.
 *
 * ffmpeg is never left to guess: among its demuxers are some that read other
 * files or addresses that the file names (playlists, manifests, concat
 * scripts), and some that never end (pictures in a loop). Only those in the
 * table here are used, and none of them opens anything but its own file.
 *
 *-------------------------------------------------------------------------
 */
#include "demuxer.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* Bytes at a place; a second such pair where one is not enough. */
typedef struct Magic
{
	size_t		at;
	const char *bytes;
	size_t		length;
	size_t		also_at;
	const char *also;
	const char *demuxer;		/* NULL: refused */
	const char *refusal;
} Magic;

#define HERE(at, bytes) at, bytes, sizeof(bytes) - 1
#define PICTURE "It is a still picture, not a video."
#define PLAYLIST "It is a playlist that names other files, not a video."
#define MANIFEST "It is a manifest that names other files, not a video."
#define SCRIPT "It is a script that names other files, not a video."
#define DOCUMENT "It is a document, not a video."
#define ARCHIVE "It is an archive, not a video. Unpack it and upload the video in it."
#define PROGRAM "It is a program, not a video."

/* The first that fits counts. */
static const Magic table[] = {
	{HERE(4, "ftyp"), 8, "heic", NULL, PICTURE},
	{HERE(4, "ftyp"), 8, "mif1", NULL, PICTURE},
	{HERE(4, "ftyp"), 8, "avif", NULL, PICTURE},
	{HERE(4, "ftyp"), 0, NULL, "mov", NULL},
	{HERE(4, "moov"), 0, NULL, "mov", NULL},
	{HERE(4, "mdat"), 0, NULL, "mov", NULL},
	{HERE(4, "wide"), 0, NULL, "mov", NULL},
	{HERE(4, "free"), 0, NULL, "mov", NULL},
	{HERE(4, "skip"), 0, NULL, "mov", NULL},
	{HERE(4, "pnot"), 0, NULL, "mov", NULL},
	{HERE(0, "\x1A\x45\xDF\xA3"), 0, NULL, "matroska", NULL},
	{HERE(0, "RIFF"), 8, "AVI ", "avi", NULL},
	{HERE(0, "RIFF"), 8, "WAVE", "wav", NULL},
	{HERE(0, "RF64"), 8, "WAVE", "wav", NULL},
	{HERE(0, "RIFF"), 8, "WEBP", NULL, PICTURE},
	{HERE(0, "FLV\x01"), 0, NULL, "flv", NULL},
	{HERE(0, "OggS"), 0, NULL, "ogg", NULL},
	{HERE(0, "fLaC"), 0, NULL, "flac", NULL},
	{HERE(0, "FORM"), 8, "AIFF", "aiff", NULL},
	{HERE(0, "FORM"), 8, "AIFC", "aiff", NULL},
	{HERE(0, "\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\x00\xAA\x00\x62\xCE\x6C"), 0, NULL, "asf", NULL},
	{HERE(0, "\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02"), 0, NULL, "mxf", NULL},
	{HERE(0, "\x00\x00\x01\xBA"), 0, NULL, "mpeg", NULL},
	{HERE(0, "\xFF\xD8\xFF"), 0, NULL, NULL, PICTURE},
	{HERE(0, "\x89PNG"), 0, NULL, NULL, PICTURE},
	{HERE(0, "\x8AMNG"), 0, NULL, NULL, PICTURE},
	{HERE(0, "GIF8"), 0, NULL, NULL, "It is a GIF, which may go on for ever. Upload a video."},
	{HERE(0, "BM"), 6, "\0\0\0", NULL, PICTURE},
	{HERE(0, "II*\0"), 0, NULL, NULL, PICTURE},
	{HERE(0, "MM\0*"), 0, NULL, NULL, PICTURE},
	{HERE(0, "\0\0\1\0"), 0, NULL, NULL, PICTURE},
	{HERE(0, "%PDF"), 0, NULL, NULL, DOCUMENT},
	{HERE(0, "PK\3\4"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "\x1F\x8B"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "7z\xBC\xAF"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "Rar!"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "\xFD" "7zXZ"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "BZh"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "\x28\xB5\x2F\xFD"), 0, NULL, NULL, ARCHIVE},
	{HERE(0, "\x7F" "ELF"), 0, NULL, NULL, PROGRAM},
	{HERE(0, "MZ"), 0, NULL, NULL, PROGRAM},
};

/* How texts begin that mean something to ffmpeg; letter case does not count. */
static const Magic scripts[] = {
	{HERE(0, "#EXTM3U"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "#EXT-X-"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "[playlist]"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "[Reference]"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "RTSPtext"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "ffconcat"), 0, NULL, NULL, SCRIPT},
	{HERE(0, "# ffconcat"), 0, NULL, NULL, SCRIPT},
	{HERE(0, "#!"), 0, NULL, NULL, SCRIPT},
	{HERE(0, "v=0"), 0, NULL, NULL, "It is a description of a stream, not a video."},
	{HERE(0, "<?xml"), 0, NULL, NULL, MANIFEST},
	{HERE(0, "<MPD"), 0, NULL, NULL, MANIFEST},
	{HERE(0, "<SmoothStreamingMedia"), 0, NULL, NULL, MANIFEST},
	{HERE(0, "<ASX"), 0, NULL, NULL, PLAYLIST},
	{HERE(0, "<!DOCTYPE"), 0, NULL, NULL, "It is a web page, not a video."},
	{HERE(0, "<html"), 0, NULL, NULL, "It is a web page, not a video."},
	{HERE(0, "WEBVTT"), 0, NULL, NULL, "It is a file of subtitles, not a video."},
};

/* Whether data has these bytes at this place. */
static bool
stands_at(const unsigned char *data, size_t length, size_t at, const char *bytes, size_t bytes_length)
{
	return length >= at + bytes_length && memcmp(data + at, bytes, bytes_length) == 0;
}

/* Whether data begins as files of this kind do. */
static bool
fits(const Magic *magic, const unsigned char *data, size_t length)
{
	return stands_at(data, length, magic->at, magic->bytes, magic->length) &&
		(magic->also == NULL || stands_at(data, length, magic->also_at, magic->also,
										  magic->also_at == 6 ? 3 : 4));
}

/* Packets of MPEG-TS: a sync byte each so many bytes, from the first on. */
static bool
is_transport_stream(const unsigned char *data, size_t length)
{
	static const size_t sizes[] = {188, 192, 204};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		size_t		first = sizes[i] == 192 ? 4 : 0;
		size_t		packets = 0;

		while (packets < 5 && first + packets * sizes[i] < length &&
			   data[first + packets * sizes[i]] == 0x47)
			packets++;
		if (packets == 5 || (packets > 0 && first + packets * sizes[i] >= length))
			return true;
	}
	return false;
}

/* The bytes of a frame of AAC in ADTS; 0 if none begins here. */
static size_t
adts_frame(const unsigned char *data, size_t length)
{
	size_t		size;

	if (length < 7 || data[0] != 0xFF || (data[1] & 0xF6) != 0xF0 || (data[2] >> 2 & 15) > 12)
		return 0;
	size = (size_t) (data[3] & 3) << 11 | (size_t) data[4] << 3 | data[5] >> 5;
	return size >= 7 ? size : 0;
}

/* The bytes of a frame of MPEG audio, layer 2 or 3; 0 if none begins here. */
static size_t
mpeg_audio_frame(const unsigned char *data, size_t length)
{
	static const int rates[3][15] = {
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}, /* MPEG-1, layer 3 */
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},	/* layer 2 */
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}, /* MPEG-2 */
	};
	static const int frequencies[] = {44100, 48000, 32000};
	int			version;
	int			layer;
	int			bitrate;
	int			frequency;

	if (length < 4 || data[0] != 0xFF || (data[1] & 0xE0) != 0xE0)
		return 0;
	version = data[1] >> 3 & 3; /* 3 is MPEG-1, 2 MPEG-2, 0 MPEG-2.5 */
	layer = data[1] >> 1 & 3;	/* 1 is layer 3, 2 layer 2 */
	if (version == 1 || (layer != 1 && layer != 2) || data[2] >> 4 == 15 || (data[2] >> 2 & 3) == 3)
		return 0;
	bitrate = rates[version != 3 ? 2 : layer - 1][data[2] >> 4] * 1000;
	frequency = frequencies[data[2] >> 2 & 3] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
	return (size_t) ((version != 3 && layer == 1 ? 72 : 144) * bitrate / frequency + (data[2] >> 1 & 1));
}

/* Sound without a container: two frames, one behind the other. */
static const char *
frames_of_sound(const unsigned char *data, size_t length)
{
	size_t		size = adts_frame(data, length);

	if (size > 0 && size < length && adts_frame(data + size, length - size) > 0)
		return "aac";
	size = mpeg_audio_frame(data, length);
	if (size > 0 && size < length && mpeg_audio_frame(data + size, length - size) > 0)
		return "mp3";
	return NULL;
}

/* The bytes of an ID3 tag at the beginning. */
static size_t
id3_length(const unsigned char *data, size_t length)
{
	if (length < 10 || memcmp(data, "ID3", 3) != 0)
		return 0;
	return 10 + ((size_t) (data[6] & 127) << 21 | (size_t) (data[7] & 127) << 14 |
				 (size_t) (data[8] & 127) << 7 | (size_t) (data[9] & 127));
}

/* Is it text, as far as we see? */
static bool
is_text(const unsigned char *data, size_t length)
{
	if (length > 512)
		length = 512;
	for (size_t i = 0; i < length; i++)
	{
		if (data[i] < 32 && strchr("\t\n\r\f\x1B", data[i]) == NULL)
			return false;
		if (data[i] == 0)
			return false;
	}
	return true;
}

/* Why a file that is a text is refused, as a sentence that is nobody's to free. */
static const char *
refusal_of_text(const unsigned char *data, size_t length)
{
	if (length >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0)
	{
		data += 3;
		length -= 3;
	}
	while (length > 0 && strchr(" \t\r\n", data[0]) != NULL && data[0] != 0)
	{
		data++;
		length--;
	}
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
	{
		if (length >= scripts[i].length &&
			strncasecmp((const char *) data, scripts[i].bytes, scripts[i].length) == 0)
			return scripts[i].refusal;
	}
	return "It is a text, not a video.";
}

/*
 * The name of the demuxer, or NULL and a sentence that says what is wrong with
 * the file. length may be less than the file's, but then DEMUXER_BYTES at least.
 */
const char *
choose_demuxer(const unsigned char *data, size_t length, const char **refusal)
{
	const char *sound;
	size_t		tag;

	*refusal = NULL;
	if (length == 0)
	{
		*refusal = "It is empty.";
		return NULL;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
	{
		if (fits(&table[i], data, length))
		{
			*refusal = table[i].refusal;
			return table[i].demuxer;
		}
	}
	if (is_transport_stream(data, length))
		return "mpegts";
	tag = id3_length(data, length);
	if (tag >= length && tag > 0)
		return "mp3";			/* a tag with a large picture in it */
	sound = frames_of_sound(data + tag, length - tag);
	if (sound != NULL)
		return sound;
	if (is_text(data, length))
		*refusal = refusal_of_text(data, length);
	else
		*refusal = "It is of no kind of video or sound that is known here.";
	return NULL;
}
