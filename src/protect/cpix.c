/*-------------------------------------------------------------------------
 *
 * cpix.c
 *		Keys for the licence server of a vendor: a document of CPIX 2.3
 *		(DASH-IF, Content Protection Information Exchange Format).
 *
 *-------------------------------------------------------------------------
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/uuid.h"

#include "core/digest.h"
#include "core/xml_writer.h"
#include "protect/pssh.h"

PG_FUNCTION_INFO_V1(vvault_stream_cpix);

/* What a document tells of one key. */
typedef struct CpixKey
{
	char	   *kid;			/* as a uuid is written */
	const char *class;
	VvKeyIds	ids;
	char	   *secret;			/* in base64 */
} CpixKey;

/* What becomes of an array of SQL without NULLs. */
static Datum *
elements_of(FunctionCallInfo fcinfo, int arg, int *n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	bool		uuids = ARR_ELEMTYPE(array) == UUIDOID;
	Datum	   *elements;

	deconstruct_array(array, ARR_ELEMTYPE(array), uuids ? UUID_LEN : -1, false,
					  uuids ? TYPALIGN_CHAR : TYPALIGN_INT, &elements, NULL, n);
	return elements;
}

/* In base64. */
static char *
encoded(const void *bytes, int len)
{
	StringInfoData text;

	initStringInfo(&text);
	vv_append_base64(&text, bytes, len);
	return text.data;
}

/* The keys with their values. */
static void
put_keys(VvXml *xml, const CpixKey *keys, int n, const char *scheme)
{
	vv_xml_open(xml, "ContentKeyList");
	for (int i = 0; i < n; i++)
	{
		vv_xml_open(xml, "ContentKey");
		vv_xml_attribute(xml, "kid", keys[i].kid);
		if (scheme != NULL)
			vv_xml_attribute(xml, "commonEncryptionScheme", scheme);
		vv_xml_open(xml, "Data");
		vv_xml_open(xml, "pskc:Secret");
		vv_xml_element(xml, "pskc:PlainValue", keys[i].secret);
		vv_xml_close(xml, "pskc:Secret");
		vv_xml_close(xml, "Data");
		vv_xml_close(xml, "ContentKey");
	}
	vv_xml_close(xml, "ContentKeyList");
}

/* What one system is told of a key: a pssh box. */
static void
put_system(VvXml *xml, const CpixKey *key, const char *system,
		   void (*put) (StringInfo out, const VvKeyIds *keys))
{
	StringInfoData box;

	initStringInfo(&box);
	put(&box, &key->ids);
	vv_xml_open(xml, "DRMSystem");
	vv_xml_attribute(xml, "kid", key->kid);
	vv_xml_attribute(xml, "systemId", system);
	vv_xml_element(xml, "PSSH", encoded(box.data, box.len));
	vv_xml_close(xml, "DRMSystem");
}

/* All systems, of all keys. */
static void
put_systems(VvXml *xml, const CpixKey *keys, int n, bool vendors)
{
	vv_xml_open(xml, "DRMSystemList");
	for (int i = 0; i < n; i++)
	{
		put_system(xml, &keys[i], VV_COMMON_SYSTEM, vv_put_common_pssh);
		if (!vendors)
			continue;
		put_system(xml, &keys[i], VV_WIDEVINE_SYSTEM, vv_put_widevine_pssh);
		put_system(xml, &keys[i], VV_PLAYREADY_SYSTEM, vv_put_playready_pssh);
	}
	vv_xml_close(xml, "DRMSystemList");
}

