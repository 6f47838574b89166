/*-------------------------------------------------------------------------
 *
 * codecs.c
 *		What a sample entry says of a codec, as RFC 6381 writes it: the string
 *		that MediaSource.isTypeSupported, HLS and DASH take.
 *
 *-------------------------------------------------------------------------
 */
#include "media/codecs.h"

#define AVC1	VV_BOX_TYPE('a', 'v', 'c', '1')
#define AVC3	VV_BOX_TYPE('a', 'v', 'c', '3')
#define HVC1	VV_BOX_TYPE('h', 'v', 'c', '1')
#define HEV1	VV_BOX_TYPE('h', 'e', 'v', '1')
#define AV01	VV_BOX_TYPE('a', 'v', '0', '1')
#define VP09	VV_BOX_TYPE('v', 'p', '0', '9')
#define MP4A	VV_BOX_TYPE('m', 'p', '4', 'a')
#define OPUS	VV_BOX_TYPE('O', 'p', 'u', 's')
#define FLAC	VV_BOX_TYPE('f', 'L', 'a', 'C')
#define AC_3	VV_BOX_TYPE('a', 'c', '-', '3')
#define EC_3	VV_BOX_TYPE('e', 'c', '-', '3')
#define WVTT	VV_BOX_TYPE('w', 'v', 't', 't')
#define STPP	VV_BOX_TYPE('s', 't', 'p', 'p')

/* The four letters of a format, as text. */
static const char *
format_name(uint32 format, char name[5])
{
	for (int i = 0; i < 4; i++)
		name[i] = (char) (format >> (24 - 8 * i));
	name[4] = '\0';
	return name;
}

/* ISO/IEC 14496-15, annex E: profile, constraints and level as they stand. */
static bool
avc_string(uint32 format, VvBytes boxes, char *codec)
{
	char		name[5];
	VvBox		box;
	uint32		figures;

	if (!vv_find_box(boxes, VV_BOX_TYPE('a', 'v', 'c', 'C'), &box))
		return false;
	vv_skip(&box.content, 1);
	figures = (uint32) vv_get_number(&box.content, 3);
	snprintf(codec, VV_CODEC_LEN, "%s.%06x", format_name(format, name), figures);
	return !box.content.overrun;
}

/* The lowest bit first: HEVC's compatibility flags are written so. */
static uint32
reversed_bits(uint32 value)
{
	uint32		reversed = 0;

	for (int i = 0; i < 32; i++)
		reversed |= (value >> i & 1) << (31 - i);
	return reversed;
}

/* The same annex, of HEVC: constraint bytes without the zeros at their end. */
static bool
hevc_string(uint32 format, VvBytes boxes, char *codec)
{
	static const char *const spaces[] = {"", "A", "B", "C"};
	char		name[5];
	VvBox		box;
	uint8		constraints[6];
	int			profile;
	uint32		compatibility;
	int			level;
	int			n = 6;
	int			len;

	if (!vv_find_box(boxes, VV_BOX_TYPE('h', 'v', 'c', 'C'), &box))
		return false;
	vv_skip(&box.content, 1);
	profile = (int) vv_get_number(&box.content, 1);
	compatibility = (uint32) vv_get_number(&box.content, 4);
	for (int i = 0; i < 6; i++)
		constraints[i] = (uint8) vv_get_number(&box.content, 1);
	level = (int) vv_get_number(&box.content, 1);
	len = snprintf(codec, VV_CODEC_LEN, "%s.%s%d.%X.%c%d",
				   format_name(format, name), spaces[profile >> 6],
				   profile & 31, reversed_bits(compatibility),
				   profile & 32 ? 'H' : 'L', level);
	while (n > 0 && constraints[n - 1] == 0)
		n--;
	for (int i = 0; i < n; i++)
		len += snprintf(codec + len, VV_CODEC_LEN - len, ".%X", constraints[i]);
	return !box.content.overrun;
}

/* AV1 Codec ISO Media File Format Binding, section 5 */
static bool
av1_string(VvBytes boxes, char *codec)
{
	VvBox		box;
	int			profile_level;
	int			bits;

	if (!vv_find_box(boxes, VV_BOX_TYPE('a', 'v', '1', 'C'), &box))
		return false;
	vv_skip(&box.content, 1);
	profile_level = (int) vv_get_number(&box.content, 1);
	bits = (int) vv_get_number(&box.content, 1);
	snprintf(codec, VV_CODEC_LEN, "av01.%d.%02d%c.%02d", profile_level >> 5,
			 profile_level & 31, bits & 0x80 ? 'H' : 'M',
			 bits & 0x20 ? 12 : bits & 0x40 ? 10 : 8);
	return !box.content.overrun;
}

