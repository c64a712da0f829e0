/*-------------------------------------------------------------------------
 *
 * codec.h
 *		One way to compress and to unpack, as stream.c needs it.
 *
 * Both directions work on an input and an output, take from one, put into the
 * other, and are called until they have ended.  An input's last says that
 * nothing follows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_CODEC_H
#define STEEP_REPL_CODEC_H

#include <stdint.h>

#include "files/compression.h"

/* The largest input of compress, and the least room it needs for output. */
#define CODEC_PIECE (64 * 1024)
#define CODEC_ROOM (160 * 1024)

/* The largest window that is written or read: 8 MB. */
#define CODEC_WINDOW_LOG 23

typedef struct CodecInput
{
	const uint8_t *data;
	size_t		length;
	size_t		used;
	bool		last;
} CodecInput;

typedef struct CodecOutput
{
	uint8_t    *data;
	size_t		capacity;
	size_t		used;
} CodecOutput;

typedef struct Codec
{
	const char *name;
	const char *suffix;
	int			max_level;
	int			default_level;
	uint64_t	max_ratio;		/* no file unpacks to more times its size */

	/* Both start functions return NULL if there is no memory. */
	void	   *(*compress_start) (int level);
	bool		(*compress) (void *state, CodecInput *in, CodecOutput *out,
							 bool *ended, Failure *failure);
	void		(*compress_free) (void *state);

	/* Unpacking fails with a reason alone: "its checksum is wrong". */
	void	   *(*unpack_start) (void);
	bool		(*unpack) (void *state, CodecInput *in, CodecOutput *out,
						   bool *ended, const char **reason);
	void		(*unpack_free) (void *state);
} Codec;

/* The functions of a codec, as each file names them. */
#define CODEC_FUNCTIONS \
	.compress_start = compress_start, \
	.compress = compress_piece, \
	.compress_free = compress_free, \
	.unpack_start = unpack_start, \
	.unpack = unpack_piece, \
	.unpack_free = unpack_free

/* Without the functions if it is not built in. */
extern const Codec steep_codec_none;
extern const Codec steep_codec_gzip;
extern const Codec steep_codec_lz4;
extern const Codec steep_codec_zstd;

extern const Codec *steep_codec(CompressionMethod method);

#endif							/* STEEP_REPL_CODEC_H */
