/*
 * merge.pml
 *		How a merge writes both nodes, as a model that Spin looks through.
 *
 * tools/model runs it.  It follows src/ops/merge_apply.c and fail_step() and
 * claim_step() of the install script; its labels are the test points of the
 * code, with _ for -.  At each the worker can be killed, fail or be cancelled.
 *
 * There are two rows on two nodes, a round of planning for the rows that
 * moved, and a second job if the first ends in doubt.  Meanwhile
 *
 *	applications	write any row that is not locked, on either node: another
 *					value, one that was there before, or none (they delete)
 *	workers			die or fail, so the step is run again
 *	zombies			run on while the step has been taken from them
 *	the peer		loses sessions, or commits what a dead worker sent
 *	replies			to the peer's COMMIT get lost
 *	cancels			end the job, unless it is in doubt
 *	attempts		are used up, also in doubt
 *
 * The advisory locks that keep merges apart are left out, for nothing may hang
 * on them, and so is a number of attempts: any may be the last.
 *
 * The protocol is right if these never become true
 *
 *	lost		a row version that a merge overwrites is not in a decision that
 *				is durable by then and stays
 *	twice		a row is written twice, so a batch was applied twice
 *	unequal		a decision is marked applied, and the nodes differ though no
 *				application has written the row since
 *	half		a job ends and one node only is merged, and it is not recorded
 *				that this is in doubt
 *
 * and if somebody can always go on (what Spin calls no invalid end state) and
 * every run ends (no non-progress cycle).
 *
 * With FAMILY row 1 refers to row 0, so a batch may have to be put off.  That
 * finds two things that the code counts on something else to keep out:
 *
 *	with ZOMBIES, half: what is put off leaves no marker, so a worker that has
 *	slept since before it claimed the batch wakes up and applies it.  But the
 *	books take a step from no worker that lives.
 *
 *	a cycle: the parent went while the job was in doubt, so the child cannot be
 *	written here, in any attempt.  But there are only so many.
 *
 * Mutations, which Spin must find:
 *
 *	NO_GUARD	rows that moved are overwritten
 *	NO_LOCK		rows are checked, but not locked
 *	NO_RECHECK	rows are not checked when this node is rolled forward
 *	NO_MARKER	a batch is claimed whether it was applied or not
 *	NO_RESULT	what the peer left out is not read from the marker
 *	NO_HOLD		a cancel is heard after the peer's COMMIT was sent
 *	NO_DOUBT	it is not recorded that the peer may have committed
 *	NO_FENCE	a step that was taken away is completed
 *	LATE_AUDIT	decisions are durable only with what they decide
 */

#ifndef WRITES
#define WRITES 1				/* of applications */
#endif
#ifndef FAULTS
#define FAULTS 1				/* kills, errors, lost sessions and replies */
#endif
#ifndef ZOMBIES
#define ZOMBIES 0				/* steps taken from workers that live on */
#endif
#ifndef RESUMES
#define RESUMES 0				/* apply_merge() after a job that ended in doubt */
#endif
#ifndef ROUNDS
#define ROUNDS 2				/* MERGE_REPLANS + 1 */
#endif
#define BATCHES (ROUNDS + RESUMES)

#define WORKERS 2				/* a zombie and the one after it */
#define SESSIONS 3				/* their connections, and one that was left */
#define NONE SESSIONS			/* no session */

/* The nodes. */
byte here[2], there[2];			/* rows; 0 = no row */
byte lock_here[2];				/* worker that has locked it, + 1 */
byte lock_there[2];				/* session that has locked it, + 1 */

/* Durable on this node. */
mtype = { ABSENT, PLANNED, STALE, APPLIED };
mtype state[2];					/* of the decision on a row */
byte was_here[2], was_there[2];	/* both sides as they were */
bool to_peer[2];				/* resolution: local */
mtype = { PLAN, APPLY, SETTLE };
mtype kind = PLAN;				/* of the step to be run */
byte round = 1;					/* also numbers the step that applies it */
byte owner;						/* worker that has claimed the step, + 1 */
bool in_doubt;					/* the peer may have committed the step */
bool settle;					/* then finish it, but do not do it */
bool ended;						/* the job */
bool resumed;					/* it is the second */

