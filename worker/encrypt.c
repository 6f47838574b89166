/*-------------------------------------------------------------------------
 *
 * encrypt.c
 *		Makes of a clear track file an encrypted one.
 *
 * The file is one of CMAF (ISO/IEC 23000-19) as ffmpeg writes it: ftyp, moov with
 * one track, one sidx, fragments of a moof and a mdat. It is read once, from the
 * front, a fragment at a time, so that memory does not grow with its length.
 *
 * By Common Encryption (ISO/IEC 23001-7) samples are encrypted where they are; the
 * sample entry, each moof and the index say so. By AES-128 (RFC 8216) a segment of
 * the index is encrypted whole, and longer for that.
 *
 * Whoever uploaded the source has a hand in these bytes: nothing is taken for
 * granted, and what is unexpected is an error.
 *
 *-------------------------------------------------------------------------
 */
#include "encrypt.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "head.h"

#define CBCS		BOX_TYPE('c', 'b', 'c', 's')
#define CENC		BOX_TYPE('c', 'e', 'n', 'c')
#define ENCA		BOX_TYPE('e', 'n', 'c', 'a')
#define ENCV		BOX_TYPE('e', 'n', 'c', 'v')
#define FREE		BOX_TYPE('f', 'r', 'e', 'e')
#define FRMA		BOX_TYPE('f', 'r', 'm', 'a')
#define MDAT		BOX_TYPE('m', 'd', 'a', 't')
#define MDIA		BOX_TYPE('m', 'd', 'i', 'a')
#define MFRA		BOX_TYPE('m', 'f', 'r', 'a')
#define MINF		BOX_TYPE('m', 'i', 'n', 'f')
#define MOOF		BOX_TYPE('m', 'o', 'o', 'f')
#define MOOV		BOX_TYPE('m', 'o', 'o', 'v')
#define MVEX		BOX_TYPE('m', 'v', 'e', 'x')
#define SAIO		BOX_TYPE('s', 'a', 'i', 'o')
#define SAIZ		BOX_TYPE('s', 'a', 'i', 'z')
#define SCHI		BOX_TYPE('s', 'c', 'h', 'i')
#define SCHM		BOX_TYPE('s', 'c', 'h', 'm')
#define SENC		BOX_TYPE('s', 'e', 'n', 'c')
#define SIDX		BOX_TYPE('s', 'i', 'd', 'x')
#define SINF		BOX_TYPE('s', 'i', 'n', 'f')
#define SKIP		BOX_TYPE('s', 'k', 'i', 'p')
#define STBL		BOX_TYPE('s', 't', 'b', 'l')
#define STSD		BOX_TYPE('s', 't', 's', 'd')
#define TENC		BOX_TYPE('t', 'e', 'n', 'c')
#define TFHD		BOX_TYPE('t', 'f', 'h', 'd')
#define TRAF		BOX_TYPE('t', 'r', 'a', 'f')
#define TRAK		BOX_TYPE('t', 'r', 'a', 'k')
#define TREX		BOX_TYPE('t', 'r', 'e', 'x')
#define TRUN		BOX_TYPE('t', 'r', 'u', 'n')

#define MOST_MOOF		(16 * 1024 * 1024)
#define MOST_MDAT		(1024 * 1024 * 1024)
#define PIECE			(1024 * 1024)	/* of what is not kept whole */
#define MOST_TRUNS		1024

/* Flags of tfhd, trun and senc */
#define TFHD_BASE		0x000001
#define TFHD_ENTRY		0x000002
#define TFHD_DURATION	0x000008
#define TFHD_SIZE		0x000010
#define TRUN_OFFSET		0x000001
#define TRUN_FIRST		0x000004
#define TRUN_DURATION	0x000100
#define TRUN_SIZE		0x000200
#define TRUN_FLAGS		0x000400
#define TRUN_TIME		0x000800
#define SENC_SUBSAMPLES	0x000002

/* A box at the top of the file that has not been read. */
typedef struct Top
{
	uint32_t	type;
	uint64_t	size;
	size_t		head;
} Top;

