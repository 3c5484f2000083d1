/*
 * Slots, leases and the removal of sandboxes, for spin. Run by tools/model.sh; docs/guarantee.md says what it shows.
 *
 * EVALS evals share SLOTS slots. Each has a lease (workflows/lease.go), a CreateSandbox activity, and a place in World for
 * all that happens to it. A FAULT may happen at any moment: an answer lost, a worker killed, an eval cancelled or
 * terminated, a lease force-terminated or unable to run. Each kind happens at most once to an eval, by its nature; FAULTS
 * bounds their number over all evals.
 *
 * What repeats in the code is bounded here, so every run of the model ends, and "eventually" is what holds in all last
 * states. Switched off or broken on purpose, with -D:
 *
 *   NO_PARENT_CLOSE NO_DEADLINE NO_REAPER NO_TTL   one net each
 *   NO_OPERATOR     no lease is force-terminated, and each lease's code runs
 *   LATE            a create may take effect after the horizon
 *   NAME_PER_LEASE  the sandbox is named after its lease, not after its slot
 *   PROOF_BY_NAME   gone is what is not found by name
 *   NO_PROOF        released as soon as the DELETE is accepted
 *   NO_MORE         the lease is not told that a create without an answer may yet come (more_may_come)
 *   UNTOLD          a new attempt of CreateSandbox tells the lease nothing, and takes the one before to have sent one create
 *   LOOK_EARLY      the lease's last look may be one that began before the horizon
 *   STRICT          the bound counts a deleted sandbox also against a late create of its own lease
 */
#ifndef EVALS
#define EVALS 3
#endif
#ifndef SLOTS
#define SLOTS 2
#endif
#define POSTS 2			/* creates that one lease can send */
#define FIRST(e) ((e) * POSTS)
#define LAST(e) (FIRST(e) + 1)
#define OWNER(b) ((b) / POSTS)
#define BIT(b) (1 << (b))
#define NOBODY 255

/* A sandbox at the provider. PENDING: its POST is on the way. LEAVING: deleted, so its name is free, and still running. */
#define NONE 0
#define PENDING 1
#define ALIVE 2
#define LEAVING 3
#define GONE 4
byte box[EVALS * POSTS];
byte holder[EVALS] = NOBODY;	/* by name: the sandbox that has it */
#ifdef NAME_PER_LEASE
#define NAME(e) (e)
#else
#define NAME(e) slot[e]
#endif
#define LIVES(b) (box[b] == ALIVE || box[b] == LEAVING)
#define QUIET(b) (!LIVES(b) && box[b] != PENDING)

/* A lease's run at Temporal. STUCK: open, but its code cannot run. */
#define UNBORN 0
#define OPEN 1
#define STUCK 2
#define CLOSED 3
byte lease[EVALS];
byte slot[EVALS];
bool taken[SLOTS];		/* a run with the workflow ID sandbox-slot/<account>/<i> is open */
#define OVER(e) (lease[e] == CLOSED)
bool excused[EVALS];		/* force-terminated, or a create came past the horizon: the bound does not count it */

/* What a lease was told: created, released, cancelled. Sets of sandboxes are bits. */
byte known[EVALS], proven[EVALS];
bool everKnown[EVALS], more[EVALS], cancelled[EVALS];	/* more: moreMayCome */

/* What has passed since the claim. */
#define HORIZON 1
#define DEADLINE 2
byte clock[EVALS];

/* The eval, and what CreateSandbox answered. */
#define NOTHING 0
#define SANDBOX 1
#define NO_ID 2
byte answer[EVALS], id[EVALS];
bool claimed[EVALS], ended[EVALS];
#ifdef NO_MORE
#define MORE_MAY_COME(e) false
#else
#define MORE_MAY_COME(e) (unanswered[e] > 0)
#endif
byte unanswered[EVALS];		/* POSTs of CreateSandbox that may have taken effect, or may yet */

byte faults;
#define FAULT faults < FAULTS -> faults++

/*
 * A create takes effect, unless the name is taken (409). The bound: no other lease's sandbox is in its slot, not even a
 * deleted one that still runs. The fence: whatever happened, no two that nobody deleted are.
 */
