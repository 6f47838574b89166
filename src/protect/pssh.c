/*-------------------------------------------------------------------------
 *
 * pssh.c
 *		What a file or manifest tells each system of protection about its keys.
 *
 * A pssh box (ISO/IEC 23001-7, 8.1) names a system and has its data. Of the
 * common system (W3C's "cenc" Initialization Data Format) that is a list of key
 * ids; of Widevine a message of Protocol Buffers; of PlayReady an object with a
 * header in XML. None of them has a key in it.
 *
 *-------------------------------------------------------------------------
 */
#include "protect/pssh.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "core/digest.h"
#include "core/xml_writer.h"
#include "protect/crypto.h"

PG_FUNCTION_INFO_V1(vvault_stream_pssh);
PG_FUNCTION_INFO_V1(vvault_playready_checksum);

#define SYSTEM_LEN		16
#define PLAYREADY_HEADER_SPACE	"http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader"

static const uint8 common_system[SYSTEM_LEN] = {
	0x10, 0x77, 0xef, 0xec, 0xc0, 0xb2, 0x4d, 0x02,
	0xac, 0xe3, 0x3c, 0x1e, 0x52, 0xe2, 0xfb, 0x4b
};
static const uint8 widevine_system[SYSTEM_LEN] = {
	0xed, 0xef, 0x8b, 0xa9, 0x79, 0xd6, 0x4a, 0xce,
	0xa3, 0xc8, 0x27, 0xdc, 0xd5, 0x1d, 0x21, 0xed
};
static const uint8 playready_system[SYSTEM_LEN] = {
	0x9a, 0x04, 0xf0, 0x79, 0x98, 0x40, 0x42, 0x86,
	0xab, 0x92, 0xe6, 0x5b, 0xe0, 0x88, 0x5f, 0x95
};

/* A number of len bytes, the highest first as in boxes. */
static void
put_high_first(StringInfo out, uint32 number, int len)
{
	for (int i = len - 1; i >= 0; i--)
		appendStringInfoCharMacro(out, (char) (number >> 8 * i));
}

/* The same, the lowest first, as in PlayReady's object. */
static void
put_low_first(StringInfo out, uint32 number, int len)
{
	for (int i = 0; i < len; i++)
		appendStringInfoCharMacro(out, (char) (number >> 8 * i));
}

/* A box with its data; key ids where they stand in the box itself, else NULL. */
static void
put_box(StringInfo out, const uint8 *system, const VvKeyIds *keys,
		const char *data, int len)
{
	int			listed = keys != NULL ? 4 + keys->n * VV_KID_LEN : 0;

	put_high_first(out, 12 + SYSTEM_LEN + listed + 4 + len, 4);
	appendBinaryStringInfo(out, "pssh", 4);
	put_high_first(out, keys != NULL ? 0x01000000 : 0, 4);
	appendBinaryStringInfo(out, (const char *) system, SYSTEM_LEN);
	if (keys != NULL)
	{
		put_high_first(out, keys->n, 4);
		appendBinaryStringInfo(out, (const char *) keys->kids, keys->n * VV_KID_LEN);
	}
	put_high_first(out, len, 4);
	appendBinaryStringInfo(out, data, len);
}

/*
 * Appends the box of the common system, version 1.
 */
void
vv_put_common_pssh(StringInfo out, const VvKeyIds *keys)
{
	put_box(out, common_system, keys, "", 0);
}

/* A whole number of Protocol Buffers: seven bits a byte, the lowest first. */
static void
put_varint(StringInfo out, uint32 number)
{
	for (; number >= 0x80; number >>= 7)
		appendStringInfoCharMacro(out, (char) (number | 0x80));
	appendStringInfoCharMacro(out, (char) number);
}

/*
 * Appends Widevine's box: its message has the key ids (field 2, bytes), and
 * before them for cenc the algorithm (field 1: 1 is AES-CTR), behind them for
 * cbcs the scheme (field 9, its four letters as a number).
 */
