/*-------------------------------------------------------------------------
 *
 * suggest.c
 *		The word that somebody may have meant.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "cli/suggest.h"
#include "cli/text.h"

#define LONGEST 64

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Count the letters to insert, delete, replace or swap with the next one to
 * make one word of the other; LONGEST if one of them is too long to tell.
 */
static int
distance(const char *a, const char *b)
{
	int			rows[3][LONGEST + 1];
	int			na = strlen(a);
	int			nb = strlen(b);

	if (na > LONGEST || nb > LONGEST)
		return LONGEST;
	for (int j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (int i = 1; i <= na; i++)
	{
		int		   *row = rows[i % 3];
		int		   *above = rows[(i - 1) % 3];

		row[0] = i;
		for (int j = 1; j <= nb; j++)
		{
			row[j] = least(least(row[j - 1], above[j]) + 1,
						   above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
		}
	}
	return rows[na % 3][nb];
}

void
steep_suggest_offer(Suggestion *suggestion, const char *word)
{
	int			length = strlen(suggestion->wrong);
	int			d = distance(suggestion->wrong, word);

	/* the start of a word is as good as a letter too many */
	if (length >= 3 && strncmp(suggestion->wrong, word, length) == 0)
		d = least(d, 1);
	if (d > 1 + length / 4)
		return;
	if (suggestion->nearest == NULL || d < suggestion->distance)
	{
		suggestion->nearest = word;
		suggestion->distance = d;
	}
}

const char *
steep_suggest_hint(const Suggestion *suggestion, const char *prefix,
				   const char *otherwise)
{
	Text		hint = {0};

	if (suggestion->nearest == NULL)
		return otherwise;
	steep_text_format(&hint, "Perhaps you meant \"%s%s\".", prefix,
					  suggestion->nearest);
	return hint.data;
}