#ifdef STRICT
#define SAME_LEASE(b, c) false
#else
#define SAME_LEASE(b, c) (OWNER(b) == OWNER(c))
#endif
#define APART(b, c) (b == c || !LIVES(c) || slot[OWNER(b)] != slot[OWNER(c)])
inline land(b)
{
	if
	:: holder[NAME(OWNER(b))] != NOBODY -> box[b] = GONE
	:: else ->
		box[b] = ALIVE; holder[NAME(OWNER(b))] = b;
		excused[OWNER(b)] = excused[OWNER(b)] || clock[OWNER(b)] >= HORIZON;
		for (c : 0 .. EVALS * POSTS - 1) {
			assert(APART(b, c) || excused[OWNER(b)] || excused[OWNER(c)] || SAME_LEASE(b, c));
			assert(APART(b, c) || box[c] == LEAVING)
		}
		c = 0
	fi
}

/* DELETE is accepted: the name is free at once. */
inline delete(b)
{
	if :: box[b] == ALIVE -> box[b] = LEAVING; holder[NAME(OWNER(b))] = NOBODY :: else fi
}
inline delete_both(e) { delete(FIRST(e)); delete(LAST(e)) }

/* Time passes. A create that has not taken effect by the horizon never does. */
inline pass(e, until)
{
	clock[e] = until;
#ifndef LATE
	if :: box[FIRST(e)] == PENDING -> box[FIRST(e)] = GONE :: else fi;
	if :: box[LAST(e)] == PENDING -> box[LAST(e)] = GONE :: else fi;
#endif
	forget(e)
}

/* Forget what can no longer matter, so that equal futures are one state. */
inline forget(e)
{
	if :: ended[e] && answer[e] != NOTHING -> answer[e] = NO_ID; id[e] = 0 :: else fi;
	if :: OVER(e) -> known[e] = 0; proven[e] = 0; everKnown[e] = false; more[e] = false; cancelled[e] = false :: else fi;
	if
	:: OVER(e) && ended[e] && answer[e] != NOTHING && QUIET(FIRST(e)) && QUIET(LAST(e)) ->
		slot[e] = 0; excused[e] = false; clock[e] = DEADLINE; box[FIRST(e)] = GONE; box[LAST(e)] = GONE
	:: else
	fi
}

inline close(e) { lease[e] = CLOSED; taken[slot[e]] = false; forget(e) }

/* What happens to eval e: the provider, time, the operator, the reaper (activities/reaper.go). */
#define WAITED(e) (box[FIRST(e)] == PENDING || box[LAST(e)] == PENDING || unanswered[e] || \
	(!OVER(e) && (more[e] || cancelled[e] && !everKnown[e])))
#define LATE_LEASE(e) (claimed[e] && !OVER(e) && clock[e] < DEADLINE && answer[e] != NOTHING)
#define LEFT(e) (box[FIRST(e)] == ALIVE || box[LAST(e)] == ALIVE)
proctype World(byte e)
{
	byte c;
end:	do
	:: d_step { box[FIRST(e)] == PENDING -> land(FIRST(e)); forget(e) }
	:: d_step { box[FIRST(e)] == LEAVING -> box[FIRST(e)] = GONE; forget(e) }
	:: d_step { box[LAST(e)] == PENDING -> land(LAST(e)); forget(e) }
	:: d_step { box[LAST(e)] == LEAVING -> box[LAST(e)] = GONE; forget(e) }
	/* Time passes where it matters. With its eval alive a lease reaches its deadline by a fault only: limits end before. */
	:: d_step { clock[e] == 0 && WAITED(e) -> pass(e, HORIZON) }
	:: d_step { LATE_LEASE(e) && ended[e] && (!cancelled[e] || lease[e] == STUCK) -> pass(e, DEADLINE) }
	:: d_step { LATE_LEASE(e) && !ended[e] && FAULT; pass(e, DEADLINE) }
#ifndef NO_TTL
	/* 5 minutes past the lease's deadline; by then a lease that can run has looked. */
	:: d_step { clock[e] == DEADLINE && lease[e] != OPEN && LEFT(e) -> delete_both(e) }
	:: d_step { clock[e] < DEADLINE && OVER(e) && LEFT(e) -> clock[e]++ }
#endif
#ifndef NO_OPERATOR
	:: d_step { lease[e] == OPEN && FAULT; excused[e] = true; close(e) }
#endif
#ifndef NO_REAPER
#ifndef NO_OPERATOR
	:: d_step { lease[e] == OPEN && FAULT; lease[e] = STUCK }	/* frees its slot by the reaper only */
#endif
	/* AuditLeases: its eval is closed; its code cannot run (replaceLease). ReapSandboxes: its lease is closed. */
	:: d_step { lease[e] == OPEN && ended[e] && !cancelled[e] -> cancelled[e] = true }
	:: d_step { lease[e] == STUCK && clock[e] == DEADLINE && LEFT(e) -> delete_both(e) }
	:: d_step { lease[e] == STUCK && clock[e] == DEADLINE && !LIVES(FIRST(e)) && !LIVES(LAST(e)) -> close(e) }
	:: d_step { OVER(e) && LEFT(e) -> delete_both(e) }
#endif
	od
}

