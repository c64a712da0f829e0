/*-------------------------------------------------------------------------
 *
 * bar.c
 *		Proportions, drawn.
 *
 *-------------------------------------------------------------------------
 */
#include "cli/bar.h"

#define MOST_PARTS 8

/* Share the columns out; returns how many are left over, or missing. */
static int
share(const BarPart *parts, int count, int width, int *columns)
{
	double		total = 0;
	int			left = width;

	for (int i = 0; i < count; i++)
		total += parts[i].amount;
	for (int i = 0; i < count; i++)
	{
		columns[i] = total > 0 ? (int) (parts[i].amount / total * width) : 0;
		if (columns[i] == 0 && parts[i].amount > 0)
			columns[i] = 1;
		left -= columns[i];
	}
	return total > 0 ? left : 0;
}

static int
widest(const int *columns, int count)
{
	int			found = 0;

	for (int i = 1; i < count; i++)
	{
		if (columns[i] > columns[found])
			found = i;
	}
	return found;
}

void
steep_bar_append(Text *buf, FILE *stream, int width, const BarPart *parts,
				 int count)
{
	int			columns[MOST_PARTS];
	int			left = share(parts, count, width, columns);

	/* the widest part bears it best */
	columns[widest(columns, count)] += left;
	for (int i = 0; i < count; i++)
	{
		if (columns[i] <= 0)
			continue;
		steep_text_append(buf, steep_terminal_color(stream, parts[i].shade));
		steep_text_repeat(buf, steep_terminal_is_utf8() ? parts[i].utf8 : parts[i].ascii,
						  columns[i]);
		steep_text_append(buf, steep_terminal_color(stream, COLOR_NONE));
	}
}