/* Durable on the peer: the markers by batch. */
bool recorded[BATCHES + 1];
byte result[BATCHES + 1];		/* rows left out, as bits */

/* Sessions on the peer. */
mtype = { FREE, OPEN, SENT, COMMITTED, LOST };
mtype session[SESSIONS];
bool client[SESSIONS];			/* the worker is there */
byte claimed[SESSIONS];			/* batch whose marker it has inserted, or 0 */
byte written[SESSIONS];			/* rows, as bits */
byte left_out[SESSIONS];

bool busy[WORKERS];
bool prefer_here[2];			/* strategy of the row's table */

/* Budgets. */
byte writes = WRITES, faults = FAULTS, zombies = ZOMBIES, resumes = RESUMES;

/* For the properties only. */
bool lost, twice, unequal, half;
bool merged[2];					/* a merge has written the row, somewhere */
bool since[2];					/* an application has, since it was checked */

/* JUST leaves one of them, to see that it alone finds a mutation. */
#ifdef JUST
#define check(bad)		assert(!(bad && JUST))
#else
#define check(bad)		assert(!bad)
#endif

#define bit(r)			(1 << (r))
#define held_by(w)		(owner == (w) + 1)

/* A marker that nobody has committed yet makes others wait. */
#define unclaimed(b) \
	(claimed[0] != (b) && claimed[1] != (b) && claimed[2] != (b))

/* Only decisions that are durable count, and those that stay. */
#define remembered(r, image, value) \
	((value) == 0 || ((state[r] == PLANNED || state[r] == APPLIED) && \
					  image[r] == (value)))

/* The peer's transaction is committed: its writes are seen, its locks gone. */
inline peer_commit_row(k, r)
{
	if
	:: written[k] & bit(r) ->
		lost = !remembered(r, was_there, there[r]);
		check(lost);
		twice = merged[r];
		check(twice);
		half = ended && !in_doubt;
		check(half);
		there[r] = was_here[r];
		merged[r] = true
	:: else
	fi
}

inline peer_close(k)
{
	claimed[k] = 0;
	written[k] = 0;
	left_out[k] = 0;
	if :: lock_there[0] == k + 1 -> lock_there[0] = 0 :: else fi;
	if :: lock_there[1] == k + 1 -> lock_there[1] = 0 :: else fi
}

inline peer_commit(k)
{
	peer_commit_row(k, 0);
	peer_commit_row(k, 1);
#ifndef NO_MARKER
	recorded[claimed[k]] = true;
	result[claimed[k]] = left_out[k];
#endif
	peer_close(k);
	if
	:: client[k] -> session[k] = COMMITTED
	:: else -> session[k] = FREE
	fi
}

inline peer_abort(k)
{
	peer_close(k);
	if
	:: client[k] -> session[k] = LOST
	:: else -> session[k] = FREE
	fi
}

/*
 * A session commits what it was sent.  It ends without if it stands alone,
 * or if the peer fails; what a dead worker sent may not have arrived.
 */
proctype Peer(byte k)
{
end:
	do
	:: d_step { session[k] == SENT -> peer_commit(k) }
	:: d_step { (session[k] == OPEN || session[k] == SENT) && !client[k] ->
		peer_abort(k) }
	:: d_step { (session[k] == OPEN || session[k] == SENT) && client[k] &&
		faults > 0 -> faults--; peer_abort(k) }
	od
}

/* Write another value into a row; zero only where a row may go. */
inline put(row, may_go)
{
	if
	:: row != 0 && may_go -> row = 0
	:: row != 1 -> row = 1
	:: row != 2 -> row = 2
	:: row != 3 -> row = 3
	fi
}

#ifdef FAMILY
/* A parent goes if it has no child; a child comes or stays by its parent. */
#define may_write(rows, locks, r) \
	(!locks[r] && (r == 0 || (rows[0] != 0 && !locks[0])))
