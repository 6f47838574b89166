/*-------------------------------------------------------------------------
 *
 * xml_writer.h
 *		Writing replies: XML straight into a StringInfo.
 *
 *-------------------------------------------------------------------------
 */
#ifndef VVAULT_XML_WRITER_H
#define VVAULT_XML_WRITER_H

#include "core/compat.h"

#include "lib/stringinfo.h"

/* A document that is being written; zeroed but for out at its start. */
typedef struct VvXml
{
	StringInfo	out;
	bool		tag_open;		/* the last start tag may get attributes */
} VvXml;

extern void vv_xml_begin(VvXml *xml);
extern void vv_xml_open(VvXml *xml, const char *name);
extern void vv_xml_attribute_open(VvXml *xml, const char *name);
extern void vv_xml_attribute_close(VvXml *xml);
extern void vv_xml_attribute(VvXml *xml, const char *name, const char *value);
extern void vv_xml_attribute_int(VvXml *xml, const char *name, int64 value);
extern void vv_xml_text(VvXml *xml, const char *str, int len);
extern void vv_xml_element(VvXml *xml, const char *name, const char *text);
extern void vv_xml_close(VvXml *xml, const char *name);

#endif							/* VVAULT_XML_WRITER_H */
