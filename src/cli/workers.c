/*-------------------------------------------------------------------------
 *
 * workers.c
 *		Work that several processes share, each with a connection of its own.
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/connection.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/workers.h"

#define MOST_WORKERS 32
#define TICK 200				/* milliseconds between two looks */

/* What parent and children share. */
typedef struct Shared
{
	int			taken;			/* items, by any child */
	int			ended;			/* of these, done */
	uint64_t	bytes;
} Shared;

/* A crew at work, as the parent knows it. */
typedef struct Crew
{
	const Workers *workers;
	pid_t		pids[MOST_WORKERS]; /* 0: has ended */
	int			left;			/* that have not ended */
	bool		released;		/* was told to end its transactions */
	int			news[2];		/* a pipe that children write to */
	int			release[2];		/* a pipe that the parent writes to */
	long long	since;			/* by steep_interrupt_clock() */
	int			told;			/* permille, to a machine */
	Pace		pace;
} Crew;

static Shared *shared = NULL;
static PGcancel *request = NULL;	/* of a child's statement */

void *
steep_workers_memory(size_t size)
{
	void	   *memory = mmap(NULL, size > 0 ? size : 1, PROT_READ | PROT_WRITE,
							  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		steep_complain_fail(CODE_GENERAL, NULL, "out of memory");
	return memory;
}

void
steep_workers_add_bytes(uint64_t bytes)
{
	__sync_fetch_and_add(&shared->bytes, bytes);
}

/*
 * The parent wants this child to end.  Its server may wait for a lock, and
 * would not see that the connection has gone; a handler may call PQcancel().
 */
static void
end_at_once(int number)
{
	char		problem[256];

	if (request)
		PQcancel(request, problem, sizeof(problem));
	_exit(CODE_CANCELLED);
}

/* Ctrl-C reaches children too, but it is the parent who acts on it. */
static void
leave_signals_to_parent(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, end_at_once);
}

/* What a child does. */
static void
be_worker(const Crew *crew)
{
	const Workers *workers = crew->workers;
	Session		session = *workers->session;
	char		byte = '.';
	int			item;

	close(crew->news[0]);
	close(crew->release[1]);
	leave_signals_to_parent();
	session.conn = NULL;		/* the parent's, not to be touched */
	session.deadline = 0;		/* the parent looks at the clock */
	steep_connection_open(&session);
	request = PQgetCancel(session.conn);
	leave_signals_to_parent();
	if (workers->begin)
		workers->begin(workers, &session);
	while ((item = __sync_fetch_and_add(&shared->taken, 1)) < workers->items)
	{
		workers->work(workers, &session, item);
		__sync_fetch_and_add(&shared->ended, 1);
		if (write(crew->news[1], &byte, 1) != 1)
			_exit(CODE_GENERAL);
	}
	/* no byte but the end of the pipe: the parent is no more */
	if (read(crew->release[0], &byte, 1) != 1)
		_exit(CODE_GENERAL);
	if (workers->end)
		workers->end(workers, &session);
	PQfinish(session.conn);
	_exit(CODE_FINE);
}