void
vv_put_widevine_pssh(StringInfo out, const VvKeyIds *keys)
{
	StringInfoData message;

	initStringInfo(&message);
	if (!keys->cbcs)
		appendBinaryStringInfo(&message, "\x08\x01", 2);
	for (int i = 0; i < keys->n; i++)
	{
		appendBinaryStringInfo(&message, "\x12\x10", 2);
		appendBinaryStringInfo(&message, (const char *) keys->kids + i * VV_KID_LEN,
							   VV_KID_LEN);
	}
	if (keys->cbcs)
	{
		appendStringInfoCharMacro(&message, 9 << 3);
		put_varint(&message, 'c' << 24 | 'b' << 16 | 'c' << 8 | 's');
	}
	put_box(out, widevine_system, NULL, message.data, message.len);
	pfree(message.data);
}

/*
 * A key id as Windows writes a GUID: its first three groups the lowest byte
 * first.
 */
void
vv_put_guid(const uint8 *kid, uint8 *guid)
{
	static const uint8 from[VV_KID_LEN] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

	for (int i = 0; i < VV_KID_LEN; i++)
		guid[i] = kid[from[i]];
}

/* The id of a key as PlayReady's header has it. */
static char *
encoded_guid(const uint8 *kid)
{
	uint8		guid[VV_KID_LEN];

	vv_put_guid(kid, guid);
	return vv_base64(guid, VV_KID_LEN);
}

/* The header 4.0.0.0, which every PlayReady reads: one key, AES-CTR. */
static void
put_first_header(VvXml *xml, const VvKeyIds *keys)
{
	vv_xml_open(xml, "PROTECTINFO");
	vv_xml_element(xml, "KEYLEN", "16");
	vv_xml_element(xml, "ALGID", "AESCTR");
	vv_xml_close(xml, "PROTECTINFO");
	vv_xml_element(xml, "KID", encoded_guid(keys->kids));
	if (keys->checksums != NULL)
		vv_xml_element(xml, "CHECKSUM", vv_base64(keys->checksums, VV_CHECKSUM_LEN));
}

/* The header 4.3.0.0, for AES-CBC or several keys. Nothing is left unclosed. */
static void
put_later_header(VvXml *xml, const VvKeyIds *keys)
{
	vv_xml_open(xml, "PROTECTINFO");
	vv_xml_open(xml, "KIDS");
	for (int i = 0; i < keys->n; i++)
	{
		vv_xml_open(xml, "KID");
		vv_xml_attribute(xml, "ALGID", keys->cbcs ? "AESCBC" : "AESCTR");
		if (keys->checksums != NULL && !keys->cbcs)
			vv_xml_attribute(xml, "CHECKSUM",
							 vv_base64(keys->checksums + i * VV_CHECKSUM_LEN, VV_CHECKSUM_LEN));
		vv_xml_attribute(xml, "VALUE", encoded_guid(keys->kids + i * VV_KID_LEN));
		vv_xml_text(xml, "", 0);
		vv_xml_close(xml, "KID");
	}
	vv_xml_close(xml, "KIDS");
	vv_xml_close(xml, "PROTECTINFO");
}

/*
 * Appends a PlayReady Object: its length, one record of type 1, and in it the
 * header in UTF-16. All of it is ASCII.
 */
void
vv_put_playready_object(StringInfo out, const VvKeyIds *keys)
{
	bool		first = keys->n == 1 && !keys->cbcs;
	StringInfoData header;
	VvXml		xml = {.out = &header};

	initStringInfo(&header);
	vv_xml_open(&xml, "WRMHEADER");
	vv_xml_attribute(&xml, "xmlns", PLAYREADY_HEADER_SPACE);
	vv_xml_attribute(&xml, "version", first ? "4.0.0.0" : "4.3.0.0");
	vv_xml_open(&xml, "DATA");
	if (first)
		put_first_header(&xml, keys);
	else
		put_later_header(&xml, keys);
	vv_xml_close(&xml, "DATA");
	vv_xml_close(&xml, "WRMHEADER");
	put_low_first(out, 10 + 2 * header.len, 4);
	put_low_first(out, 1, 2);
	put_low_first(out, 1, 2);
	put_low_first(out, 2 * header.len, 2);
	for (int i = 0; i < header.len; i++)
		put_low_first(out, (uint8) header.data[i], 2);
	pfree(header.data);
}

/*
 * Appends PlayReady's box.
 */