/* created{id, more_may_come} */
inline tell(e, b)
{
	if
	:: proven[e] & BIT(b)
	:: else -> known[e] = known[e] | BIT(b); everKnown[e] = true; more[e] = more[e] || MORE_MAY_COME(e)
	fi
}

/* CreateSandbox (activities/sandbox_create.go), and its retry after the death of its worker. */
proctype Create(byte e)
{
	byte c, h, b = FIRST(e);	/* b: of the next POST */
	bool killed;

	claimed[e];
post:	if
	:: atomic { clock[e] == 0 && holder[NAME(e)] == NOBODY -> land(b); goto report }
	:: atomic { clock[e] == 0 && holder[NAME(e)] != NOBODY -> goto settle }	/* 409 */
	:: atomic { clock[e] == 0 && FAULT; box[b] = PENDING; unanswered[e]++; goto settle }
	:: atomic { !killed && FAULT; goto kill }
	:: atomic { clock[e] != 0 -> answer[e] = NO_ID; goto done }	/* SendUntil */
	fi;

	/* settleName: who has the name? Nobody: POST again. */
settle:	atomic {
		if
		:: holder[NAME(e)] == NOBODY && box[LAST(e)] == NONE -> goto again
		:: holder[NAME(e)] != NOBODY ->
			h = holder[NAME(e)];
			if
			:: OWNER(h) == e -> b = h; h = 0; unanswered[e] = (unanswered[e] > 0 -> unanswered[e] - 1 : 0); goto report
			:: OWNER(h) != e && !OVER(OWNER(h)) -> h = 0; answer[e] = NO_ID; goto done	/* Zombie */
			:: OWNER(h) != e && OVER(OWNER(h)) -> delete(h); goto evict
			fi
		:: clock[e] != 0 || ended[e] -> answer[e] = NO_ID; goto done
		:: !ended[e] && FAULT; answer[e] = NO_ID; goto done	/* the eval was cancelled */
		:: !killed && FAULT; goto kill
		fi
	};
evict:	atomic { box[h] == GONE -> h = 0; goto settle };

	/* report: the lease is told, or it is closed and what was made belongs to nobody. */
report:	if
	:: atomic { !OVER(e) -> tell(e, b); id[e] = b; answer[e] = SANDBOX; goto done }
	:: atomic { OVER(e) -> delete(b); goto orphan }
	:: atomic { !killed && FAULT; goto kill }
	:: atomic { !killed && !OVER(e) && FAULT; tell(e, b); goto kill }
	fi;
orphan:	if
	:: atomic { box[b] == GONE -> answer[e] = NO_ID; goto done }
	:: atomic { FAULT; answer[e] = NO_ID; goto done }
	fi;

	/* kill -9 of the worker. The next attempt knows nothing, so it tells the lease that more may come before it sends. */
kill:	atomic { killed = true; unanswered[e] = 1; if :: ended[e] -> answer[e] = NO_ID; goto done :: else fi };
	atomic {
#ifdef UNTOLD
		skip;
#else
		if :: OVER(e) -> answer[e] = NO_ID; goto done :: else -> more[e] = true fi;
#endif
again:		b = (box[FIRST(e)] == NONE -> FIRST(e) : LAST(e));
		if :: box[b] == NONE -> goto post :: else -> goto settle fi
	};
done:	atomic { b = 0; killed = false; unanswered[e] = 0; forget(e) }
}

inline prove(e, set) { known[e] = known[e] & ~(set); proven[e] = proven[e] | (set) }

