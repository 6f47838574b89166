/*-------------------------------------------------------------------------
 *
 * keys.c
 *		What manifests tell of the keys that media are encrypted under.
 *
 * They tell ids of keys and where a player gets them, never a key. Where an edge
 * answers that, its address is relative, as all others: KID.key for a key of 16
 * bytes, license.json for a licence of Clear Key (deploy/edge.conf). For other
 * systems the player knows the licence server of its vendor.
 *
 *-------------------------------------------------------------------------
 */
#include "manifests/keys.h"

#include "core/digest.h"
#include "core/text_writer.h"
#include "protect/pssh.h"

#define CLEAR_KEY_FORMAT	"org.w3.clearkey"
#define PLAYREADY_FORMAT	"com.microsoft.playready"
#define FAIRPLAY_FORMAT		"com.apple.streamingkeydelivery"

#define MP4_PROTECTION		"urn:mpeg:dash:mp4protection:2011"
#define CLEAR_KEY_SYSTEM	"e2719d58-a985-b3c9-781a-b030af78d30e"

/* One key, as what tells systems of it takes it. */
static VvKeyIds
key_ids(const VvMediaKey *key)
{
	VvKeyIds	ids = {.kids = key->kid, .n = 1};

	ids.cbcs = key->protection == VV_PROTECTION_PREMIUM;
	ids.checksums = key->has_checksum ? key->checksum : NULL;
	return ids;
}

/* What one of the functions of pssh.h says of a key, in base64. */
static char *
told(void (*put) (StringInfo out, const VvKeyIds *keys), const VvMediaKey *key)
{
	VvKeyIds	ids = key_ids(key);
	StringInfoData bytes;

	initStringInfo(&bytes);
	put(&bytes, &ids);
	return vv_base64(bytes.data, bytes.len);
}

/* A key's id in hexadecimal digits. */
static char *
hex_of(const VvMediaKey *key)
{
	StringInfoData text;

	initStringInfo(&text);
	vv_append_hex(&text, key->kid, VV_KID_LEN);
	return text.data;
}

/* ---------- HLS ---------- */

/* One tag, for one system; format NULL is where the URI leads to the key. */
static void
put_key_tag(StringInfo out, const char *tag, const char *method,
			const char *uri, const char *format, const VvMediaKey *key)
{
	appendStringInfo(out, "#%s:METHOD=%s,URI=", tag, method);
	vv_text_quoted(out, uri, strlen(uri));
	if (strcmp(method, "AES-128") != 0)
		appendStringInfo(out, ",KEYID=0x%s,KEYFORMAT=\"%s\",KEYFORMATVERSIONS=\"1\"",
						 hex_of(key), format != NULL ? format : "identity");
	appendStringInfoChar(out, '\n');
}

/* The tags for systems that have their own licence servers. */
static void
put_system_tags(StringInfo out, const char *tag, const VvMediaKey *key)
{
	bool		premium = key->protection == VV_PROTECTION_PREMIUM;
	const char *method = premium ? "SAMPLE-AES" : "SAMPLE-AES-CTR";

	put_key_tag(out, tag, method, psprintf("data:text/plain;base64,%s",
										   told(vv_put_widevine_pssh, key)),
				"urn:uuid:" VV_WIDEVINE_SYSTEM, key);
	put_key_tag(out, tag, method,
				psprintf("data:text/plain;charset=UTF-16;base64,%s",
						 told(vv_put_playready_object, key)),
				PLAYREADY_FORMAT, key);
	if (premium)
		put_key_tag(out, tag, method, psprintf("skd://%s", hex_of(key)),
					FAIRPLAY_FORMAT, key);
}

/*
 * All tags of a key. Players differ in how they get one of Clear Key: by a
 * licence for its id, or by its bytes. A session's tags name the first alone,
 * since who reads the second needs the file's head beside it.
 */
