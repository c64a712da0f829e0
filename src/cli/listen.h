/*-------------------------------------------------------------------------
 *
 * listen.h
 *		News of jobs, which the server sends on a channel.
 *
 * Anybody can send on it, and a message can be lost: it is a reason to look,
 * and never what is believed.  Who cannot listen looks once a second.
 *
 *-------------------------------------------------------------------------
 */
#ifndef STEEP_REPL_LISTEN_H
#define STEEP_REPL_LISTEN_H

#include "cli/query.h"

/* Ask for news on this connection. */
extern AnswerKind steep_listen_start(Session *session);

/*
 * Wait for news of a job, or of any if the id is NULL, for a second at most.
 * If its message says how many rows are done, that goes to rows.
 */
extern AnswerKind steep_listen_wait(Session *session, const char *id,
									double *rows);

/*
 * Wait until the server is back and connect; ANSWER_LOST if it takes too
 * long.
 */
extern AnswerKind steep_listen_again(Session *session);

#endif							/* STEEP_REPL_LISTEN_H */
