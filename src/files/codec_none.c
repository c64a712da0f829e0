/*-------------------------------------------------------------------------
 *
 * codec_none.c
 *		Bytes as they are.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "files/codec.h"

/* There is no state, but NULL would mean that there is no memory. */
static char nothing;

static void *
compress_start(int level)
{
	(void) level;
	return &nothing;
}

static void *
unpack_start(void)
{
	return &nothing;
}

static void
compress_free(void *state)
{
	(void) state;
}

static void
unpack_free(void *state)
{
	(void) state;
}

/* Copy what fits. */
static bool
copy(CodecInput *in, CodecOutput *out)
{
	size_t		length = in->length - in->used;

	if (length > out->capacity - out->used)
		length = out->capacity - out->used;
	if (length > 0)
		memcpy(out->data + out->used, in->data + in->used, length);
	in->used += length;
	out->used += length;
	return in->last && in->used == in->length;
}

static bool
compress_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			   Failure *failure)
{
	(void) state;
	(void) failure;
	*ended = copy(in, out);
	return true;
}

static bool
unpack_piece(void *state, CodecInput *in, CodecOutput *out, bool *ended,
			 const char **reason)
{
	(void) state;
	(void) reason;
	*ended = copy(in, out);
	return true;
}

const Codec steep_codec_none = {
	.name = "none",
	.suffix = "",
	.max_ratio = 1,
	CODEC_FUNCTIONS
};