/* A fragment while it is encrypted. */
typedef struct Fragment
{
	Buffer		moof;
	Buffer		mdat;
	size_t		mdat_head;		/* where its samples begin */
	size_t		mdat_at;		/* where the next one does */
	uint32_t	default_size;
	Buffer		made;			/* the new moof */
	size_t		offsets[MOST_TRUNS];	/* where it has offsets of data */
	size_t		noffsets;
	size_t		nsamples;
	Buffer		sizes;			/* what saiz says of each sample: a byte */
	Buffer		entries;		/* what senc does */
} Fragment;

typedef struct Work
{
	int			in;
	int			out;
	uint64_t	in_size;
	uint64_t	in_at;
	uint64_t	out_at;
	const Encryption *encryption;
	Cipher		cipher;
	bool		has_movie;
	bool		has_entry;
	Track		track;
	uint32_t	default_size;	/* of a sample, as trex says */
	uint64_t	index_at;		/* in the new file: the first reference */
	size_t		nsegments;
	uint32_t   *segments;		/* how large they are, clear */
	Buffer		box;
	Fragment	fragment;
	char	   *problem;
	bool		trouble;
} Work;

/* ---------------------------------------------------------------------------
 * Errors, and bytes of the files
 * ---------------------------------------------------------------------------
 */

/* The file is none that can be encrypted, for that reason; always false. */
static bool
unfit(Work *work, const char *why)
{
	if (work->problem == NULL)
		work->problem = copy_text(why);
	return false;
}

/* The machine is at fault; always false. */
static bool
trouble(Work *work, const char *what)
{
	if (work->problem == NULL)
		work->problem = format_text("%s: %s", what, strerror(errno));
	work->trouble = true;
	return false;
}

/* OpenSSL refused; always false. */
static bool
cipher_trouble(Work *work)
{
	if (work->problem == NULL)
		work->problem = copy_text("OpenSSL does not encrypt");
	work->trouble = true;
	return false;
}

/* Reads bytes that are not passed over yet. */
static bool
look(Work *work, void *data, size_t length)
{
	size_t		got = 0;

	while (got < length)
	{
		ssize_t		n = pread(work->in, (char *) data + got, length - got, (off_t) (work->in_at + got));

		if (n < 0 && errno != EINTR)
			return trouble(work, "cannot read the clear file");
		if (n == 0)
			return unfit(work, "it ends too soon");
		if (n > 0)
			got += (size_t) n;
	}
	return true;
}

/* Reads the next bytes into a buffer, over what that has. */
static bool
take(Work *work, Buffer *buffer, size_t length)
{
	if (buffer->size < length + 1)
	{
		buffer->data = reallocate(buffer->data, length + 1);
		buffer->size = length + 1;
	}
	buffer->length = 0;
	if (!look(work, buffer->data, length))
		return false;
	buffer->data[length] = '\0';
	buffer->length = length;
	work->in_at += length;
	return true;
}

/* Writes bytes at a place of the new file. */
static bool
put_at(Work *work, const void *data, size_t length, uint64_t at)
{
	size_t		done = 0;

	while (done < length)
	{
		ssize_t		n = pwrite(work->out, (const char *) data + done, length - done, (off_t) (at + done));

		if (n < 0 && errno != EINTR)
			return trouble(work, "cannot write the encrypted file");
		if (n > 0)
			done += (size_t) n;
	}
	return true;
}

/* Writes bytes at the end of the new file. */
static bool
put(Work *work, const void *data, size_t length)
{
	if (!put_at(work, data, length, work->out_at))
		return false;
	work->out_at += length;
	return true;
}

/* Copies bytes as they are. */
static bool
copy(Work *work, uint64_t length)
{
	while (length > 0)
	{
		size_t		piece = length < PIECE ? (size_t) length : PIECE;

		if (!take(work, &work->box, piece) || !put(work, work->box.data, piece))
			return false;
		length -= piece;
	}
	return true;
}

