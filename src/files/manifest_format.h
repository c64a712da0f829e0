/*-------------------------------------------------------------------------
 *
 * manifest_format.h
 *		The fields of manifest.json.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_MANIFEST_FORMAT_H
#define STEEP_REPL_MANIFEST_FORMAT_H

#include "files/json.h"
#include "files/manifest.h"

extern const JsonShape steep_manifest_shape;

/* Whatever its fields alone don't tell: numbers ascend, sums are right, ... */
extern bool steep_manifest_check(const Manifest *manifest, Failure *failure);

/* Sum up the tables; false if a sum is out of all reason. */
extern bool steep_manifest_sum(const Manifest *manifest, ManifestTotal *total);

#endif							/* STEEP_REPL_MANIFEST_FORMAT_H */
