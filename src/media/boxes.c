/*-------------------------------------------------------------------------
 *
 * boxes.c
 *		Bytes of an ISO base media file (ISO/IEC 14496-12), read box by box.
 *
 * They are untrusted: no read leaves them, and every step goes forward.
 *
 *-------------------------------------------------------------------------
 */
#include "media/boxes.h"

/*
 * A whole number of so many bytes, 1 to 8, the greatest first.
 */
uint64
vv_get_number(VvBytes *bytes, int len)
{
	uint64		number = 0;

	if (vv_bytes_left(bytes) < (uint64) len)
	{
		bytes->overrun = true;
		bytes->at = bytes->end;
		return 0;
	}
	for (int i = 0; i < len; i++)
		number = number << 8 | *bytes->at++;
	return number;
}

/*
 * Goes past bytes that do not matter.
 */
void
vv_skip(VvBytes *bytes, uint64 len)
{
	(void) vv_get_bytes(bytes, len);
}

/*
 * The next so many bytes, to be read apart; none where they are not all there.
 */
VvBytes
vv_get_bytes(VvBytes *bytes, uint64 len)
{
	VvBytes		part;

	if (vv_bytes_left(bytes) < len)
	{
		bytes->overrun = true;
		bytes->at = bytes->end;
		return vv_bytes(bytes->end, 0);
	}
	part = vv_bytes(bytes->at, len);
	bytes->at += len;
	return part;
}

/*
 * The next box; false at the end, and with overrun set where what is there is
 * no box. A box may be longer than the bytes: it is not whole then.
 */
bool
vv_next_box(VvBytes *bytes, VvBox *box)
{
	const uint8 *start = bytes->at;
	uint64		header;

	if (vv_bytes_left(bytes) == 0)
		return false;
	box->size = vv_get_number(bytes, 4);
	box->type = (uint32) vv_get_number(bytes, 4);
	if (box->size == 1)
		box->size = vv_get_number(bytes, 8);
	else if (box->size == 0)	/* it goes on to the end of the file */
		box->size = bytes->end - start;
	header = bytes->at - start;
	if (bytes->overrun || box->size < header)
	{
		bytes->overrun = true;
		return false;
	}
	box->whole = box->size - header <= vv_bytes_left(bytes);
	box->content = vv_get_bytes(bytes, Min(box->size - header,
										   vv_bytes_left(bytes)));
	return true;
}

/*
 * The first box of a type among these; false where there is none that is
 * whole.
 */
bool
vv_find_box(VvBytes bytes, uint32 type, VvBox *box)
{
	while (vv_next_box(&bytes, box))
	{
		if (box->type == type)
			return box->whole;
	}
	return false;
}

/*
 * Reads what a full box begins with.
 */
int
vv_full_box_version(VvBytes *bytes, uint32 *flags)
{
	int			version = (int) vv_get_number(bytes, 1);
	uint32		value = (uint32) vv_get_number(bytes, 3);

	if (flags != NULL)
		*flags = value;
	return version;
}