/* What the next box at the top is; it has to end before that. */
static bool
look_at_top(Work *work, uint64_t end, Top *top)
{
	unsigned char bytes[16] = {0};
	Reader		reader = reader_of(bytes, sizeof(bytes));

	if (end - work->in_at < 8)
		return unfit(work, "it has bytes that are no box");
	if (!look(work, bytes, end - work->in_at < 16 ? 8 : 16))
		return false;
	top->size = read_number(&reader, 4);
	top->type = (uint32_t) read_number(&reader, 4);
	top->head = 8;
	if (top->size == 1 && end - work->in_at >= 16)
	{
		top->size = read_number(&reader, 8);
		top->head = 16;
	}
	if (top->size < top->head || top->size > end - work->in_at)
		return unfit(work, "it has a box that is longer than what it is in");
	return true;
}

/* ---------------------------------------------------------------------------
 * The head: what the track is
 * ---------------------------------------------------------------------------
 */

/* Is the track one of pictures, encrypted by a pattern? */
static bool
has_pattern(const Work *work)
{
	return work->encryption->scheme == SCHEME_CBCS && work->track.coding != CODING_AUDIO;
}

/* How the track is encrypted (ISO/IEC 14496-12, 8.12; 23001-7, 8.2). */
static void
put_protection(Work *work, Buffer *out)
{
	const Encryption *encryption = work->encryption;
	bool		is_cenc = encryption->scheme == SCHEME_CENC;
	size_t		sinf = box_begin(out, SINF);
	size_t		box = box_begin(out, FRMA);
	size_t		schi;

	put_number(out, work->track.format, 4);
	box_end(out, box);
	box = full_box_begin(out, SCHM, 0, 0);
	put_number(out, is_cenc ? CENC : CBCS, 4);
	put_number(out, 0x10000, 4);
	box_end(out, box);
	schi = box_begin(out, SCHI);
	box = full_box_begin(out, TENC, is_cenc ? 0 : 1, 0);
	put_number(out, 0, 1);
	put_number(out, has_pattern(work) ? 0x19 : 0, 1);	/* one block, nine not */
	put_number(out, 1, 1);
	put_number(out, is_cenc ? IV_BYTES : 0, 1);
	buffer_append(out, encryption->key_id, KEY_BYTES);
	if (!is_cenc)
	{
		put_number(out, KEY_BYTES, 1);
		buffer_append(out, encryption->iv, KEY_BYTES);
	}
	box_end(out, box);
	box_end(out, schi);
	box_end(out, sinf);
}

/* stsd: the one sample entry becomes one that is encrypted. */
static bool
put_description(Work *work, Reader content, Buffer *out)
{
	Reader		fields = read_bytes(&content, 8);
	Box			entry;
	size_t		stsd;
	size_t		begun;
	size_t		nfields;
	const char *problem;

	if (work->has_entry || fields.at == fields.end || fields.at[7] != 1 || !next_box(&content, &entry) ||
		reader_left(&content) > 0)
		return unfit(work, "it has not one sample description");
	if (entry.type == ENCV || entry.type == ENCA)
		return unfit(work, "it is encrypted already");
	problem = track_open(&work->track, entry.type, entry.content, &nfields);
	work->has_entry = true;
	if (problem != NULL)
		return unfit(work, problem);
	stsd = box_begin(out, STSD);
	put_reader(out, fields);
	begun = box_begin(out, work->track.coding == CODING_AUDIO ? ENCA : ENCV);
	put_reader(out, entry.content);
	put_protection(work, out);
	box_end(out, begun);
	box_end(out, stsd);
	return true;
}

/* mvex: how large samples are of which nothing else says it. */
static bool
read_defaults(Work *work, Reader content)
{
	Box			trex;

	if (!find_box(content, TREX, &trex))
		return unfit(work, "it is not fragmented");
	(void) read_bytes(&trex.content, 16);
	work->default_size = (uint32_t) read_number(&trex.content, 4);
	return true;
}

/* From moov to the sample description */
static const uint32_t way[] = {
	TRAK, MDIA, MINF, STBL,
	STSD
};

/* The boxes of moov, or of one in it on the way to the sample description. */
static bool
put_movie_boxes(Work *work, Reader content, int depth, Buffer *out)
{
	Box			box;

	while (next_box(&content, &box))
	{
		bool		well = true;

		if (box.type != way[depth])
		{
			put_reader(out, box.whole);
			if (depth == 0 && box.type == MVEX)
				well = read_defaults(work, box.content);
		}
		else if (depth == 4)
			well = put_description(work, box.content, out);
		else
		{
			size_t		begun = box_begin(out, box.type);

			well = put_movie_boxes(work, box.content, depth + 1, out);
			box_end(out, begun);
		}
		if (!well)
			return false;
	}
	return !content.overrun || unfit(work, "its movie box is damaged");
}