#define may_go(rows, r)		(r == 1 || rows[1] == 0)
#else
#define may_write(rows, locks, r)	(!locks[r])
#define may_go(rows, r)		true
#endif

/* What they write before the plan is in the values to start with. */
#define started			(kind == APPLY || owner != 0 || round > 1)

#define APPLICATION(rows, locks, r) \
	:: atomic { writes > 0 && !ended && started && may_write(rows, locks, r) -> \
		writes--; \
		since[r] = true; \
		put(rows[r], may_go(rows, r)) }

proctype Applications()
{
end:
	do
	APPLICATION(here, lock_here, 0)
	APPLICATION(here, lock_here, 1)
	APPLICATION(there, lock_there, 0)
	APPLICATION(there, lock_there, 1)
	/* a worker that is not dead loses its step */
	:: d_step { zombies > 0 && owner != 0 && kind == APPLY && !settle ->
		zombies--; owner = 0 }
	od
}

/*
 * The worker's transaction is rolled back, its connection closed.  A session
 * that is at work is left to itself.
 */
inline disconnect()
{
	if
	:: s == NONE
	:: s != NONE && (session[s] == COMMITTED || session[s] == LOST) ->
		session[s] = FREE;
		client[s] = false
	:: s != NONE && session[s] != COMMITTED && session[s] != LOST ->
		client[s] = false
	fi;
	s = NONE
}

inline unlock()
{
	if :: lock_here[0] == me + 1 -> lock_here[0] = 0 :: else fi;
	if :: lock_here[1] == me + 1 -> lock_here[1] = 0 :: else fi
}

/* Leave the step; what follows is another attempt, or another step. */
inline leave()
{
	unlock();
	disconnect();
	moved = 0;
	forward = false;
	retreat = false;
	held = false;
	doubt = false;
	batch = 0;
	seen[0] = 0;
	seen[1] = 0;
	busy[me] = false
}

inline forget(r)
{
	lost = merged[r];
	check(lost);
	state[r] = ABSENT;
	was_here[r] = 0;
	was_there[r] = 0;
	to_peer[r] = false
}

/* A job ends with both nodes merged or none, or says that it does not know. */
inline end_job()
{
	half = !in_doubt && ((merged[0] && state[0] != APPLIED) ||
		(merged[1] && state[1] != APPLIED));
	check(half);
	ended = true;
	owner = 0
}

/* The worker is killed; later somebody finds that its step runs no more. */
inline die()
{
	if
	:: held_by(me) ->
		owner = 0;
#ifdef LATE_AUDIT
		/* decisions that were not durable have gone, and with them the plan */
		if
		:: kind == APPLY && round == 1 ->
			forget(0);
			forget(1);
			kind = PLAN
		:: else
		fi
#endif
	:: else
	fi;
	leave()
}

#ifdef NO_DOUBT
#define note_doubt(known)	in_doubt = false
#else
#define note_doubt(known)	in_doubt = (known)
#endif

/* The step has failed, and will be tried again. */
inline fail()
{
	if
	:: held_by(me) ->
		owner = 0;
		if
		:: kind == APPLY -> note_doubt(doubt || held)
		:: else
		fi
	:: else
	fi;
	leave()
}

/* It has failed for good, or is cancelled; in doubt that has to wait. */
inline stop()
{
	if
	:: held_by(me) && kind == APPLY && (doubt || held) ->
		settle = true;
		note_doubt(true);
		owner = 0
	:: held_by(me) && kind == APPLY && !(doubt || held) ->
		in_doubt = false;
		end_job()
	:: held_by(me) && kind != APPLY -> end_job()
	:: else
	fi;
	leave()
}

/* A job is not ended while a worker is at it, so from then on it is not. */
#define may_stop		(zombies == ZOMBIES)

/*
 * What may happen at any point: a death, an error, and a cancel.  That is held
 * off once the peer has been told to commit, and it does not come where there
 * is doubt already; but an error that would come again does.
 */
