"""Merge two tables: steep_repl beside rows sent through postgres_fdw."""
import time

import compare
import nodes as servers
from report import (Section, median, processor_seconds, raw, settle_processes,
                    table)

ONE_IN = 20                             # rows of each kind of difference
SAMPLE = 500                            # rows of the UPDATE over a slow line
DELAY = 10                              # milliseconds each way, likewise

# name, which rows differ, strategy, the same by hand
CASES = (
    ("update rows of the peer", "conflict", "prefer-local", "fdw_update_peer"),
    ("update rows here", "conflict", "prefer-remote", "fdw_update_here"),
    ("insert rows on the peer", "local_only", "prefer-local", "fdw_insert_peer"),
    ("insert rows here", "remote_only", "prefer-local", "fdw_insert_here"),
    ("all three, the peer is updated", "all", "prefer-local", None),
    ("all three, this node is updated", "all", "prefer-remote", None),
)


def differ(a, b, what):
    """Make rows differ, all of them spread over the table."""
    servers.run_both(*(node.psql("-f", f"{servers.HERE}/sql/differ.sql", what=what,
                                 node=node.name, one_in=ONE_IN) for node in (a, b)))
    servers.settle((a, b))


def require_same(a, b):
    counts = compare.script(a, "overlap", peer=b.address())().split()
    if [counts[i] for i in (0, 1, 3)] != ["0", "0", "0"]:
        raise SystemExit(f"the nodes still differ: {counts}")


def timed(nodes, work):
    """Do some work; return its answer, its seconds, and those of processors."""
    settle_processes(nodes)
    before = processor_seconds(nodes)
    start = time.monotonic()
    answer = work()
    whole = time.monotonic() - start
    settle_processes(nodes)
    return answer, {"whole": whole, "processor": processor_seconds(nodes) - before}


def merge(a, b, peer, strategy):
    """Merge; return seconds by phase, and the rows that differed."""
    answer, seconds = timed((a, b), lambda: a.script("merge", peer=peer, strategy=strategy))
    *phases, status = answer.splitlines()
    word, rows, error = status.split("|", 2)
    if word != "complete":
        raise SystemExit(f"the merge is {word}: {error}")
    seconds.update((phase, float(value)) for phase, value in
                   (line.split("|") for line in phases))
    return seconds, int(rows)


def by_hand(a, b, script, last):
    answer, seconds = timed((a, b), lambda: a.script(script, last=last))
    return seconds, int(answer)


def middle(runs, name):
    return median([run[name] for run in runs])


def merge_line(name, runs, rows):
    """Rows a second of the whole and of each phase."""
    phases = "plan", "apply", "verify", "whole"
    return [name, rows] + [f"{rows / middle(runs, phase):.0f}" for phase in phases] + [
        f"{middle(runs, 'processor'):.1f}", raw([run["whole"] for run in runs])]


def hand_line(name, theirs, their_rows, ours, rows):
    """Rows a second by hand, and how many times as long and as much that is."""
    def ratio(what):
        return median([(their[what] / their_rows) / (our[what] / rows)
                       for their, our in zip(theirs, ours)])

    return [name, their_rows, f"{their_rows / middle(theirs, 'whole'):.0f}",
            f"{rows / middle(ours, 'whole'):.0f}", f"**{ratio('whole'):.2f}**",
            f"{middle(theirs, 'processor'):.1f}", f"{ratio('processor'):.2f}",
            raw([run["whole"] for run in theirs])]


MERGE_HEAD = ["merge", "rows", "plan", "apply", "verify", "whole", "processor s",
              "all runs, whole, s"]
HAND_HEAD = ["by hand", "rows", "rows a second", "the merge's, whole", "times as long a row",
             "processor s", "times the processor a row", "all runs, s"]


def measure_case(a, b, case, peer, rounds, last):
    """Merge and write by hand in turns; return a line of each table."""
    name, what, strategy, script = case
    ours, theirs = [], []
    by_hand_rows = rows = 0
    for turn in range(rounds):
        differ(a, b, what)
        seconds, rows = merge(a, b, peer, strategy)
        ours.append(seconds)
        require_same(a, b)
        if script:
            differ(a, b, what)
            seconds, by_hand_rows = by_hand(a, b, script, last)
            theirs.append(seconds)
            if by_hand_rows < rows:
                merge(a, b, b.address(), strategy)
            require_same(a, b)
    line = merge_line(name, ours, rows)
    return line, hand_line(name, theirs, by_hand_rows, ours, rows) if script else None