/* moov, with what is said of the encryption and to systems of DRM. */
static bool
put_movie(Work *work, Reader box, size_t head)
{
	Buffer		out = {NULL, 0, 0};
	size_t		begun = box_begin(&out, MOOV);
	bool		well;

	box.at += head;
	work->has_movie = true;
	well = put_movie_boxes(work, box, 0, &out);
	if (well && !work->has_entry)
		well = unfit(work, "it has no track");
	buffer_append(&out, work->encryption->pssh.data, work->encryption->pssh.length);
	box_end(&out, begun);
	well = well && put(work, out.data, out.length);
	buffer_free(&out);
	return well;
}

/* sidx: the segments. Their sizes are put right at the end. */
static bool
read_index(Work *work, Reader index, size_t head, uint64_t *offset)
{
	const unsigned char *begin = index.at;
	int			version;

	index.at += head;
	version = (int) read_number(&index, 1);
	(void) read_bytes(&index, 11);
	(void) read_number(&index, version == 0 ? 4 : 8);
	*offset = read_number(&index, version == 0 ? 4 : 8);
	(void) read_number(&index, 2);
	work->nsegments = (size_t) read_number(&index, 2);
	work->index_at = work->out_at + (uint64_t) (index.at - begin);
	if (index.overrun || work->nsegments == 0 || reader_left(&index) < work->nsegments * 12)
		return unfit(work, "its index is empty or damaged");
	work->segments = allocate(work->nsegments * sizeof(uint32_t));
	for (size_t i = 0; i < work->nsegments; i++)
	{
		work->segments[i] = (uint32_t) read_number(&index, 4);
		(void) read_number(&index, 8);
		if (work->segments[i] == 0 || work->segments[i] > INT32_MAX)
			return unfit(work, "its index is of segments that are empty, or of another index");
	}
	return true;
}

/* All before the first segment. */
static bool
put_head(Work *work)
{
	uint64_t	offset = 0;
	Top			top = {0};

	while (top.type != SIDX)
	{
		Reader		box;

		if (!look_at_top(work, work->in_size, &top))
			return false;
		if (top.type == MOOF || top.type == MDAT ||
			(top.type == SIDX && !work->has_movie) ||
			(top.type == MOOV && work->has_movie))
			return unfit(work, "it is no movie with an index, and its fragments behind that");
		if (work->in_at + top.size > MAX_HEAD)
			return unfit(work, "its head is too long");
		if (!take(work, &work->box, (size_t) top.size))
			return false;
		box = reader_of(work->box.data, work->box.length);
		if (top.type == SIDX && !read_index(work, box, top.head, &offset))
			return false;
		if (top.type == MOOV && work->encryption->scheme == SCHEME_AES128)
			work->has_movie = true;
		else if (top.type == MOOV)
		{
			if (!put_movie(work, box, top.head))
				return false;
			continue;
		}
		if (!put(work, work->box.data, work->box.length))
			return false;
	}
	if (offset > work->in_size - work->in_at)
		return unfit(work, "its index is longer than it is itself");
	return copy(work, offset);
}

/* ---------------------------------------------------------------------------
 * Fragments, by Common Encryption
 * ---------------------------------------------------------------------------
 */

/* What senc and saiz say of a sample. */
static void
describe_sample(Work *work, const Subsamples *subsamples)
{
	Fragment   *fragment = &work->fragment;
	size_t		begun = fragment->entries.length;

	if (work->encryption->scheme == SCHEME_CENC)
		buffer_append(&fragment->entries, work->cipher.iv, IV_BYTES);
	if (subsamples->n > 0)
	{
		put_number(&fragment->entries, (uint64_t) subsamples->n, 2);
		for (int i = 0; i < subsamples->n; i++)
		{
			put_number(&fragment->entries, subsamples->of[i].clear, 2);
			put_number(&fragment->entries, subsamples->of[i].protected, 4);
		}
	}
	put_number(&fragment->sizes, fragment->entries.length - begun, 1);
}

