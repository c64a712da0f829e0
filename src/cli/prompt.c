/*-------------------------------------------------------------------------
 *
 * prompt.c
 *		Questions to the person at the terminal.
 *
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/interrupt.h"
#include "cli/prompt.h"
#include "cli/terminal.h"
#include "cli/text.h"

bool
steep_prompt_is_possible(void)
{
	return steep_terminal_is(stdin) && steep_terminal_is(stderr);
}

const char *
steep_prompt_secret(const char *question)
{
	struct termios shown;
	struct termios hidden;
	char		line[1024] = "";

	fputs(question, stderr);
	tcgetattr(STDIN_FILENO, &shown);
	hidden = shown;
	hidden.c_lflag &= ~ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	if (fgets(line, sizeof(line), stdin) != NULL)
		line[strcspn(line, "\n")] = '\0';
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fputs("\n", stderr);
	return steep_text_copy(line);
}

char
steep_prompt_choice(const char *question, const char *letters)
{
	char		line[256];

	steep_terminal_clear();
	tcflush(STDIN_FILENO, TCIFLUSH);
	for (;;)
	{
		ssize_t		length;

		fputs(question, stderr);
		fflush(stderr);
		if (steep_interrupt_wait(STDIN_FILENO, -1) != WAIT_READY)
			break;
		length = read(STDIN_FILENO, line, sizeof(line));
		if (length <= 0)
			break;
		if (strchr(letters, tolower((unsigned char) line[0])) != NULL)
			return tolower((unsigned char) line[0]);
	}
	fputs("\n", stderr);
	return letters[0];
}