static void
put_key_tags(StringInfo out, const char *tag, const VvMediaKey *key, bool session)
{
	char	   *address = psprintf("%s.key", hex_of(key));

	switch (key->protection)
	{
		case VV_PROTECTION_NONE:
			break;
		case VV_PROTECTION_AES128:
			put_key_tag(out, tag, "AES-128", address, NULL, key);
			break;
		case VV_PROTECTION_CLEAR_KEY:
			put_key_tag(out, tag, "SAMPLE-AES-CTR",
						psprintf("data:text/plain;base64,%s", vv_base64(key->kid, VV_KID_LEN)),
						CLEAR_KEY_FORMAT, key);
			if (!session)
				put_key_tag(out, tag, "SAMPLE-AES-CTR", address, NULL, key);
			break;
		default:
			put_system_tags(out, tag, key);
	}
}

/*
 * Appends the tags of the key that a rendition's segments are encrypted under;
 * nothing where they are not.
 */
void
vv_put_hls_key(StringInfo out, const VvMediaKey *key)
{
	put_key_tags(out, "EXT-X-KEY", key, false);
}

/*
 * Appends the keys of all renditions, so that a player asks for them early.
 */
void
vv_put_hls_session_keys(StringInfo out, List *renditions)
{
	ListCell   *cell;
	List	   *before = NIL;

	foreach(cell, renditions)
	{
		const VvMediaKey *key = &((const VvRendition *) lfirst(cell))->key;
		ListCell   *other;
		bool		known = key->protection == VV_PROTECTION_NONE;

		foreach(other, before)
			known = known || vv_same_key(key, (const VvMediaKey *) lfirst(other));
		if (known)
			continue;
		put_key_tags(out, "EXT-X-SESSION-KEY", key, true);
		before = lappend(before, unconstify(VvMediaKey *, key));
	}
}

/* ---------- DASH ---------- */

/*
 * Whether any of the renditions is protected so, or for VV_PROTECTION_NONE in any
 * way.
 */
bool
vv_is_protected(List *renditions, char protection)
{
	ListCell   *cell;

	foreach(cell, renditions)
	{
		char		its = ((const VvRendition *) lfirst(cell))->key.protection;

		if (protection == VV_PROTECTION_NONE ? its != VV_PROTECTION_NONE : its == protection)
			return true;
	}
	return false;
}

/* A system's element, to which more may be added. */
static void
open_system(VvXml *xml, const char *scheme, const char *value)
{
	vv_xml_open(xml, "ContentProtection");
	vv_xml_attribute(xml, "schemeIdUri", scheme);
	vv_xml_attribute(xml, "value", value);
}

/* Which key, by its id. */
static void
put_default_kid(VvXml *xml, const VvMediaKey *key)
{
	char	   *hex = hex_of(key);

	open_system(xml, MP4_PROTECTION, key->protection == VV_PROTECTION_PREMIUM ? "cbcs" : "cenc");
	vv_xml_attribute(xml, "cenc:default_KID",
					 psprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20));
	vv_xml_close(xml, "ContentProtection");
}

/*
 * Appends what a set of representations is encrypted under; nothing where it is
 * not. Of Clear Key there is no cenc:pssh, since dash.js takes that for the
 * licence's request; its address is made whole by the edge.
 */
void
vv_put_content_protection(VvXml *xml, const VvMediaKey *key)
{
	if (key->protection == VV_PROTECTION_NONE)
		return;
	put_default_kid(xml, key);
	if (key->protection == VV_PROTECTION_CLEAR_KEY)
	{
		open_system(xml, "urn:uuid:" CLEAR_KEY_SYSTEM, "ClearKey1.0");
		vv_xml_element(xml, "dashif:Laurl", "license.json");
		vv_xml_close(xml, "ContentProtection");
		return;
	}
	open_system(xml, "urn:uuid:" VV_WIDEVINE_SYSTEM, "Widevine");
	vv_xml_element(xml, "cenc:pssh", told(vv_put_widevine_pssh, key));
	vv_xml_close(xml, "ContentProtection");
	open_system(xml, "urn:uuid:" VV_PLAYREADY_SYSTEM, "MSPR 2.0");
	vv_xml_element(xml, "cenc:pssh", told(vv_put_playready_pssh, key));
	vv_xml_element(xml, "mspr:pro", told(vv_put_playready_object, key));
	vv_xml_close(xml, "ContentProtection");
}