void
vv_put_playready_pssh(StringInfo out, const VvKeyIds *keys)
{
	StringInfoData object;

	initStringInfo(&object);
	vv_put_playready_object(&object, keys);
	put_box(out, playready_system, NULL, object.data, object.len);
	pfree(object.data);
}

/* The elements of an array of uuid or bytea, len bytes each, in one piece. */
static uint8 *
all_bytes(ArrayType *array, int len, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	uint8	   *bytes;
	bool		uuids = ARR_ELEMTYPE(array) == UUIDOID;

	deconstruct_array(array, ARR_ELEMTYPE(array), uuids ? UUID_LEN : -1, false,
					  uuids ? TYPALIGN_CHAR : TYPALIGN_INT, &elements, &nulls, n);
	bytes = palloc((Size) len * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i] || (!uuids && (int) VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])) != len))
			return NULL;
		memcpy(bytes + i * len, uuids ? (void *) DatumGetUUIDP(elements[i])->data :
			   (void *) VARDATA_ANY(DatumGetPointer(elements[i])), len);
	}
	return bytes;
}

/*
 * vvault_stream.pssh(what text, kids uuid[], scheme text, checksums bytea[])
 *		returns bytea
 *
 * The box of common, widevine or playready, or the object of playready_object,
 * that tells of these keys; scheme is cenc or cbcs; checksums are PlayReady's, of
 * eight bytes, or NULL. NULL for no key. 22023 for anything else.
 */
Datum
vvault_stream_pssh(PG_FUNCTION_ARGS)
{
	char	   *what;
	VvKeyIds	keys = {0};
	int			nchecksums;
	StringInfoData out;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	what = text_to_cstring(PG_GETARG_TEXT_PP(0));
	keys.kids = all_bytes(PG_GETARG_ARRAYTYPE_P(1), VV_KID_LEN, &keys.n);
	keys.cbcs = strcmp(text_to_cstring(PG_GETARG_TEXT_PP(2)), "cbcs") == 0;
	if (keys.kids == NULL || keys.n == 0)
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(3))
	{
		keys.checksums = all_bytes(PG_GETARG_ARRAYTYPE_P(3), VV_CHECKSUM_LEN, &nchecksums);
		if (nchecksums != keys.n)
			keys.checksums = NULL;
	}
	initStringInfo(&out);
	if (strcmp(what, "common") == 0)
		vv_put_common_pssh(&out, &keys);
	else if (strcmp(what, "widevine") == 0)
		vv_put_widevine_pssh(&out, &keys);
	else if (strcmp(what, "playready") == 0)
		vv_put_playready_pssh(&out, &keys);
	else if (strcmp(what, "playready_object") == 0)
		vv_put_playready_object(&out, &keys);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid system \"%.*s\"", pg_mbcliplen(what, strlen(what), 64), what),
				 errhint("It is common, widevine, playready or playready_object.")));
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(out.data, out.len));
}

/*
 * vvault_stream.playready_checksum(kid uuid, key bytea) returns bytea
 *
 * What PlayReady's header has so that a player finds out whether it has the
 * right key: the first eight bytes of the key id as a GUID, encrypted by
 * AES-128-ECB under the key, which is 16 bytes, else NULL. 0A000 without
 * OpenSSL. STRICT.
 */
Datum
vvault_playready_checksum(PG_FUNCTION_ARGS)
{
	bytea	   *key = PG_GETARG_BYTEA_PP(1);
	uint8		guid[VV_KID_LEN];
	uint8		block[VV_AES_BLOCK];
	bytea	   *checksum = palloc(VARHDRSZ + VV_CHECKSUM_LEN);

	if (VARSIZE_ANY_EXHDR(key) != VV_AES_BLOCK)
		PG_RETURN_NULL();
	vv_put_guid(PG_GETARG_UUID_P(0)->data, guid);
	vv_aes128_block((const uint8 *) VARDATA_ANY(key), guid, block);
	memcpy(VARDATA(checksum), block, VV_CHECKSUM_LEN);
	SET_VARSIZE(checksum, VARHDRSZ + VV_CHECKSUM_LEN);
	PG_RETURN_BYTEA_P(checksum);
}
