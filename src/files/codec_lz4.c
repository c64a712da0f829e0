/*-------------------------------------------------------------------------
 *
 * codec_lz4.c
 *		lz4, in its frame format.
 *
 *-------------------------------------------------------------------------
 */
#include "files/codec.h"

#ifdef STEEP_WITH_LZ4

#include <stdlib.h>

#include <lz4frame.h>

typedef struct Compressor
{
	LZ4F_cctx  *context;
	LZ4F_preferences_t preferences;
	bool		begun;			/* the header is written */
} Compressor;

/*
 * The blocks are of 64 kB and linked, so that they cost next to nothing in
 * size, and what one call of LZ4F_compressUpdate() may write fits CODEC_ROOM.
 */
static void *
compress_start(int level)
{
	Compressor *compressor = calloc(1, sizeof(Compressor));

	if (compressor == NULL)
		return NULL;
	compressor->preferences.compressionLevel = level;
	compressor->preferences.frameInfo.contentChecksumFlag =
		LZ4F_contentChecksumEnabled;
	if (LZ4F_isError(LZ4F_createCompressionContext(&compressor->context,
												   LZ4F_VERSION)))
	{
		free(compressor);
		return NULL;
	}
	return compressor;
}

static void
compress_free(void *state)
{
	Compressor *compressor = state;

	LZ4F_freeCompressionContext(compressor->context);
	free(compressor);
}

/* Account for a call's result: a size or an error. */
static bool
wrote(size_t result, CodecOutput *out, Failure *failure)
{
	if (LZ4F_isError(result))
		return steep_failure_set(failure, FAILURE_IO,
								 "lz4 could not compress: %s",
								 LZ4F_getErrorName(result));
	out->used += result;
	return true;
}

/* One call each: the header, a piece, the end; there is always room. */
static bool
compress_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			   Failure *failure)
{
	Compressor *compressor = state;
	uint8_t    *to = out->data + out->used;
	size_t		room = out->capacity - out->used;
	size_t		length = in->length - in->used;

	*ended = false;
	if (!compressor->begun)
	{
		compressor->begun = true;
		return wrote(LZ4F_compressBegin(compressor->context, to, room,
										&compressor->preferences),
					 out, failure);
	}
	if (length > 0)
	{
		if (length > CODEC_PIECE)
			length = CODEC_PIECE;
		in->used += length;
		return wrote(LZ4F_compressUpdate(compressor->context, to, room,
										 in->data + in->used - length, length,
										 NULL),
					 out, failure);
	}
	*ended = in->last;
	return !in->last ||
		wrote(LZ4F_compressEnd(compressor->context, to, room, NULL),
			  out, failure);
}

static void *
unpack_start(void)
{
	LZ4F_dctx  *context;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)))
		return NULL;
	return context;
}

static void
unpack_free(void *state)
{
	LZ4F_freeDecompressionContext(state);
}

static bool
unpack_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			 const char **reason)
{
	size_t		taken = in->length - in->used;
	size_t		given = out->capacity - out->used;
	size_t		result = LZ4F_decompress(state, out->data + out->used, &given,
										 in->data + in->used, &taken, NULL);

	if (LZ4F_isError(result))
	{
		*reason = LZ4F_getErrorName(result);
		return false;
	}
	in->used += taken;
	out->used += given;
	*ended = result == 0;
	return true;
}

#endif							/* STEEP_WITH_LZ4 */

const Codec steep_codec_lz4 = {
	.name = "lz4",
	.suffix = ".lz4",
	.max_level = 12,
	.default_level = 1,
	.max_ratio = 255,			/* one byte lengthens a match by 255 */
#ifdef STEEP_WITH_LZ4
	CODEC_FUNCTIONS
#endif
};