#define TROUBLE \
	:: d_step { faults > 0 -> faults--; die() }; goto idle \
	:: d_step { faults > 0 -> faults--; fail() }; goto idle \
	:: d_step { held_by(me) && may_stop && !held && !settle -> stop() }; goto idle \
	:: d_step { held_by(me) && may_stop && (held || settle) && faults > 0 -> \
		faults--; stop() }; goto idle

/* The same where the peer is asked. */
#define PEER_TROUBLE \
	TROUBLE \
	:: d_step { session[s] == LOST -> fail() }; goto idle

#ifdef NO_HOLD
#define hold_cancel()	skip
#else
#define hold_cancel()	held = true
#endif

/* Read this side of a row that is to be decided. */
inline look(r)
{
	if
	:: round == 1 || state[r] == STALE -> seen[r] = here[r]
	:: else
	fi
}

inline decide(r)
{
	if
	:: round == 1 || state[r] == STALE ->
		forget(r);
		if
		:: seen[r] != there[r] ->
			state[r] = PLANNED;
			was_here[r] = seen[r];
			was_there[r] = there[r];
			to_peer[r] = (there[r] == 0 || (seen[r] != 0 && prefer_here[r]))
		:: else
		fi
	:: else
	fi
}

#define to_write(r)		(state[r] == PLANNED && !(moved & bit(r)))
#define writes_here(r)	(to_write(r) && !to_peer[r])
#define writes_there(r)	(to_write(r) && to_peer[r] && !forward)

/* The rows to be checked: rolling forward, those to be written here. */
#ifdef NO_RECHECK
#define checked(r)		(to_write(r) && !forward)
#else
#define checked(r)		(to_write(r) && (!forward || !to_peer[r]))
#endif

/* Another transaction that holds the row is waited for. */
#define free_here(r)	(lock_here[r] == 0 || lock_here[r] == me + 1)
#define free_there(r)	(lock_there[r] == 0 || lock_there[r] == s + 1)
#define lockable(r, is_free)	(!checked(r) || is_free(r))

/* Lock a row if there is one, and see whether it is as decided on. */
inline lock_row(r, row, locked_by, image, holder)
{
	if
	:: checked(r) ->
#ifndef NO_LOCK
		if :: row != 0 -> locked_by = holder :: else fi;
#endif
#ifndef NO_GUARD
		if :: row != image -> moved = moved | bit(r) :: else fi;
#endif
		skip
	:: else
	fi
}

/* A row to be inserted that is there, or to be updated that is not. */
#define surprise_here(r) \
	(writes_here(r) && (was_here[r] == 0) != (here[r] == 0))
#define surprise_there(r) \
	(writes_there(r) && (was_there[r] == 0) != (there[r] == 0))

#define clear_here(r)	(!writes_here(r) || (free_here(r) && !surprise_here(r)))
#define clear_there(r)	(!writes_there(r) || (free_there(r) && !surprise_there(r)))

#ifdef FAMILY
/* A child that is written needs its parent, which it locks. */
#define orphan_here \
	(writes_here(1) && here[0] == 0 && !writes_here(0))
#define orphan_there \
	(writes_there(1) && there[0] == 0 && !writes_there(0))
#define may_retreat		(round < ROUNDS && !resumed)
#define parents_free \
	((!writes_here(1) || free_here(0)) && (!writes_there(1) || free_there(0)))
#endif

inline commit_row(r)
{
	if
	:: state[r] == PLANNED && (moved & bit(r)) -> state[r] = STALE
	:: to_write(r) && !retreat ->
		if
		:: !to_peer[r] ->
			lost = !remembered(r, was_here, here[r]);
			check(lost);
			twice = merged[r];
			check(twice);
			here[r] = was_there[r];
			merged[r] = true
		:: else
		fi;
		state[r] = APPLIED;
		unequal = here[r] != there[r] && !since[r];
		check(unequal)
	:: else
	fi
}

/* Rows that moved are planned again, or left alone after the last round. */
inline next_step()
{
	in_doubt = false;
	settle = false;
	owner = 0;
	if
	:: kind == SETTLE ->
		kind = APPLY;
		round++
	:: kind == APPLY && (state[0] == STALE || state[1] == STALE) &&
		round < ROUNDS && !resumed ->
		kind = PLAN;
		round++
	:: else -> end_job()
	fi
}

