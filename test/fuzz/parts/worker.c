/*-------------------------------------------------------------------------
 *
 * worker.c
 *		What the worker reads of a file that it encrypts, for parts.c. It is a file
 *		of its own, since the worker's headers and the server's do not mix.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../../worker/encrypt.h"

extern void fuzz_encrypt(const uint8_t *data, size_t size);
extern void fuzz_samples(const uint8_t *data, size_t size);

/*
 * A whole file; the first byte chooses the scheme. What is encrypted has come
 * to an end, and what is not says why.
 */
void
fuzz_encrypt(const uint8_t *data, size_t size)
{
	Encryption	encryption = {.wanted = true};
	int			in = memfd_create("in", 0);
	int			out = memfd_create("out", 0);
	char	   *problem = NULL;
	EncryptEnd	end;

	if (size == 0 || in < 0 || out < 0 || write(in, data + 1, size - 1) != (ssize_t) size - 1)
		goto done;
	encryption.scheme = (Scheme) (data[0] % 3);
	buffer_append_text(&encryption.pssh, "some bytes");
	end = encrypt_file(in, out, &encryption, &problem);
	if (end == ENCRYPT_TROUBLE || (end == ENCRYPT_WELL) != (problem == NULL))
		abort();
	free(problem);
	encryption_wipe(&encryption);
done:
	close(in);
	close(out);
}

/* A sample entry with nothing in it but that its lengths have two bytes. */
static size_t
make_entry(int coding, unsigned char *entry)
{
	static const unsigned char avc[] = {0, 0, 0, 15, 'a', 'v', 'c', 'C', 1, 0, 0, 0, 1, 0, 0};
	static const unsigned char hevc[31] = {0, 0, 0, 31, 'h', 'v', 'c', 'C',[29] = 1};
	static const unsigned char av1[] = {0, 0, 0, 12, 'a', 'v', '1', 'C', 0x81, 0, 0, 0};
	static const struct
	{
		const unsigned char *box;
		size_t		size;
	}			boxes[] = {{avc, sizeof(avc)}, {hevc, sizeof(hevc)}, {av1, sizeof(av1)}};

	memset(entry, 0, 78);
	memcpy(entry + 78, boxes[coding].box, boxes[coding].size);
	return 78 + boxes[coding].size;
}

/*
 * Samples alone, with parameter sets among them: the first byte chooses the codec
 * and the scheme. Their pieces are the whole sample, and are not too many.
 */
void
fuzz_samples(const uint8_t *data, size_t size)
{
	static const uint32_t formats[] = {
		BOX_TYPE('a', 'v', 'c', '1'), BOX_TYPE('h', 'v', 'c', '1'), BOX_TYPE('a', 'v', '0', '1')
	};
	unsigned char entry[128];
	int			coding;
	Track		track;
	Subsamples	subsamples;
	size_t		fields;
	size_t		sum = 0;
	unsigned char *sample;

	if (size == 0)
		return;
	coding = data[0] % 3;
	if (track_open(&track, formats[coding], reader_of(entry, make_entry(coding, entry)), &fields) != NULL)
		abort();
	/* in memory of just that size, so that a read behind it is seen */
	sample = malloc(size > 1 ? size - 1 : 1);
	memcpy(sample, data + 1, size - 1);
	if (track_map(&track, sample, size - 1, data[0] & 128, &subsamples) == NULL)
	{
		for (int i = 0; i < subsamples.n; i++)
		{
			if (subsamples.of[i].clear > 65535)
				abort();
			sum += subsamples.of[i].clear + subsamples.of[i].protected;
		}
		if (sum != size - 1 || subsamples.n > MOST_SUBSAMPLES)
			abort();
	}
	free(sample);
	track_close(&track);
}