/* The next sample, which has so many bytes. */
static bool
encrypt_sample(Work *work, uint32_t size)
{
	Fragment   *fragment = &work->fragment;
	unsigned char *sample = (unsigned char *) fragment->mdat.data + fragment->mdat_at;
	Subsamples	subsamples;
	const char *problem;

	if (size == 0 || size > fragment->mdat.length - fragment->mdat_at)
		return unfit(work, "it has a sample without bytes, or with more than there are");
	problem = track_map(&work->track, sample, size, work->encryption->scheme == SCHEME_CENC, &subsamples);
	if (problem != NULL)
		return unfit(work, problem);
	describe_sample(work, &subsamples);
	if (!cipher_sample(&work->cipher, sample, size, &subsamples))
		return cipher_trouble(work);
	fragment->mdat_at += size;
	fragment->nsamples++;
	return true;
}

/* tfhd: how large samples are of which their run does not say it. */
static bool
read_fragment_head(Work *work, Reader tfhd)
{
	uint32_t	flags;

	(void) read_number(&tfhd, 1);
	flags = (uint32_t) read_number(&tfhd, 3);
	(void) read_number(&tfhd, 4);
	if (flags & TFHD_BASE)
		return unfit(work, "a fragment of it tells places by the whole file");
	if ((flags & TFHD_ENTRY) && read_number(&tfhd, 4) != 1)
		return unfit(work, "a fragment of it has another sample description");
	if (flags & TFHD_DURATION)
		(void) read_number(&tfhd, 4);
	work->fragment.default_size = flags & TFHD_SIZE ? (uint32_t) read_number(&tfhd, 4) : work->default_size;
	return !tfhd.overrun || unfit(work, "a fragment of it is damaged");
}

/* trun: the samples of a run, which have to be the next ones in mdat. */
static bool
encrypt_run(Work *work, Reader trun, size_t place)
{
	Fragment   *fragment = &work->fragment;
	uint32_t	flags;
	uint32_t	n;
	size_t		expected = fragment->moof.length + fragment->mdat_head + fragment->mdat_at;

	(void) read_number(&trun, 1);
	flags = (uint32_t) read_number(&trun, 3);
	n = (uint32_t) read_number(&trun, 4);
	if (flags & TRUN_OFFSET)
	{
		if (read_number(&trun, 4) != expected || fragment->noffsets == MOST_TRUNS)
			return unfit(work, "samples of it lie elsewhere than one behind the other");
		fragment->offsets[fragment->noffsets++] = place + 8;
	}
	else if (fragment->noffsets == 0)
		return unfit(work, "a fragment of it does not say where its samples are");
	if (flags & TRUN_FIRST)
		(void) read_number(&trun, 4);
	while (n-- > 0)
	{
		uint32_t	size = fragment->default_size;

		if (flags & TRUN_DURATION)
			(void) read_number(&trun, 4);
		if (flags & TRUN_SIZE)
			size = (uint32_t) read_number(&trun, 4);
		if (flags & TRUN_FLAGS)
			(void) read_number(&trun, 4);
		if (flags & TRUN_TIME)
			(void) read_number(&trun, 4);
		if (trun.overrun)
			return unfit(work, "a fragment of it is damaged");
		if (!encrypt_sample(work, size))
			return false;
	}
	return true;
}

/* saiz, saio and senc: how each sample is encrypted (ISO/IEC 23001-7, 7). */
static void
put_sample_boxes(Work *work)
{
	Fragment   *fragment = &work->fragment;
	Buffer	   *out = &fragment->made;
	const char *sizes = fragment->sizes.data;
	bool		all_alike = memcmp(sizes, sizes + 1, fragment->nsamples - 1) == 0;
	bool		has_subsamples = work->track.coding != CODING_AUDIO;
	size_t		box;
	size_t		saio_at;

	if (fragment->entries.length == 0)
		return;					/* the sample entry says it all */
	box = full_box_begin(out, SAIZ, 0, 0);
	put_number(out, all_alike ? (unsigned char) sizes[0] : 0, 1);
	put_number(out, fragment->nsamples, 4);
	if (!all_alike)
		buffer_append(out, sizes, fragment->nsamples);
	box_end(out, box);
	box = full_box_begin(out, SAIO, 0, 0);
	put_number(out, 1, 4);
	saio_at = out->length;
	put_number(out, 0, 4);
	box_end(out, box);
	box = full_box_begin(out, SENC, 0, has_subsamples ? SENC_SUBSAMPLES : 0);
	put_number(out, fragment->nsamples, 4);
	put_number_at(out, saio_at, out->length, 4);
	buffer_append(out, fragment->entries.data, fragment->entries.length);
	box_end(out, box);
}

