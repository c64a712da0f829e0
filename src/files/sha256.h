/*-------------------------------------------------------------------------
 *
 * sha256.h
 *		SHA-256, by OpenSSL, which uses the processor's instructions for it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SHA256_H
#define STEEP_REPL_SHA256_H

#include "files/failure.h"

#define SHA256_TEXT 65			/* 64 hex digits, and the end */

typedef struct Sha256 Sha256;

extern Sha256 *steep_sha256_start(Failure *failure);
extern bool steep_sha256_add(Sha256 *sha, const void *data, size_t length,
							 Failure *failure);
extern bool steep_sha256_finish(Sha256 *sha, char str[SHA256_TEXT],
								Failure *failure);
extern void steep_sha256_free(Sha256 *sha);

extern bool steep_sha256_is_text(const char *str);

#endif							/* STEEP_REPL_SHA256_H */
