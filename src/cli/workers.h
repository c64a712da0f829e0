/*-------------------------------------------------------------------------
 *
 * workers.h
 *		Work that several processes share, each with a connection of its own.
 *
 * Compression is what a snapshot costs, so it takes more than one core.  The
 * workers are children that take one item after the other.  When all items are
 * done, and not before, each is told to end its transaction: so all commit, or
 * one has failed and none does.  A child whose parent has died rolls back.
 *
 * What children find out is left in memory that all of them share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_WORKERS_H
#define STEEP_REPL_WORKERS_H

#include <stdint.h>

#include "cli/complain.h"
#include "cli/session.h"

typedef struct Workers Workers;

struct Workers
{
	Session    *session;		/* of the parent: how to connect */
	int			count;			/* of processes */
	int			items;			/* of work */
	const char *phase;			/* what people see */
	uint64_t	total_bytes;	/* that all items have, about */
	void	   *arg;			/* for the functions */

	/* These run in a child, with its own session; begin and end may be NULL. */
	void		(*begin) (const Workers *workers, Session *session);
	void		(*work) (const Workers *workers, Session *session, int item);
	void		(*end) (const Workers *workers, Session *session);
};

/* Get memory that children write and the parent reads; all zeros. */
extern void *steep_workers_memory(size_t size);

/* A child has dealt with so many bytes. */
extern void steep_workers_add_bytes(uint64_t bytes);

/*
 * Do all the work.  Anything but CODE_FINE: it has failed, which a child has
 * complained about already, or somebody has ended it; no child is left.
 */
extern ExitCode steep_workers_run(const Workers *workers);

#endif							/* STEEP_REPL_WORKERS_H */
