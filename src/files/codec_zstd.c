/*-------------------------------------------------------------------------
 *
 * codec_zstd.c
 *		zstd.
 *
 *-------------------------------------------------------------------------
 */
#include "files/codec.h"

#ifdef STEEP_WITH_ZSTD

#include <zstd.h>

/* One that has been used: it has its tables, which take longer than a small file. */
static ZSTD_CCtx *spare = NULL;

static void *
compress_start(int level)
{
	ZSTD_CCtx  *context = spare ? spare : ZSTD_createCCtx();

	spare = NULL;
	if (context != NULL)
	{
		ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
		ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	}
	return context;
}

static void
compress_free(void *state)
{
	if (spare != NULL ||
		ZSTD_isError(ZSTD_CCtx_reset(state, ZSTD_reset_session_and_parameters)))
		ZSTD_freeCCtx(state);
	else
		spare = state;
}

static bool
compress_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			   Failure *failure)
{
	ZSTD_inBuffer from = {in->data, in->length, in->used};
	ZSTD_outBuffer to = {out->data, out->capacity, out->used};
	size_t		left = ZSTD_compressStream2(state, &to, &from,
											in->last ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(left))
		return steep_failure_set(failure, FAILURE_IO,
								 "zstd could not compress: %s",
								 ZSTD_getErrorName(left));
	in->used = from.pos;
	out->used = to.pos;
	*ended = in->last && left == 0;
	return true;
}

static void *
unpack_start(void)
{
	ZSTD_DCtx  *context = ZSTD_createDCtx();

	if (context != NULL)
		ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, CODEC_WINDOW_LOG);
	return context;
}

static void
unpack_free(void *state)
{
	ZSTD_freeDCtx(state);
}

static bool
unpack_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			 const char **reason)
{
	ZSTD_inBuffer from = {in->data, in->length, in->used};
	ZSTD_outBuffer to = {out->data, out->capacity, out->used};
	size_t		left = ZSTD_decompressStream(state, &to, &from);

	if (ZSTD_isError(left))
	{
		*reason = ZSTD_getErrorName(left);
		return false;
	}
	in->used = from.pos;
	out->used = to.pos;
	*ended = left == 0;
	return true;
}

#endif							/* STEEP_WITH_ZSTD */

const Codec steep_codec_zstd = {
	.name = "zstd",
	.suffix = ".zst",
	.max_level = 19,
	.default_level = 1,
	.max_ratio = 32768,			/* four bytes for a block of 128 kB */
#ifdef STEEP_WITH_ZSTD
	CODEC_FUNCTIONS
#endif
};
