/*-------------------------------------------------------------------------
 *
 * pinned.h
 *		The settings that our own SQL runs under, whatever the role, the
 *		database or the session says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_PINNED_H
#define STEEP_REPL_PINNED_H

typedef enum PinScope
{
	PIN_ALWAYS,					/* decides what SQL text means or what values
								 * print as: every call, and the peer too */
	PIN_WORKER,					/* decides how a transaction runs: in a call
								 * it is the caller's to choose */
	PIN_BOOKS					/* decides how our own tables are read */
} PinScope;

typedef struct PinnedSetting
{
	const char *name;
	const char *value;
	PinScope	scope;
} PinnedSetting;

extern const PinnedSetting steep_pinned_settings[];
extern const int steep_npinned_settings;

extern void steep_pin_session(void);
extern int	steep_pin_begin(PinScope scope);
extern void steep_pin_end(int nestlevel);

#endif							/* STEEP_REPL_PINNED_H */
