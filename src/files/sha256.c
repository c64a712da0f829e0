/*-------------------------------------------------------------------------
 *
 * sha256.c
 *		SHA-256, by OpenSSL, which uses the processor's instructions for it.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "files/sha256.h"

/* Sha256 is OpenSSL's own context under our name. */
#define EVP(sha) ((EVP_MD_CTX *) (sha))

static bool
fail(Failure *failure)
{
	return steep_failure_set(failure, FAILURE_UNSUPPORTED,
							 "could not compute a SHA-256");
}

/* Start a checksum; NULL after a failure. */
Sha256 *
steep_sha256_start(Failure *failure)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL)
		steep_failure_memory(failure);
	else if (!EVP_DigestInit_ex(context, EVP_sha256(), NULL))
	{
		EVP_MD_CTX_free(context);
		context = NULL;
		fail(failure);
	}
	return (Sha256 *) context;
}

bool
steep_sha256_add(Sha256 *sha, const void *data, size_t length,
				 Failure *failure)
{
	return EVP_DigestUpdate(EVP(sha), data, length) || fail(failure);
}

/* Write the checksum in hex; nothing can be added any more. */
bool
steep_sha256_finish(Sha256 *sha, char str[SHA256_TEXT], Failure *failure)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int length;

	if (!EVP_DigestFinal_ex(EVP(sha), bytes, &length))
		return fail(failure);
	for (unsigned int i = 0; i < length; i++)
		sprintf(str + 2 * i, "%02x", bytes[i]);
	return true;
}

void
steep_sha256_free(Sha256 *sha)
{
	EVP_MD_CTX_free(EVP(sha));
}

/* Is this a checksum as we write it? */
bool
steep_sha256_is_text(const char *str)
{
	return strlen(str) == SHA256_TEXT - 1 &&
		strspn(str, "0123456789abcdef") == SHA256_TEXT - 1;
}