/* Which renditions a key is for: pictures by what 16 to 9 has of pixels. */
static void
put_usage(VvXml *xml, const CpixKey *key)
{
	static const struct
	{
		const char *class;
		int			least;
		int			most;
	}			pictures[] = {
		{"SD", 0, 1024 * 576}, {"HD", 1024 * 576 + 1, 1920 * 1080}, {"UHD", 1920 * 1080 + 1, 0}
	};

	vv_xml_open(xml, "ContentKeyUsageRule");
	vv_xml_attribute(xml, "kid", key->kid);
	vv_xml_attribute(xml, "intendedTrackType", key->class);
	if (strcmp(key->class, "AUDIO") == 0)
	{
		vv_xml_open(xml, "AudioFilter");
		vv_xml_close(xml, "AudioFilter");
	}
	for (int i = 0; i < (int) lengthof(pictures); i++)
	{
		if (strcmp(key->class, pictures[i].class) != 0)
			continue;
		vv_xml_open(xml, "VideoFilter");
		if (pictures[i].least > 0)
			vv_xml_attribute_int(xml, "minPixels", pictures[i].least);
		if (pictures[i].most > 0)
			vv_xml_attribute_int(xml, "maxPixels", pictures[i].most);
		vv_xml_close(xml, "VideoFilter");
	}
	vv_xml_close(xml, "ContentKeyUsageRule");
}

/* The arguments of the function below. */
static CpixKey *
get_keys(FunctionCallInfo fcinfo, bool cbcs, int *n)
{
	int			others;
	Datum	   *kids = elements_of(fcinfo, 2, n);
	Datum	   *classes = elements_of(fcinfo, 3, &others);
	Datum	   *secrets = elements_of(fcinfo, 4, &others);
	Datum	   *checksums = elements_of(fcinfo, 5, &others);
	CpixKey    *keys = palloc0(sizeof(CpixKey) * *n);

	for (int i = 0; i < *n; i++)
	{
		keys[i].kid = DatumGetCString(DirectFunctionCall1(uuid_out, kids[i]));
		keys[i].class = TextDatumGetCString(classes[i]);
		keys[i].secret = encoded(VARDATA_ANY(DatumGetPointer(secrets[i])),
								 VARSIZE_ANY_EXHDR(DatumGetPointer(secrets[i])));
		keys[i].ids.kids = DatumGetUUIDP(kids[i])->data;
		keys[i].ids.n = 1;
		keys[i].ids.cbcs = cbcs;
		if (VARSIZE_ANY_EXHDR(DatumGetPointer(checksums[i])) == VV_CHECKSUM_LEN)
			keys[i].ids.checksums = (const uint8 *) VARDATA_ANY(DatumGetPointer(checksums[i]));
	}
	return keys;
}

/*
 * vvault_stream.cpix(content_id text, level text, kids uuid[], classes text[],
 *		keys bytea[], checksums bytea[]) returns text
 *
 * The document. The arrays are of one length; a checksum that is none is empty.
 * NULL for NULL. The reply is secret.
 */
Datum
vvault_stream_cpix(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	VvXml		xml = {.out = &out};
	char	   *level;
	CpixKey    *keys;
	int			n;

	for (int i = 0; i < 6; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	}
	level = text_to_cstring(PG_GETARG_TEXT_PP(1));
	keys = get_keys(fcinfo, strcmp(level, "premium") == 0, &n);
	initStringInfo(&out);
	vv_xml_begin(&xml);
	vv_xml_open(&xml, "CPIX");
	vv_xml_attribute(&xml, "xmlns", "urn:dashif:org:cpix");
	vv_xml_attribute(&xml, "xmlns:pskc", "urn:ietf:params:xml:ns:keyprov:pskc");
	vv_xml_attribute(&xml, "contentId", text_to_cstring(PG_GETARG_TEXT_PP(0)));
	vv_xml_attribute(&xml, "version", "2.3");
	put_keys(&xml, keys, n, strcmp(level, "aes128") == 0 ? NULL :
			 strcmp(level, "premium") == 0 ? "cbcs" : "cenc");
	if (strcmp(level, "aes128") != 0)
		put_systems(&xml, keys, n, strcmp(level, "clear_key") != 0);
	vv_xml_open(&xml, "ContentKeyUsageRuleList");
	for (int i = 0; i < n; i++)
		put_usage(&xml, &keys[i]);
	vv_xml_close(&xml, "ContentKeyUsageRuleList");
	vv_xml_close(&xml, "CPIX");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