/* traf: its samples are encrypted, and it says so. */
static bool
encrypt_track(Work *work, Reader content)
{
	Fragment   *fragment = &work->fragment;
	Buffer	   *out = &fragment->made;
	size_t		begun = box_begin(out, TRAF);
	bool		has_head = false;
	Box			box;

	while (next_box(&content, &box))
	{
		bool		well = true;
		size_t		place = out->length + reader_left(&box.whole) - reader_left(&box.content);

		put_reader(out, box.whole);
		if (box.type == TFHD)
		{
			well = read_fragment_head(work, box.content);
			has_head = true;
		}
		else if (box.type == TRUN && has_head)
			well = encrypt_run(work, box.content, place);
		else if (box.type == TRUN || box.type == SENC ||
				 box.type == SAIZ || box.type == SAIO)
			well = unfit(work, "a fragment of it has boxes that it should not have");
		if (!well)
			return false;
	}
	if (content.overrun || fragment->nsamples == 0)
		return unfit(work, "a fragment of it is damaged or empty");
	put_sample_boxes(work);
	box_end(out, begun);
	return true;
}

/* moof: what is made of it has the offsets of where the samples come to lie. */
static bool
encrypt_moof(Work *work, size_t head)
{
	Fragment   *fragment = &work->fragment;
	Reader		content = reader_of(fragment->moof.data, fragment->moof.length);
	Buffer	   *out = &fragment->made;
	size_t		begun;
	int			ntracks = 0;
	Box			box;

	out->length = fragment->sizes.length = fragment->entries.length = 0;
	fragment->noffsets = fragment->nsamples = fragment->mdat_at = 0;
	begun = box_begin(out, MOOF);
	content.at += head;
	while (next_box(&content, &box))
	{
		if (box.type != TRAF)
			put_reader(out, box.whole);
		else if (++ntracks > 1)
			return unfit(work, "a fragment of it has more than one track");
		else if (!encrypt_track(work, box.content))
			return false;
	}
	if (content.overrun || ntracks == 0)
		return unfit(work, "a fragment of it is damaged or empty");
	if (fragment->mdat_at != fragment->mdat.length)
		return unfit(work, "a fragment of it has bytes that belong to no sample");
	box_end(out, begun);
	for (size_t i = 0; i < fragment->noffsets; i++)
	{
		Reader		old = reader_of(out->data + fragment->offsets[i], 4);

		put_number_at(out, fragment->offsets[i], read_number(&old, 4) - fragment->moof.length + out->length, 4);
	}
	return true;
}

/* A fragment: moof, and mdat right behind it. */
static bool
encrypt_fragment(Work *work, const Top *moof, uint64_t end)
{
	Fragment   *fragment = &work->fragment;
	unsigned char head[16];
	Top			mdat;

	if (moof->size > MOST_MOOF)
		return unfit(work, "a fragment of it has too many samples");
	if (!take(work, &fragment->moof, (size_t) moof->size) || !look_at_top(work, end, &mdat))
		return false;
	if (mdat.type != MDAT || mdat.size > MOST_MDAT)
		return unfit(work, "a fragment of it has no media behind it, or too much");
	if (!look(work, head, mdat.head))
		return false;
	work->in_at += mdat.head;
	fragment->mdat_head = mdat.head;
	return take(work, &fragment->mdat, (size_t) mdat.size - mdat.head) &&
		encrypt_moof(work, moof->head) &&
		put(work, fragment->made.data, fragment->made.length) &&
		put(work, head, mdat.head) &&
		put(work, fragment->mdat.data, fragment->mdat.length);
}

