/*-------------------------------------------------------------------------
 *
 * terminal.c
 *		What the program's output goes to.
 *
 *-------------------------------------------------------------------------
 */
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/terminal.h"

static const char *const color_codes[] = {
	[COLOR_NONE] = "\033[0m",
	[COLOR_HEAD] = "\033[1m",
	[COLOR_DIM] = "\033[2m",
	[COLOR_GOOD] = "\033[32m",
	[COLOR_WARN] = "\033[33m",
	[COLOR_BAD] = "\033[1;31m",
	[COLOR_LOCAL] = "\033[36m",
	[COLOR_REMOTE] = "\033[35m",
};

static bool colors_wanted = false;
static bool line_shown = false;

void
steep_terminal_setup(bool colors)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	colors_wanted = colors &&
		(no_color == NULL || no_color[0] == '\0') &&
		(term == NULL || strcmp(term, "dumb") != 0);
}

bool
steep_terminal_is(FILE *stream)
{
	return isatty(fileno(stream)) == 1;
}

const char *
steep_terminal_color(FILE *stream, Color shade)
{
	return colors_wanted && steep_terminal_is(stream) ? color_codes[shade] : "";
}

bool
steep_terminal_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int
steep_terminal_columns(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

int
steep_terminal_rows(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		return size.ws_row;
	return 24;
}

void
steep_terminal_show(const char *line)
{
	fprintf(stderr, "\r%s\033[K", line);
	fflush(stderr);
	line_shown = true;
}

void
steep_terminal_clear(void)
{
	if (!line_shown)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	line_shown = false;
}
