/*-------------------------------------------------------------------------
 *
 * bytes.h
 *		Write and read integers, little-endian and unaligned.
 *
 * What two nodes compare must not depend on either's byte order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_BYTES_H
#define STEEP_REPL_BYTES_H

#include "port/pg_bswap.h"

#ifdef WORDS_BIGENDIAN
#define LITTLE_ENDIAN16(x) pg_bswap16(x)
#define LITTLE_ENDIAN32(x) pg_bswap32(x)
#define LITTLE_ENDIAN64(x) pg_bswap64(x)
#else
#define LITTLE_ENDIAN16(x) (x)
#define LITTLE_ENDIAN32(x) (x)
#define LITTLE_ENDIAN64(x) (x)
#endif

/* Each put writes at p and returns where the next one goes. */

static inline char *
put8(char *p, uint8 value)
{
	*p = (char) value;
	return p + 1;
}

static inline char *
put16(char *p, uint16 value)
{
	value = LITTLE_ENDIAN16(value);
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static inline char *
put32(char *p, uint32 value)
{
	value = LITTLE_ENDIAN32(value);
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static inline char *
put64(char *p, uint64 value)
{
	value = LITTLE_ENDIAN64(value);
	memcpy(p, &value, sizeof(value));
	return p + sizeof(value);
}

static inline uint32
get32(const char *p)
{
	uint32		value;

	memcpy(&value, p, sizeof(value));
	return LITTLE_ENDIAN32(value);
}

static inline uint64
get64(const char *p)
{
	uint64		value;

	memcpy(&value, p, sizeof(value));
	return LITTLE_ENDIAN64(value);
}

#endif							/* STEEP_REPL_BYTES_H */
