/*-------------------------------------------------------------------------
 *
 * codec_gzip.c
 *		gzip, by zlib.
 *
 *-------------------------------------------------------------------------
 */
#include "files/codec.h"

#ifdef STEEP_WITH_GZIP

#include <stdlib.h>

#include <zlib.h>

#define GZIP_HEADER 16			/* added to the window's bits: gzip, not zlib */

static void *
compress_start(int level)
{
	z_stream   *z = calloc(1, sizeof(z_stream));

	if (z != NULL && deflateInit2(z, level, Z_DEFLATED, MAX_WBITS + GZIP_HEADER,
								  8, Z_DEFAULT_STRATEGY) != Z_OK)
	{
		free(z);
		return NULL;
	}
	return z;
}

static void *
unpack_start(void)
{
	z_stream   *z = calloc(1, sizeof(z_stream));

	if (z != NULL && inflateInit2(z, MAX_WBITS + GZIP_HEADER) != Z_OK)
	{
		free(z);
		return NULL;
	}
	return z;
}

static void
compress_free(void *state)
{
	deflateEnd(state);
	free(state);
}

static void
unpack_free(void *state)
{
	inflateEnd(state);
	free(state);
}

/* Run zlib one way on input and output; both are far below 4 GB. */
static int
run(int (*way) (z_stream *z, int flush), z_stream *z, int flush,
	CodecInput *in, CodecOutput *out)
{
	int			result;

	z->next_in = (Bytef *) in->data + in->used;
	z->avail_in = (uInt) (in->length - in->used);
	z->next_out = out->data + out->used;
	z->avail_out = (uInt) (out->capacity - out->used);
	result = way(z, flush);
	in->used = in->length - z->avail_in;
	out->used = out->capacity - z->avail_out;
	return result;
}

static bool
compress_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			   Failure *failure)
{
	int			result = run(deflate, state, in->last ? Z_FINISH : Z_NO_FLUSH,
							 in, out);

	*ended = result == Z_STREAM_END;
	return result == Z_OK || result == Z_STREAM_END ||
		steep_failure_set(failure, FAILURE_IO, "zlib could not compress");
}

static bool
unpack_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			 const char **reason)
{
	z_stream   *z = state;
	int			result = run(inflate, z, Z_NO_FLUSH, in, out);

	*ended = result == Z_STREAM_END;
	*reason = z->msg ? z->msg : "not gzip";
	/* Z_BUF_ERROR: nothing to take or no room; the caller sees which. */
	return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
}

#endif							/* STEEP_WITH_GZIP */

const Codec steep_codec_gzip = {
	.name = "gzip",
	.suffix = ".gz",
	.max_level = 9,
	.default_level = 6,
	.max_ratio = 1032,			/* two bits for 258 bytes */
#ifdef STEEP_WITH_GZIP
	CODEC_FUNCTIONS
#endif
};