#ifdef NO_FENCE
#define fenced			false
#else
#define fenced			(!held_by(me))
#endif

proctype Worker(byte me)
{
	byte s = NONE;				/* session on the peer */
	byte batch;
	byte moved;					/* rows marked stale, as bits */
	byte seen[2];
	bool doubt;					/* an earlier attempt may have committed there */
	bool forward, retreat, held;

idle:
	if
	:: atomic { ended && !(in_doubt && resumes > 0) -> goto out }
	/* the second starts only beside a zombie: that is all they differ by */
	:: atomic { !ended && owner == 0 && (me == 0 || busy[0]) ->
		owner = me + 1;
		busy[me] = true;
		batch = round;
		if
		:: kind == PLAN -> goto plan
		:: kind == SETTLE
		:: kind == APPLY ->
			doubt = in_doubt;
			note_doubt(true);
			if
			:: true
			/* cancelled, or out of attempts */
			:: doubt && !settle && may_stop -> settle = true
			fi
		fi }
	/* the same, and there is nothing to find out; or no attempt is left */
	:: d_step { !ended && owner == 0 && may_stop &&
		(!in_doubt || settle || kind == SETTLE) -> end_job() }; goto idle
	:: d_step { ended && in_doubt && resumes > 0 ->
		resumes--;
		resumed = true;
		ended = false;
		settle = false;
		kind = SETTLE }; goto idle
	fi;
	goto connect;

plan:
	if
	:: d_step { true -> look(0); look(1) }
	fi;
merge_plan_batch:
	if
	:: d_step { !fenced ->
		decide(0);
		decide(1);
		kind = APPLY;
		owner = 0;
		leave() }; goto idle
	:: d_step { fenced -> fail() }; goto idle
	TROUBLE
	fi;

connect:
	/* any free session will do; so fewer cases have to be told apart */
	if
	:: d_step { session[me] == FREE -> s = me;
		session[s] = OPEN; client[s] = true }
	:: d_step { session[me] != FREE && session[2] == FREE -> s = 2;
		session[s] = OPEN; client[s] = true }
	TROUBLE
	fi;

merge_before_marker:
	if
#ifdef NO_MARKER
	:: d_step { session[s] == OPEN -> doubt = false }
#else
	:: d_step { session[s] == OPEN && unclaimed(batch) && !recorded[batch] ->
		claimed[s] = batch;
		doubt = false }
	:: d_step { session[s] == OPEN && recorded[batch] -> forward = true }
#endif
	PEER_TROUBLE
	fi;
merge_after_marker:
	if
	:: d_step { session[s] == OPEN && forward ->
		hold_cancel();
#ifndef NO_RESULT
		moved = result[batch]
#endif
		}
	:: atomic { session[s] == OPEN && !forward && kind == APPLY && !settle }
	:: d_step { session[s] == OPEN && !forward && kind == APPLY && settle ->
		stop() }; goto idle
	/* nothing was written, and what was planned still is */
	:: d_step { session[s] == OPEN && !forward && kind == SETTLE ->
		disconnect();
		retreat = true }; goto merge_before_local_commit
	PEER_TROUBLE
	fi;

merge_before_lock:
	if
	:: d_step { lockable(0, free_here) && lockable(1, free_here) ->
		lock_row(0, here[0], lock_here[0], was_here[0], me + 1);
		lock_row(1, here[1], lock_here[1], was_here[1], me + 1) }
	TROUBLE
	fi;
	if
	:: forward
	:: d_step { !forward && session[s] == OPEN &&
			lockable(0, free_there) && lockable(1, free_there) ->
		lock_row(0, there[0], lock_there[0], was_there[0], s + 1);
		lock_row(1, there[1], lock_there[1], was_there[1], s + 1);
		since[0] = false;
		since[1] = false }
	PEER_TROUBLE
	fi;
merge_after_lock:
	skip;						/* where it is after its next point */

merge_write_chunk:
	/* what was no row could not be locked, but will be now */
	if
	:: d_step { clear_here(0) && clear_here(1) ->
		if :: writes_here(0) -> lock_here[0] = me + 1 :: else fi;
		if :: writes_here(1) -> lock_here[1] = me + 1 :: else fi }
	:: d_step { surprise_here(0) || surprise_here(1) -> fail() }; goto idle
	TROUBLE
	fi;
	if
	:: forward
	:: d_step { !forward && session[s] == OPEN &&
			clear_there(0) && clear_there(1) ->
		if :: writes_there(0) -> lock_there[0] = s + 1 :: else fi;
		if :: writes_there(1) -> lock_there[1] = s + 1 :: else fi;
		written[s] = (writes_there(0) -> bit(0) : 0) |
			(writes_there(1) -> bit(1) : 0);
		left_out[s] = moved }
	:: d_step { !forward && session[s] == OPEN &&
			(surprise_there(0) || surprise_there(1)) -> fail() }; goto idle
	PEER_TROUBLE
	fi;

#ifdef FAMILY
	if
	:: d_step { (forward || session[s] == OPEN) &&
			!orphan_here && !orphan_there && parents_free ->
		if :: writes_here(1) -> lock_here[0] = me + 1 :: else fi;
		if :: writes_there(1) -> lock_there[0] = s + 1 :: else fi }
	:: d_step { (orphan_here || orphan_there) && !forward &&
			moved && may_retreat ->
		/* this side's savepoint and the peer's transaction are rolled back */
		unlock();
		disconnect();
		retreat = true }; goto merge_before_local_commit
	:: d_step { (orphan_here || orphan_there) && !forward &&
			!(moved && may_retreat) ->
		stop() }; goto idle
	:: d_step { orphan_here && forward -> stop() }; goto idle
	PEER_TROUBLE
	fi;
#endif

merge_before_peer_commit:
	if
	:: atomic { forward -> goto merge_before_local_commit }
	:: d_step { !forward && session[s] == OPEN ->
		hold_cancel();
		session[s] = SENT }
	PEER_TROUBLE
	fi;
	/* the reply, or none */
	if
	:: session[s] == COMMITTED
	PEER_TROUBLE
	fi;
merge_after_peer_commit:
	skip;						/* where it is after its next point */

merge_before_local_commit:
	if
	:: d_step { !fenced ->
		commit_row(0);
		commit_row(1);
		next_step();
		leave() }; goto idle
	:: d_step { fenced -> fail() }; goto idle
	TROUBLE
	fi;

out:
	skip
}

