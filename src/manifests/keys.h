/*-------------------------------------------------------------------------
 *
 * keys.h
 *		What manifests tell of the keys that media are encrypted under.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_MANIFEST_KEYS_H
#define VVAULT_MANIFEST_KEYS_H

#include "core/compat.h"

#include "core/xml_writer.h"
#include "media/renditions.h"

extern bool vv_is_protected(List *renditions, char protection);
extern void vv_put_hls_key(StringInfo out, const VvMediaKey *key);
extern void vv_put_hls_session_keys(StringInfo out, List *renditions);
extern void vv_put_content_protection(VvXml *xml, const VvMediaKey *key);

#endif							/* VVAULT_MANIFEST_KEYS_H */
