/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far a job is, on one live line.
 *
 *	apply  ━━━━━━━━━━━━━━──────────  58%  12,345 rows/s  ETA 0:42  2/7  public.orders
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/interrupt.h"
#include "cli/printable.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/terminal.h"

#define BAR_WIDTH 24
#define PHASE_WIDTH 11			/* of the longest, constraints */

void
steep_progress_time(Text *buf, long seconds)
{
	if (seconds < 60)
		steep_text_format(buf, "%ld s", seconds);
	else if (seconds < 3600)
		steep_text_format(buf, "%ld:%02ld", seconds / 60, seconds % 60);
	else
		steep_text_format(buf, "%ld:%02ld:%02ld", seconds / 3600,
						  seconds / 60 % 60, seconds % 60);
}

void
steep_progress_bar(Text *buf, FILE *stream, int width, double percent)
{
	const BarPart parts[] = {
		{percent, COLOR_GOOD, "\xe2\x94\x81", "="}, /* U+2501 */
		{100 - percent, COLOR_DIM, "\xe2\x94\x80", "-"},	/* U+2500 */
	};

	steep_bar_append(buf, stream, width, parts, 2);
}

static void
append_whole(Text *buf, double number, const char *unit)
{
	char		digits[32];

	snprintf(digits, sizeof(digits), "%.0f", number);
	steep_table_number(buf, digits);
	steep_text_append(buf, unit);
}

/* Append the speed in this phase, once there is one. */
static void
append_speed(Text *buf, const Look *look, Pace *pace)
{
	long long	now = steep_interrupt_clock();
	double		seconds;

	if (strncmp(pace->phase, look->phase, sizeof(pace->phase) - 1) != 0)
	{
		snprintf(pace->phase, sizeof(pace->phase), "%s", look->phase);
		pace->since = now;
		pace->rows = look->rows;
		pace->bytes = look->bytes;
	}
	seconds = (now - pace->since) / 1000.0;
	if (seconds < 0.5)
		return;
	if (look->rows > pace->rows && pace->rows >= 0)
		append_whole(buf, (look->rows - pace->rows) / seconds, " rows/s  ");
	else if (look->bytes - pace->bytes >= 10e6 * seconds)
		append_whole(buf, (look->bytes - pace->bytes) / seconds / 1e6, " MB/s  ");
	else if (look->bytes > pace->bytes)
		append_whole(buf, (look->bytes - pace->bytes) / seconds / 1e3, " kB/s  ");
}

void
steep_progress_show(const Session *session, const Look *look, Pace *pace)
{
	Text		line = {0};
	Text		rest = {0};

	if (session->quiet || session->json || !steep_terminal_is(stderr))
		return;
	steep_text_format(&line, "%-*s  ", PHASE_WIDTH, look->phase);
	steep_progress_bar(&line, stderr, BAR_WIDTH, look->percent);
	steep_text_format(&rest, " %3.0f%%  ", look->percent);
	append_speed(&rest, look, pace);
	if (look->eta_seconds[0])
	{
		steep_text_append(&rest, "ETA ");
		steep_progress_time(&rest, strtol(look->eta_seconds, NULL, 10));
		steep_text_append(&rest, "  ");
	}
	if (look->tables_total[0])
		steep_text_format(&rest, "%s/%s  ", look->tables_completed, look->tables_total);
	steep_printable_append(&rest, look->table, PRINTABLE_CELL);
	steep_printable_cut(&line, rest.data,
						steep_terminal_columns(stderr) - PHASE_WIDTH - 2 - BAR_WIDTH - 1);
	steep_terminal_show(line.data);
}

void
steep_progress_away(const Session *session)
{
	if (session->quiet || session->json || !steep_terminal_is(stderr))
		return;
	steep_terminal_show("The server is away; waiting for it to come back.");
}
