"""Merge two tables: steep_repl beside rows sent through postgres_fdw."""
import time

import compare
import nodes as servers
from report import Section, median, raw, table

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


def merge(a, peer, strategy):
    """Merge; return seconds by phase, and the rows that differed."""
    start = time.monotonic()
    answer = a.script("merge", peer=peer, strategy=strategy)
    whole = time.monotonic() - start
    *phases, status = answer.splitlines()
    word, rows, error = status.split("|", 2)
    if word != "complete":
        raise SystemExit(f"the merge is {word}: {error}")
    seconds = {phase: float(value) for phase, value in (line.split("|") for line in phases)}
    return {"whole": whole, **seconds}, int(rows)


def by_hand(a, script, last):
    start = time.monotonic()
    rows = int(a.script(script, last=last))
    return time.monotonic() - start, rows


def merge_lines(name, runs, rows):
    """Rows a second of the whole and of each phase."""
    phases = "plan", "apply", "verify", "whole"
    return [name, rows] + [f"{rows / median([run[phase] for run in runs]):.0f}"
                           for phase in phases] + [raw([run["whole"] for run in runs])]


def measure_case(a, b, case, peer, rounds, last):
    """Merge and write by hand in turns; return a line of each table."""
    name, what, strategy, script = case
    ours, theirs = [], []
    by_hand_rows = rows = 0
    for turn in range(rounds):
        differ(a, b, what)
        seconds, rows = merge(a, peer, strategy)
        ours.append(seconds)
        require_same(a, b)
        if script:
            differ(a, b, what)
            seconds, by_hand_rows = by_hand(a, script, last)
            theirs.append(seconds)
            if by_hand_rows < rows:
                merge(a, b.address(), strategy)
            require_same(a, b)
    line = merge_lines(name, ours, rows)
    if not script:
        return line, None
    ratios = [(second / by_hand_rows) / (mine["whole"] / rows)
              for second, mine in zip(theirs, ours)]
    return line, [name, by_hand_rows, f"{by_hand_rows / median(theirs):.0f}", line[5],
                  f"**{median(ratios):.2f}**", raw(theirs)]


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
    section.add(table(["merge", "rows", "plan", "apply", "verify", "whole",
                       "all runs, whole, s"], ours))
    section.add("The same by hand through postgres_fdw: an update of the peer's rows is a "
                "round trip a row; an insert there has batch_size 1000. Neither "
                "records anything, notices rows that move meanwhile, or checks afterwards.")
    section.add(table(["by hand", "rows", "rows a second", "the merge's, whole",
                       "times as long a row", "all runs, s"], theirs))


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
            seconds, merged = merge(a, b.address(), "prefer-local")
        runs.append(seconds)
        memory.append(max(watch.peaks.values()))
        require_same(a, b)
        audits.append([float(word) for word in a.script("audit").split("|")])
    section.add("Rows a second by phase:")
    section.add(table(["merge", "rows", "plan", "apply", "verify", "whole",
                       "all runs, whole, s"], [merge_lines("both directions", runs, merged)]))
    share = median([audit[2] / run["whole"] for audit, run in zip(audits, runs)])
    section.add(f"Largest process: {median(memory):.0f} MB (RssAnon; {raw(memory, 0)}). "
                f"The audit has {audits[0][1]:.0f} bytes a row, index included; to write "
                f"it once takes {100 * share:.0f} % of the merge's time.")


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
    prepare(a, b, rows)
    section.add(f"Then {rows} rows, of which one in 20 is in conflict, one in 4 is only on a "
                f"and one in 4 only on b; {rounds} runs.")
    measure_large(section, a, b, rounds)
    section.write()
