/*-------------------------------------------------------------------------
 *
 * cpix.c
 *		Keys for the licence server of a vendor: a document of CPIX 2.3
 *		(DASH-IF, Content Protection Information Exchange Format).
 *
 * For the holder of a certificate the keys are encrypted: each under a key of
 * the document, with a MAC, and both keys of these for the one of the certificate
 * (CPIX, "Key Management"; RFC 6030).
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
#include "protect/crypto.h"
#include "protect/pssh.h"

PG_FUNCTION_INFO_V1(vvault_stream_cpix);

/* What a document tells of one key. */
typedef struct CpixKey
{
	char	   *kid;			/* as a uuid is written */
	const char *class;
	VvKeyIds	ids;
	const uint8 *secret;
	int			secret_len;
} CpixKey;

#define AES256_CBC	"http://www.w3.org/2001/04/xmlenc#aes256-cbc"
#define RSA_OAEP	"http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
#define HMAC_SHA512	"http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"

/* Who can read a document's keys: the holder of a certificate. */
typedef struct Recipient
{
	const uint8 *certificate;	/* X.509 in DER */
	int			certificate_len;
	int			encrypted_len;	/* of what is encrypted for him */
	uint8		document_key[VV_CBC_KEY];
	uint8		mac_key[VV_DIGEST_512_SIZE];
} Recipient;

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

/* What is encrypted, and how. */
static void
put_cipher(VvXml *xml, const char *algorithm, const uint8 *bytes, int len)
{
	vv_xml_open(xml, "enc:EncryptionMethod");
	vv_xml_attribute(xml, "Algorithm", algorithm);
	vv_xml_close(xml, "enc:EncryptionMethod");
	vv_xml_open(xml, "enc:CipherData");
	vv_xml_element(xml, "enc:CipherValue", vv_base64(bytes, len));
	vv_xml_close(xml, "enc:CipherData");
}

/* A key of the document, which the recipient alone opens. */
static void
put_for_recipient(VvXml *xml, const Recipient *recipient, const uint8 *key, int len)
{
	uint8	   *encrypted = palloc(recipient->encrypted_len);

	vv_rsa_encrypt(recipient->certificate, recipient->certificate_len, key, len,
				   encrypted);
	put_cipher(xml, RSA_OAEP, encrypted, recipient->encrypted_len);
}

/* Who the recipient is, and what he opens the keys with. */
static void
put_recipient(VvXml *xml, const Recipient *recipient)
{
	vv_xml_open(xml, "DeliveryDataList");
	vv_xml_open(xml, "DeliveryData");
	vv_xml_open(xml, "DeliveryKey");
	vv_xml_open(xml, "ds:X509Data");
	vv_xml_element(xml, "ds:X509Certificate",
				   vv_base64(recipient->certificate, recipient->certificate_len));
	vv_xml_close(xml, "ds:X509Data");
	vv_xml_close(xml, "DeliveryKey");
	vv_xml_open(xml, "DocumentKey");
	vv_xml_open(xml, "Data");
	vv_xml_open(xml, "pskc:Secret");
	vv_xml_open(xml, "pskc:EncryptedValue");
	put_for_recipient(xml, recipient, recipient->document_key,
					  sizeof(recipient->document_key));
	vv_xml_close(xml, "pskc:EncryptedValue");
	vv_xml_close(xml, "pskc:Secret");
	vv_xml_close(xml, "Data");
	vv_xml_close(xml, "DocumentKey");
	vv_xml_open(xml, "MACMethod");
	vv_xml_attribute(xml, "Algorithm", HMAC_SHA512);
	vv_xml_open(xml, "pskc:MACKey");
	put_for_recipient(xml, recipient, recipient->mac_key,
					  sizeof(recipient->mac_key));
	vv_xml_close(xml, "pskc:MACKey");
	vv_xml_close(xml, "MACMethod");
	vv_xml_close(xml, "DeliveryData");
	vv_xml_close(xml, "DeliveryDataList");
}

/* A key's value, encrypted under the document's. The MAC is of vector and cipher. */
static void
put_encrypted(VvXml *xml, const Recipient *recipient, const CpixKey *key)
{
	int			len = VV_AES_BLOCK + VV_CBC_LENGTH(key->secret_len);
	uint8	   *encrypted = palloc(len);
	uint8		mac[VV_DIGEST_512_SIZE];

	if (!pg_strong_random(encrypted, VV_AES_BLOCK))
		elog(ERROR, "could not get random bytes");
	vv_cbc_encrypt(recipient->document_key, encrypted, key->secret,
				   key->secret_len, encrypted + VV_AES_BLOCK);
	vv_hmac_512(recipient->mac_key, sizeof(recipient->mac_key),
				(const char *) encrypted, len, mac);
	vv_xml_open(xml, "pskc:EncryptedValue");
	put_cipher(xml, AES256_CBC, encrypted, len);
	vv_xml_close(xml, "pskc:EncryptedValue");
	vv_xml_element(xml, "pskc:ValueMAC", vv_base64(mac, sizeof(mac)));
}