/* A segment of the index: fragments, and what stands before them. */
static bool
encrypt_fragments(Work *work, uint64_t end)
{
	while (work->in_at < end)
	{
		Top			top;

		if (!look_at_top(work, end, &top))
			return false;
		if (top.type == MDAT || top.type == MOOV || top.type == SIDX)
			return unfit(work, "a segment of it begins with no fragment");
		if (!(top.type == MOOF ? encrypt_fragment(work, &top, end) : copy(work, top.size)))
			return false;
	}
	return true;
}

/* ---------------------------------------------------------------------------
 * Segments, by AES-128, and all of it
 * ---------------------------------------------------------------------------
 */

/* A segment of the index, whole. */
static bool
encrypt_whole(Work *work, uint64_t number, uint64_t end)
{
	unsigned char *made = allocate(PIECE + EVP_MAX_BLOCK_LENGTH);
	size_t		length;
	bool		well = cipher_begin_segment(&work->cipher, number) || cipher_trouble(work);

	while (well && work->in_at < end)
	{
		size_t		piece = end - work->in_at < PIECE ? (size_t) (end - work->in_at) : PIECE;

		well = take(work, &work->box, piece) &&
			(cipher_segment(&work->cipher, (unsigned char *) work->box.data, piece, made, &length) || cipher_trouble(work)) &&
			put(work, made, length);
	}
	if (well)
		well = (cipher_end_segment(&work->cipher, made, &length) || cipher_trouble(work)) && put(work, made, length);
	free(made);
	return well;
}

/* All segments, and the new index of them. */
static bool
put_segments(Work *work)
{
	for (size_t i = 0; i < work->nsegments; i++)
	{
		uint64_t	begun = work->out_at;
		uint64_t	end = work->in_at + work->segments[i];
		Buffer		size = {NULL, 0, 0};
		bool		well;

		if (work->segments[i] > work->in_size - work->in_at)
			return unfit(work, "it ends too soon");
		if (!(work->encryption->scheme == SCHEME_AES128 ? encrypt_whole(work, i, end) : encrypt_fragments(work, end)))
			return false;
		if (work->out_at - begun > INT32_MAX)
			return unfit(work, "a segment of it is too large");
		put_number(&size, work->out_at - begun, 4);
		well = put_at(work, size.data, 4, work->index_at + i * 12);
		buffer_free(&size);
		if (!well)
			return false;
	}
	return true;
}

/* Behind the segments there may be an index of another kind, which is left out. */
static bool
check_end(Work *work)
{
	while (work->in_at < work->in_size)
	{
		Top			top;

		if (!look_at_top(work, work->in_size, &top))
			return false;
		if (top.type != MFRA && top.type != FREE && top.type != SKIP)
			return unfit(work, "it has more than its index knows");
		work->in_at += top.size;
	}
	return true;
}

/* Lets go of all that was taken. */
static void
release(Work *work)
{
	Buffer	   *buffers[] = {
		&work->box, &work->fragment.moof, &work->fragment.mdat, &work->fragment.made, &work->fragment.sizes,
		&work->fragment.entries
	};

	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
		buffer_free(buffers[i]);
	cipher_close(&work->cipher);
	track_close(&work->track);
	free(work->segments);
}

/*
 * Encrypts the file that one descriptor reads, which can be read at any place, into
 * the empty one that the other writes. Where it does not end well, what is wrong
 * is in problem, as "it is ...", which the caller frees.
 */
EncryptEnd
encrypt_file(int in, int out, const Encryption *encryption, char **problem)
{
	Work	   *work = allocate(sizeof(Work));
	struct stat status;
	bool		well;
	EncryptEnd	end;

	work->in = in;
	work->out = out;
	work->encryption = encryption;
	if (fstat(in, &status) != 0)
		well = trouble(work, "cannot read the clear file");
	else
	{
		work->in_size = (uint64_t) status.st_size;
		well = (cipher_open(&work->cipher, encryption) || cipher_trouble(work)) &&
			put_head(work) && put_segments(work) && check_end(work);
	}
	*problem = work->problem;
	end = well ? ENCRYPT_WELL : work->trouble ? ENCRYPT_TROUBLE : ENCRYPT_UNFIT;
	release(work);
	free(work);
	return end;
}
