/*-------------------------------------------------------------------------
 *
 * interrupt.c
 *		Signals, seen by who waits.
 *
 * A handler writes a byte into a pipe that every wait looks at too, so a
 * signal that comes just before a wait is not lost.
 *
 *-------------------------------------------------------------------------
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/interrupt.h"

static int	signal_pipe[2] = {-1, -1};

static void
note_signal(int number)
{
	int			saved = errno;
	char		byte = number == SIGINT ? 'i' : 't';
	ssize_t		written = write(signal_pipe[1], &byte, 1);

	(void) written;				/* a full pipe says enough */
	errno = saved;
}

void
steep_interrupt_setup(void)
{
	struct sigaction action = {.sa_handler = note_signal,.sa_flags = SA_RESTART};

	if (pipe(signal_pipe) != 0 ||
		fcntl(signal_pipe[0], F_SETFL, O_NONBLOCK) != 0 ||
		fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not create a pipe");
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* Take a signal out of the pipe. */
static WaitEnd
take_signal(void)
{
	char		byte;

	if (read(signal_pipe[0], &byte, 1) != 1)
		return WAIT_READY;
	return byte == 'i' ? WAIT_INTERRUPT : WAIT_TERMINATE;
}

long long
steep_interrupt_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

WaitEnd
steep_interrupt_wait(int fd, int milliseconds)
{
	struct pollfd fds[2] = {
		{.fd = signal_pipe[0],.events = POLLIN},
		{.fd = fd,.events = POLLIN}
	};
	long long	end = steep_interrupt_clock() + milliseconds;

	while (poll(fds, 2, milliseconds) < 0)
	{
		if (errno != EINTR)
			steep_complain_fail(CODE_GENERAL, NULL, "could not wait for the server");
		if (milliseconds >= 0)
			milliseconds = end > steep_interrupt_clock() ?
				(int) (end - steep_interrupt_clock()) : 0;
	}
	if (fds[0].revents != 0)
	{
		WaitEnd		signal = take_signal();

		if (signal != WAIT_READY)
			return signal;
	}
	return fds[1].revents != 0 ? WAIT_READY : WAIT_TIMEOUT;
}