/* The keys with their values: in clear where there is no recipient. */
static void
put_keys(VvXml *xml, const CpixKey *keys, int n, const char *scheme,
		 const Recipient *recipient)
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
		if (recipient != NULL)
			put_encrypted(xml, recipient, &keys[i]);
		else
			vv_xml_element(xml, "pskc:PlainValue",
						   vv_base64(keys[i].secret, keys[i].secret_len));
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
	vv_xml_element(xml, "PSSH", vv_base64(box.data, box.len));
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
	int			others[3];
	Datum	   *kids = elements_of(fcinfo, 2, n);
	Datum	   *classes = elements_of(fcinfo, 3, &others[0]);
	Datum	   *secrets = elements_of(fcinfo, 4, &others[1]);
	Datum	   *checksums = elements_of(fcinfo, 5, &others[2]);
	CpixKey    *keys = palloc0(sizeof(CpixKey) * *n);

	if (others[0] != *n || others[1] != *n || others[2] != *n)
		elog(ERROR, "%d keys have %d classes, %d values and %d checksums", *n,
			 others[0], others[1], others[2]);
	for (int i = 0; i < *n; i++)
	{
		keys[i].kid = DatumGetCString(DirectFunctionCall1(uuid_out, kids[i]));
		keys[i].class = TextDatumGetCString(classes[i]);
		keys[i].secret = (const uint8 *) VARDATA_ANY(DatumGetPointer(secrets[i]));
		keys[i].secret_len = VARSIZE_ANY_EXHDR(DatumGetPointer(secrets[i]));
		keys[i].ids.kids = DatumGetUUIDP(kids[i])->data;
		keys[i].ids.n = 1;
		keys[i].ids.cbcs = cbcs;
		if (VARSIZE_ANY_EXHDR(DatumGetPointer(checksums[i])) == VV_CHECKSUM_LEN)
			keys[i].ids.checksums = (const uint8 *) VARDATA_ANY(DatumGetPointer(checksums[i]));
	}
	return keys;
}

/* The holder of a certificate, and new keys for one document. */
static void
make_recipient(bytea *certificate, Recipient *recipient)
{
	recipient->certificate = (const uint8 *) VARDATA_ANY(certificate);
	recipient->certificate_len = VARSIZE_ANY_EXHDR(certificate);
	recipient->encrypted_len = vv_rsa_size(recipient->certificate,
										   recipient->certificate_len);
	if (recipient->encrypted_len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid certificate"),
				 errhint("It is one of X.509, with a key of RSA of %d to %d bits.",
						 VV_RSA_LEAST_BITS, VV_RSA_MOST_BITS)));
	if (!pg_strong_random(recipient->document_key, sizeof(recipient->document_key)) ||
		!pg_strong_random(recipient->mac_key, sizeof(recipient->mac_key)))
		elog(ERROR, "could not get random bytes");
}

/* What the root says. */
static void
put_root(VvXml *xml, const char *content_id, bool has_recipient)
{
	vv_xml_open(xml, "CPIX");
	vv_xml_attribute(xml, "xmlns", "urn:dashif:org:cpix");
	vv_xml_attribute(xml, "xmlns:pskc", "urn:ietf:params:xml:ns:keyprov:pskc");
	if (has_recipient)
	{
		vv_xml_attribute(xml, "xmlns:ds", "http://www.w3.org/2000/09/xmldsig#");
		vv_xml_attribute(xml, "xmlns:enc", "http://www.w3.org/2001/04/xmlenc#");
	}
	vv_xml_attribute(xml, "contentId", content_id);
	vv_xml_attribute(xml, "version", "2.3");
}

/*
 * vvault_stream.cpix(content_id text, level text, kids uuid[], classes text[],
 *		keys bytea[], checksums bytea[], certificate bytea) returns text
 *
 * The document. The arrays are of one length; a checksum that is none is empty.
 * Keys are encrypted for the holder of the certificate (X.509 in DER), or in clear
 * where it is NULL. NULL for any other NULL. 22023 for a certificate that cannot be
 * used, 0A000 for any without OpenSSL. In clear the reply is secret.
 */
Datum
vvault_stream_cpix(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	VvXml		xml = {.out = &out};
	Recipient	holder = {0};
	Recipient  *recipient = PG_ARGISNULL(6) ? NULL : &holder;
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
	if (recipient != NULL)
		make_recipient(PG_GETARG_BYTEA_PP(6), recipient);
	initStringInfo(&out);
	vv_xml_begin(&xml);
	put_root(&xml, text_to_cstring(PG_GETARG_TEXT_PP(0)), recipient != NULL);
	if (recipient != NULL)
		put_recipient(&xml, recipient);
	put_keys(&xml, keys, n, strcmp(level, "aes128") == 0 ? NULL :
			 strcmp(level, "premium") == 0 ? "cbcs" : "cenc", recipient);
	explicit_bzero(&holder, sizeof(holder));
	if (strcmp(level, "aes128") != 0)
		put_systems(&xml, keys, n, strcmp(level, "clear_key") != 0);
	vv_xml_open(&xml, "ContentKeyUsageRuleList");
	for (int i = 0; i < n; i++)
		put_usage(&xml, &keys[i]);
	vv_xml_close(&xml, "ContentKeyUsageRuleList");
	vv_xml_close(&xml, "CPIX");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