/* EvalWorkflow (workflows/session.go): claim, create, work, remove. */
proctype Eval(byte e)
{
	/* AcquireSlot, and the start of the lease. Evals are numbered in the order of their claims. */
	atomic {
		e == 0 || claimed[e - 1];
		if
		:: !taken[0] -> slot[e] = 0
#if SLOTS == 2
		:: !taken[1] && e > 0 -> slot[e] = 1
#endif
		fi;
		taken[slot[e]] = true; lease[e] = OPEN; claimed[e] = true
	};
	if
	:: atomic { answer[e] == SANDBOX -> delete(id[e]) }	/* success, failure, cancel, leaseLost: RemoveSandbox */
	:: atomic { answer[e] == NO_ID -> cancelled[e] = !OVER(e); goto over }	/* endLease */
	:: atomic { answer[e] == NOTHING && OVER(e) -> goto over }	/* leaseLost */
	:: atomic { FAULT; goto over }	/* Terminate, run timeout */
	fi;
	if
#if defined(NO_PROOF)
	:: atomic { true ->
#elif defined(PROOF_BY_NAME)
	:: atomic { holder[NAME(e)] != id[e] ->
#else
	:: atomic { box[id[e]] == GONE ->
#endif
		if :: known[e] & BIT(id[e]) -> prove(e, BIT(id[e])) :: else fi }	/* released */
	:: atomic { FAULT; cancelled[e] = !OVER(e) }	/* waitForProof is over: endLease */
	:: atomic { FAULT; goto over }
	fi;
over:	atomic {
		ended[e] = true;
#ifndef NO_PARENT_CLOSE
		cancelled[e] = true;	/* PARENT_CLOSE_POLICY_REQUEST_CANCEL */
#endif
		forget(e)
	}
}

/* SandboxLease (workflows/lease.go). */
#define RELEASED(e) (everKnown[e] && known[e] == 0)
proctype Lease(byte e)
{
	byte targets, b;
	bool last;

	/* wait */
	if
	:: d_step { lease[e] == OPEN && RELEASED(e) && !more[e] -> close(e) }
	:: lease[e] == OPEN && RELEASED(e) && more[e] -> goto look
	:: lease[e] == OPEN && !RELEASED(e) && (cancelled[e] || proven[e]) -> goto look
#ifndef NO_DEADLINE
	:: lease[e] == OPEN && !RELEASED(e) && clock[e] == DEADLINE -> goto look
#endif
	fi;
	goto end;

	/* removeAll: guard removes what is known and what has the name, and again until nothing can come any more. */
look:	atomic {
		lease[e] == OPEN ->
		last = clock[e] >= HORIZON;
		targets = known[e];
		b = holder[NAME(e)];
		if :: b != NOBODY && OWNER(b) == e -> targets = targets | BIT(b) :: else fi;
		if :: targets & BIT(FIRST(e)) -> delete(FIRST(e)) :: else fi;
		if :: targets & BIT(LAST(e)) -> delete(LAST(e)) :: else fi;
		b = 0
	};
	atomic {
		lease[e] == OPEN && !((targets & BIT(FIRST(e))) && LIVES(FIRST(e))) && !((targets & BIT(LAST(e))) && LIVES(LAST(e))) ->
		prove(e, targets); targets = 0;
#ifdef LOOK_EARLY
		last = clock[e] >= HORIZON;
#endif
		if
		:: known[e] != 0 -> goto look
		:: known[e] == 0 && (everKnown[e] && !more[e] || last) -> close(e); goto end
		:: else
		fi
	};
	atomic { lease[e] == OPEN && (known[e] != 0 || everKnown[e] && !more[e] || clock[e] >= HORIZON) -> goto look };	/* sleepUnlessTold */
end:	skip
}

/* In the end no sandbox is left, every eval has closed, and every slot is free. */
init
{
	byte e;
	atomic {
		for (e : 0 .. EVALS - 1) { run World(e); run Create(e); run Eval(e); run Lease(e) }
	};
	atomic {
		timeout;
		for (e : 0 .. EVALS - 1) {
			assert(QUIET(FIRST(e)) && QUIET(LAST(e)));
			assert(ended[e] && OVER(e))
		}
		assert(!taken[0] && !taken[SLOTS - 1])
	}
}
