/*-------------------------------------------------------------------------
 *
 * hash.h
 *		The 128-bit hash under every digest: XXH3.
 *
 * XXH3's result is fixed since xxHash 0.8.0 and the same on every platform.
 * It is no defence against someone who forges two rows of one digest; like
 * the checksum of a page, it finds what went wrong by itself.
 *
 * Source: https://github.com/Cyan4973/xxHash, header only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_HASH_H
#define STEEP_REPL_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"

#if XXH_VERSION_NUMBER < 800
#error "steep_repl needs xxHash 0.8.0 or newer"
#endif

#define HASH_BYTES 16			/* a hash as put_hash() writes it */

typedef XXH128_hash_t Hash;		/* low64 and high64 */

/* Hash a run of bytes. */
static inline Hash
hash_bytes(const char *data, size_t length)
{
	return XXH3_128bits(data, length);
}

/* Write a hash, low half first. */
static inline char *
put_hash(char *p, Hash hash)
{
	return put64(put64(p, hash.low64), hash.high64);
}

#endif							/* STEEP_REPL_HASH_H */
