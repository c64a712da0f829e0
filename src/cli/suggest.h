/*-------------------------------------------------------------------------
 *
 * suggest.h
 *		The word that somebody may have meant.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_SUGGEST_H
#define STEEP_REPL_SUGGEST_H

typedef struct Suggestion
{
	const char *wrong;			/* the word as it was written */
	const char *nearest;		/* of those that were offered, or NULL */
	int			distance;
} Suggestion;

/* Take a word if it is nearer than those before, and near enough. */
extern void steep_suggest_offer(Suggestion *suggestion, const char *word);

/* Write a hint with the word, or else return what to say without one. */
extern const char *steep_suggest_hint(const Suggestion *suggestion,
									  const char *prefix,
									  const char *otherwise);

#endif							/* STEEP_REPL_SUGGEST_H */