/* What a row is to start with: the higher, the more of it there is. */
#define THERE_ONLY		0
#define HERE_ONLY		1
#define PREFER_THERE	2
#define PREFER_HERE		3

inline put_row(r, what)
{
	here[r] = (what != THERE_ONLY -> 1 : 0);
	there[r] = (what != HERE_ONLY -> 2 : 0);
	prefer_here[r] = (what == PREFER_HERE)
}

init
{
	byte first, second;

	atomic {
		if
		:: first = THERE_ONLY
		:: first = HERE_ONLY
		:: first = PREFER_THERE
		:: first = PREFER_HERE
		fi;
		/* rows are alike, so in one order; but a child has its parent */
		if
		:: second = first
#ifdef FAMILY
		:: first > HERE_ONLY -> second = THERE_ONLY
		:: first > HERE_ONLY -> second = HERE_ONLY
		:: first > HERE_ONLY -> second = PREFER_THERE
		:: first > HERE_ONLY -> second = PREFER_HERE
#else
		:: first > THERE_ONLY -> second = THERE_ONLY
		:: first > HERE_ONLY -> second = HERE_ONLY
		:: first > PREFER_THERE -> second = PREFER_THERE
#endif
		fi;
		put_row(0, first);
		put_row(1, second);
		first = 0;
		second = 0;
		session[0] = FREE;
		session[1] = FREE;
		session[2] = FREE;
		state[0] = ABSENT;
		state[1] = ABSENT;
		run Applications();
		run Peer(0);
		run Peer(1);
		run Peer(2);
		run Worker(0);
		run Worker(1)
	}
}