/* VP Codec ISO Media File Format Binding, section "Codecs Parameter String" */
static bool
vp9_string(VvBytes boxes, char *codec)
{
	VvBox		box;
	int			profile;
	int			level;
	int			depth;

	if (!vv_find_box(boxes, VV_BOX_TYPE('v', 'p', 'c', 'C'), &box))
		return false;
	(void) vv_full_box_version(&box.content, NULL);
	profile = (int) vv_get_number(&box.content, 1);
	level = (int) vv_get_number(&box.content, 1);
	depth = (int) vv_get_number(&box.content, 1) >> 4;
	snprintf(codec, VV_CODEC_LEN, "vp09.%02d.%02d.%02d", profile, level, depth);
	return !box.content.overrun;
}

/*
 * A descriptor of MPEG-4 systems: its tag, its length in groups of seven bits,
 * and its content. False where it is another one.
 */
static bool
open_descriptor(VvBytes *bytes, int tag, VvBytes *content)
{
	uint32		len = 0;
	int			byte;
	int			n = 0;

	if ((int) vv_get_number(bytes, 1) != tag)
		return false;
	do
	{
		byte = (int) vv_get_number(bytes, 1);
		len = len << 7 | (byte & 127);
	} while (byte & 128 && ++n < 4);
	*content = vv_get_bytes(bytes, len);
	return !bytes->overrun;
}

/* What stands between the head of an ES descriptor and what it holds */
static void
skip_es_head(VvBytes *es)
{
	int			flags;

	vv_skip(es, 2);
	flags = (int) vv_get_number(es, 1);
	if (flags & 0x80)
		vv_skip(es, 2);
	if (flags & 0x40)
		vv_skip(es, vv_get_number(es, 1));
	if (flags & 0x20)
		vv_skip(es, 2);
}

/*
 * The type in an AudioSpecificConfig: 5 bits, or 6 more behind an escape
 * (ISO/IEC 14496-3).
 */
static int
audio_object_type(VvBytes *config)
{
	int			bits = (int) vv_get_number(config, 1);
	int			type = bits >> 3;

	if (type == 31)
		type = 32 + ((bits & 7) << 3 | (int) vv_get_number(config, 1) >> 5);
	return type;
}

/* RFC 6381, 3.3: the object type, and that of audio for MPEG-4 audio */
static bool
mp4a_string(VvBytes boxes, char *codec)
{
	VvBox		box;
	VvBytes		es;
	VvBytes		decoder;
	VvBytes		config;
	int			object_type;

	if (!vv_find_box(boxes, VV_BOX_TYPE('e', 's', 'd', 's'), &box))
		return false;
	(void) vv_full_box_version(&box.content, NULL);
	if (!open_descriptor(&box.content, 3, &es))
		return false;
	skip_es_head(&es);
	if (!open_descriptor(&es, 4, &decoder))
		return false;
	object_type = (int) vv_get_number(&decoder, 1);
	vv_skip(&decoder, 12);
	if (decoder.overrun)
		return false;
	if (object_type != 0x40)
	{
		snprintf(codec, VV_CODEC_LEN, "mp4a.%02x", object_type);
		return true;
	}
	if (!open_descriptor(&decoder, 5, &config))
		return false;
	snprintf(codec, VV_CODEC_LEN, "mp4a.%02x.%d", object_type,
			 audio_object_type(&config));
	return !config.overrun;
}

/*
 * The codec of a sample entry: of its format, with the boxes in it. False for
 * one that is unknown or damaged.
 */
bool
vv_codec_string(uint32 format, VvBytes boxes, char *codec)
{
	char		name[5];

	switch (format)
	{
		case AVC1:
		case AVC3:
			return avc_string(format, boxes, codec);
		case HVC1:
		case HEV1:
			return hevc_string(format, boxes, codec);
		case AV01:
			return av1_string(boxes, codec);
		case VP09:
			return vp9_string(boxes, codec);
		case MP4A:
			return mp4a_string(boxes, codec);
		case OPUS:
			strlcpy(codec, "opus", VV_CODEC_LEN);
			return true;
		case FLAC:
			strlcpy(codec, "flac", VV_CODEC_LEN);
			return true;
		case STPP:
			strlcpy(codec, "stpp.ttml.im1t", VV_CODEC_LEN);
			return true;
		case AC_3:
		case EC_3:
		case WVTT:
			strlcpy(codec, format_name(format, name), VV_CODEC_LEN);
			return true;
		default:
			return false;
	}
}
