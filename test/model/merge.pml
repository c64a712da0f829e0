/*
 * merge.pml
 *		How a merge writes both nodes, as a model that Spin looks through.
 *
 * tools/model runs it.  It follows src/ops/merge_apply.c statement by
 * statement: its labels are the test points of the code, with _ for -.  At
 * each the worker can be killed, fail or be cancelled.
 *
 * There are two rows and two nodes, and a round of planning for the rows that
 * moved.  Meanwhile
 *
 *	applications	write any row that is not locked, on either node: another
 *					value, one that was there before, or none (they delete)
 *	workers			are killed or fail, so the step is run again
 *	zombies			run on while the step has been taken from them
 *	the peer		loses sessions, or commits what a dead worker sent
 *	replies			to the peer's COMMIT get lost
 *	cancels			end the job, unless they are held off
 *
 * The advisory locks that keep merges apart are left out: nothing may hang on
 * them.  Nothing is lost if
 *
 *	lost		a row version that a merge overwrites is not in a decision that
 *				is durable by then and stays
 *	twice		a row is written twice, so a batch was applied twice
 *	unequal		a decision is marked applied, and the nodes differ though no
 *				application has written the row since
 *	half		the job ends and one node only is merged
 *
 * never becomes true, some worker can always go on (Spin calls it an invalid
 * end state), and every run ends (no non-progress cycle).
 *
 * With FAMILY row 1 refers to row 0, so a batch may have to be put off.
 *
 * Mutations, each of which Spin must find: NO_GUARD, NO_LOCK, NO_RECHECK,
 * NO_MARKER, NO_RESULT, LATE_AUDIT, NO_HOLD, NO_FENCE.
 *
 * Limits of the code, which Spin finds as well: HASTY_CANCEL, and FAMILY with
 * ZOMBIES.  See below at those words.
 */

#ifndef WRITES
#define WRITES 2				/* of applications */
#endif
#ifndef FAULTS
#define FAULTS 2				/* kills, errors, lost sessions and replies */
#endif
#ifndef ZOMBIES
#define ZOMBIES 1				/* steps taken from workers that live on */
#endif
#ifndef ROUNDS
#define ROUNDS 2				/* MERGE_ROUNDS */
#endif

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
mtype = { PLAN, APPLY };
mtype kind = PLAN;				/* of the step to be run */
byte round = 1;
byte owner;						/* worker that has claimed the step, + 1 */
bool ended;						/* the job */

/* Durable on the peer: the markers by batch, which is the round. */
bool recorded[ROUNDS + 1];
byte result[ROUNDS + 1];		/* rows left out, as bits */

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
byte writes = WRITES, faults = FAULTS, zombies = ZOMBIES;

/* For the properties only. */
bool lost, twice, unequal, half;
bool merged[2];					/* a merge has written the row, somewhere */
bool since[2];					/* an application has, since it was checked */
bool undecided;					/* the peer may have committed, we have not */

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
		half = ended;
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
	:: d_step { zombies > 0 && owner != 0 && kind == APPLY ->
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

/* The step goes back to the queue, unless it has been taken already. */
inline fail()
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

/* A job ends only if both nodes are merged, or none. */
inline check_end()
{
	half = (merged[0] && state[0] != APPLIED) ||
		(merged[1] && state[1] != APPLIED);
	check(half)
}

/* The leader ends a job that is cancelled, or fails, when no worker is left. */
inline give_up()
{
	check_end();
	ended = true;
	owner = 0
}

#ifdef NO_HOLD
#define cancel_held		false
#else
#define cancel_held		held
#endif

/*
 * HASTY_CANCEL is what the code does: a cancel that comes between two
 * attempts, or reaches the second before it has found the marker, ends the
 * job, though the first may have committed on the peer.  Without it the job
 * goes on until it knows.
 */
#ifdef HASTY_CANCEL
#define may_cancel		true
#else
#define may_cancel		(!undecided)
#endif

/* An error that another attempt would run into as well. */
inline fail_for_good()
{
	if :: held_by(me) -> give_up() :: else fi;
	leave()
}

/* What may happen at any point: an error or a death, and a cancel. */
#define TROUBLE \
	:: d_step { faults > 0 -> faults--; fail() }; goto idle \
	:: d_step { held_by(me) && !busy[1 - me] && !cancel_held && \
		(may_cancel || cancel_held != held) -> give_up(); leave() }; goto idle

/* The same where the peer is asked. */
#define PEER_TROUBLE \
	TROUBLE \
	:: d_step { session[s] == LOST -> fail() }; goto idle

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
	if
	:: (state[0] == STALE || state[1] == STALE) && round < ROUNDS ->
		round++;
		kind = PLAN
	:: else ->
		check_end();
		ended = true
	fi;
	owner = 0
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
	bool forward, retreat, held;

idle:
	if
	:: atomic { ended -> goto out }
	/* the second starts only beside a zombie: that is all they differ by */
	:: atomic { !ended && owner == 0 && (me == 0 || busy[0]) ->
		owner = me + 1;
		busy[me] = true;
		batch = round;
		if :: kind == PLAN -> goto plan :: else -> goto connect fi }
	:: d_step { !ended && owner == 0 && !busy[1 - me] && may_cancel ->
		give_up() }; goto out
	fi;

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
	:: d_step { session[s] == OPEN -> undecided = false }
#else
	:: d_step { session[s] == OPEN && unclaimed(batch) && !recorded[batch] ->
		claimed[s] = batch;
		undecided = false }
	:: d_step { session[s] == OPEN && recorded[batch] -> forward = true }
#endif
	PEER_TROUBLE
	fi;
merge_after_marker:
	if
	:: d_step { session[s] == OPEN ->
		if
		:: forward ->
			held = true;
#ifndef NO_RESULT
			moved = result[batch]
#endif
		:: else
		fi }
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
			moved && batch < ROUNDS ->
		/* this side's savepoint and the peer's transaction are rolled back */
		unlock();
		disconnect();
		retreat = true }; goto merge_before_local_commit
	:: d_step { (orphan_here || orphan_there) && !forward &&
			(!moved || batch == ROUNDS) ->
		fail_for_good() }; goto idle
	:: d_step { orphan_here && forward ->
#ifdef HASTY_FAILURE
		fail_for_good() }; goto idle
#else
		moved = moved | (writes_here(0) -> bit(0) : 0) | bit(1);
		unlock() }; goto merge_before_local_commit
#endif
	PEER_TROUBLE
	fi;
#endif

merge_before_peer_commit:
	if
	:: atomic { forward -> goto merge_before_local_commit }
	:: d_step { !forward && session[s] == OPEN ->
		held = true;
		undecided = true;
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
		undecided = false;
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