def measure(section, a, b, cases, port, rounds, sample):
    """Do all cases through a port of the peer; add the tables."""
    a.script("far", port=port)
    ours, theirs = [], []
    for case in cases:
        sampled = sample and case[3] == "fdw_update_peer"
        last = sample * ONE_IN if sampled else 2 ** 62
        line, other = measure_case(a, b, case, b.address(port=port), rounds, last)
        ours.append(line)
        if other:
            theirs.append(other)
    section.add("Rows a second, of all rows that differ, by phase and as a whole "
                "from submit to end (which includes the start of the worker, "
                "before-images of both sides, marks and verification):")
    section.add(table(MERGE_HEAD, ours))
    section.add("The same by hand through postgres_fdw: an update of the peer's rows is a "
                "round trip a row; an insert there has batch_size 1000. Neither "
                "records anything, notices rows that move meanwhile, or checks afterwards.")
    section.add(table(HAND_HEAD, theirs))


def prepare(a, b, rows):
    compare.prepare(a, b, rows, one_in=2 * rows)
    compare.spoil()


def run(a, b, rows, rounds):
    section = Section("merge", "Merge")
    rounds = min(rounds, 3)
    prepare(a, b, rows)
    section.add(f"{rows} rows, one in {ONE_IN} of each kind differs; {rounds} runs in turns.")
    measure(section, a, b, CASES, b.port, rounds, None)
    section.write()


def run_delay(a, b, rows, rounds):
    section = Section("merge-delay", f"Merge over a line with a round trip of {2 * DELAY} ms")
    rounds = min(rounds, 2)
    prepare(a, b, rows)
    proxy = servers.Proxy(b, delay=DELAY)
    section.add(f"As above, through a proxy that delays by {DELAY} ms each way; {rounds} runs in "
                f"turns. The update of the peer by hand is of a sample of {SAMPLE} rows, found by "
                "a range of keys.")
    measure(section, a, b, CASES[:5], proxy.port, rounds, SAMPLE)
    proxy.stop()
    section.write()


def make_large(a, b):
    """One row in 20 in conflict, one in 4 only on a, one in 4 only on b."""
    for what, one_in in (("conflict", 20), ("local_only", 4), ("remote_only", 4)):
        servers.run_both(*(node.psql("-f", f"{servers.HERE}/sql/differ.sql", what=what,
                                     node=node.name, one_in=one_in) for node in (a, b)))
    servers.settle((a, b))


def measure_large(section, a, b, rounds):
    """Merge many rows: rows a second, memory, what the audit costs."""
    runs, memory, audits = [], [], []
    merged = 0
    for turn in range(rounds):
        make_large(a, b)
        with servers.MemoryWatch((a, b)) as watch:
            seconds, merged = merge(a, b, b.address(), "prefer-local")
        runs.append(seconds)
        memory.append(max(watch.peaks.values()))
        require_same(a, b)
        audits.append([float(word) for word in a.script("audit").split("|")])
    section.add("Rows a second by phase:")
    section.add(table(MERGE_HEAD, [merge_line("both directions", runs, merged)]))
    share = median([audit[2] / run["whole"] for audit, run in zip(audits, runs)])
    section.add(f"Largest process: {median(memory):.0f} MB (RssAnon; {raw(memory, 0)}). "
                f"The audit has {audits[0][1]:.0f} bytes a row, index included; to write "
                f"it once takes {100 * share:.0f} % of the merge's time.")
    measure_rows(section, a, b, runs, merged)


def measure_rows(section, a, b, runs, merged):
    """Update the conflicts of the peer row by row, beside that."""
    name, what, strategy, script = CASES[0]
    differ(a, b, what)
    seconds, rows = by_hand(a, b, script, 2 ** 62)
    require_same(a, b)
    section.add("Beside it the conflicts alone, row by row:")
    section.add(table(HAND_HEAD, [hand_line(name, [seconds], rows, runs, merged)]))


def measure_plan(section, a, b, rounds):
    """Plan a merge of a few differences beside analyze_overlap."""
    overlap = compare.script(a, "overlap", peer=b.address())
    plans, looks = [], []
    for turn in range(rounds + 1):
        start = time.monotonic()
        overlap()
        looks.append(time.monotonic() - start)
        plans.append(float(a.script("plan", peer=b.address())))
    ratio = median([plan / look for plan, look in zip(plans[1:], looks[1:])])
    section.add(f"Planning where one row in {compare.ONE_IN} differs takes "
                f"**{ratio:.2f}** times as long as analyze_overlap (goal: at most 1.5): "
                f"{raw(plans[1:], 3)} s beside {raw(looks[1:], 3)} s.")


def run_large(a, b, rows, rounds):
    section = Section("merge-large", "Merge of many rows")
    rounds = min(rounds, 3)
    compare.prepare(a, b, rows)
    measure_plan(section, a, b, rounds)
    merge(a, b, b.address(), "prefer-local")
    compare.spoil()
    servers.settle((a, b))
    section.add(f"Then {rows} rows, of which one in 20 is in conflict, one in 4 is only on a "
                f"and one in 4 only on b; {rounds} runs.")
    measure_large(section, a, b, rounds)
    section.write()