static void
hire(Crew *crew)
{
	const Workers *workers = crew->workers;

	if (pipe(crew->news) != 0 || pipe(crew->release) != 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not create a pipe");
	fflush(NULL);
	for (int i = 0; i < workers->count && i < MOST_WORKERS; i++)
	{
		crew->pids[i] = fork();
		if (crew->pids[i] == 0)
			be_worker(crew);
		if (crew->pids[i] < 0)
		{
			crew->pids[i] = 0;
			break;				/* with fewer it takes longer */
		}
		crew->left++;
	}
	close(crew->news[1]);
	close(crew->release[0]);
	if (crew->left == 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not create a process");
}

/* End all that are left. */
static void
dismiss(Crew *crew)
{
	for (int i = 0; i < MOST_WORKERS; i++)
	{
		if (crew->pids[i] > 0)
			kill(crew->pids[i], SIGTERM);
	}
	for (int i = 0; i < MOST_WORKERS; i++)
	{
		if (crew->pids[i] > 0)
			waitpid(crew->pids[i], NULL, 0);
	}
}

/* See which have ended; anything but CODE_FINE: one has failed. */
static ExitCode
look_after(Crew *crew)
{
	for (int i = 0; i < MOST_WORKERS; i++)
	{
		int			status;

		if (crew->pids[i] == 0 || waitpid(crew->pids[i], &status, WNOHANG) <= 0)
			continue;
		crew->pids[i] = 0;
		crew->left--;
		if (!WIFEXITED(status))
		{
			Complaint	complaint = {.severity = "error",.message = "a process of this program was killed"};

			steep_complain(&complaint, CODE_GENERAL);
			return CODE_GENERAL;
		}
		if (WEXITSTATUS(status) != CODE_FINE)
			return WEXITSTATUS(status);
	}
	return CODE_FINE;
}

/* Write how far it is as a line of JSON, if that has changed. */
static void
show_json(Crew *crew, double percent)
{
	const Workers *workers = crew->workers;
	int			permille = (int) (10 * percent);

	if (workers->session->quiet || permille == crew->told)
		return;
	crew->told = permille;
	printf("{\"event\":\"progress\",\"phase\":\"%s\",\"overall_percent\":%.1f,\"bytes_processed\":%" PRIu64 "}\n",
		   workers->phase, percent, shared->bytes);
	fflush(stdout);
}

static void
show_line(Crew *crew, double percent)
{
	char		completed[16];
	char		total[16];
	char		eta[32] = "";
	Look		seen = {
		.phase = crew->workers->phase,.table = "",.eta_seconds = eta,.rows = -1,
		.tables_completed = completed,.tables_total = total,
		.percent = percent,.bytes = (double) shared->bytes
	};
	double		seconds = (steep_interrupt_clock() - crew->since) / 1000.0;

	snprintf(completed, sizeof(completed), "%d", shared->ended);
	snprintf(total, sizeof(total), "%d", crew->workers->items);
	if (seconds >= 1 && percent > 0)
		snprintf(eta, sizeof(eta), "%.0f", seconds * (100 - percent) / percent);
	steep_progress_show(crew->workers->session, &seen, &crew->pace);
}

/* Show how far it is. */
static void
show(Crew *crew)
{
	double		percent = 0;

	if (crew->workers->total_bytes > 0)
		percent = 100 * (double) shared->bytes / (double) crew->workers->total_bytes;
	if (percent > 100)
		percent = 100;
	if (crew->workers->session->json)
		show_json(crew, percent);
	else
		show_line(crew, percent);
}

/* Tell all to end their transactions, once all work is done. */
static void
release(Crew *crew)
{
	char		bytes[MOST_WORKERS] = {0};

	if (crew->released || shared->ended < crew->workers->items)
		return;
	crew->released = true;
	if (write(crew->release[1], bytes, sizeof(bytes)) < 0)
		steep_complain_fail(CODE_GENERAL, NULL, "could not write to a pipe");
}

/* Wait for news; anything but CODE_FINE: it is to end. */
static ExitCode
wait_for_news(Crew *crew)
{
	const Session *session = crew->workers->session;
	char		bytes[256];

	switch (steep_interrupt_wait(crew->news[0], TICK))
	{
		case WAIT_READY:
			if (read(crew->news[0], bytes, sizeof(bytes)) == 0)
				steep_interrupt_wait(-1, 5);	/* they are about to end */
			break;
		case WAIT_TIMEOUT:
			break;
		case WAIT_INTERRUPT:
		case WAIT_TERMINATE:
			if (crew->released)
				break;			/* too late: some may have committed */
			return CODE_CANCELLED;
	}
	if (session->deadline > 0 && !crew->released &&
		steep_interrupt_clock() > session->deadline)
		return CODE_TIMEOUT;
	return CODE_FINE;
}

ExitCode
steep_workers_run(const Workers *workers)
{
	Crew		crew = {.workers = workers,.since = steep_interrupt_clock(),.told = -1};
	ExitCode	code = CODE_FINE;

	shared = steep_workers_memory(sizeof(Shared));
	hire(&crew);
	while (crew.left > 0 && code == CODE_FINE)
	{
		release(&crew);
		code = wait_for_news(&crew);
		if (code == CODE_FINE)
			code = look_after(&crew);
		show(&crew);
	}
	steep_terminal_clear();
	if (code != CODE_FINE)
		dismiss(&crew);
	close(crew.news[0]);
	close(crew.release[1]);
	munmap(shared, sizeof(Shared));
	shared = NULL;
	return code;
}
