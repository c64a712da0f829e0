/*-------------------------------------------------------------------------
 *
 * enumlabel.h
 *		The label of an enum value, remembered.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_ENUMLABEL_H
#define STEEP_REPL_ENUMLABEL_H

typedef struct EnumLabels EnumLabels;

extern EnumLabels *steep_enumlabel_prepare(MemoryContext context);
extern const char *steep_enumlabel_find(EnumLabels *labels, Oid value);

#endif							/* STEEP_REPL_ENUMLABEL_H */
