"""How analyze_overlap grows with the rows, and with the differences."""
import compare
import nodes as servers
from report import Contender, Section, median, raw, table, take_turns

STEPS = 1, 2, 4, 8, 10                  # halves of ROWS
FRACTIONS = ((100000, "0.001 %"), (1000, "0.1 %"), (10, "10 %"), (1, "100 %"))


def watch_memory(a, b):
    """Peaks of the private memory of one analyze_overlap, in MB."""
    with servers.MemoryWatch((a, b)) as watch:
        a.script("overlap", peer=b.address())
    return watch


def grow(a, b, first, rows):
    servers.load((a, b), rows, compare.ONE_IN, first=first)
    servers.settle((a, b))


def measure_size(a, b, rows, rounds):
    """Time one size of the table; return its lines of the two tables."""
    ours = Contender("ours", compare.script(a, "overlap", peer=b.address()))
    floor = Contender("floor", compare.count_columns(a, b))
    take_turns((a, b), [ours, floor], rounds)
    watches = [watch_memory(a, b) for _ in range(3)]
    each = median(ours.seconds) / rows * 1e6
    time = [rows, f"{median(ours.seconds):.3f}", f"{each:.3f}",
            f"{median(ours.processor) / rows * 1e6:.3f}",
            f"{median(ours.ratios(floor)):.2f}", raw(ours.seconds, 3)]
    memory = [rows] + [f"{max(watch.peaks[n] for watch in watches):.1f}" for n in "ab"]
    memory += [f"{max(watch.peak for watch in watches):.1f}",
               raw([watch.peak for watch in watches], 1)]
    return time, memory


def run(a, b, rows, rounds):
    section = Section("growth", "Growth with the rows: time and memory")
    compare.spoil()
    servers.empty((a, b))
    times, memories = [], []
    before = 0
    for step in STEPS:
        size = rows * step // 2
        grow(a, b, before + 1, size)
        before = size
        time, memory = measure_size(a, b, size, rounds)
        times.append(time)
        memories.append(memory)
    section.add("analyze_overlap on one table that is filled up between the "
                f"sizes; one row in {compare.ONE_IN} differs. At each size {rounds} runs, in "
                "turns with a count of every column on both nodes at once, "
                "after one round that does not count. Goal: the time of a row "
                "stays within 20 %.")
    section.add(table(["rows", "median s", "µs a row", "processor µs a row",
                       "times as long as the counts", "all runs, s"], times))
    section.add("Peak of the private memory (RssAnon, every 5 ms, of all processes "
                "that the nodes start for it, parallel workers too; shared "
                "buffers are not in it), the highest of 3 runs. Goal: within 10 MB.")
    section.add(table(["rows", "largest process of a, MB", "largest process of b, MB",
                       "all processes together, MB", "all runs together, MB"], memories))
    section.write()


def measure_differences(a, b, rounds):
    ways = [Contender("ours", compare.script(a, "overlap", peer=b.address())),
            Contender("join", compare.script(a, "full_join"))]
    counts = take_turns((a, b), ways, rounds)
    ours, join = ways
    return counts.split(), [f"{median(ours.seconds):.3f}", f"{median(join.seconds):.3f}",
                            f"**{median(join.ratios(ours)):.2f}**", raw(ours.seconds, 3)]


def run_differences(a, b, rows, rounds):
    section = Section("differences", "Growth with the differences")
    rounds = min(rounds, 3)
    lines = []
    for one_in, name in FRACTIONS:
        compare.prepare(a, b, rows, one_in)
        counts, line = measure_differences(a, b, rounds)
        lines.append([name, *counts, *line])
    for empty, name in ((b, "the peer is empty"), (a, "this node is empty")):
        compare.prepare(a, b, rows)
        compare.spoil()
        empty.sql("TRUNCATE items")
        servers.settle((a, b))
        counts, line = measure_differences(a, b, rounds)
        lines.append([name, *counts, *line])
    section.add(f"{rows} rows, analyze_overlap beside one FULL JOIN over postgres_fdw, "
                f"{rounds} runs each, in turns, after one round that does not count.")
    section.add(table(["differ", "only on a", "only on b", "the same", "in conflict",
                       "analyze_overlap, s", "FULL JOIN, s", "times as long",
                       "all runs, s"], lines))
    section.write()
