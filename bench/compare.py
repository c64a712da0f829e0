"""Compare two tables: steep_repl beside what one would write by hand."""
import shutil

import nodes as servers
from report import Contender, Section, median, raw, table, take_turns

ONE_IN = 2000                           # 0.05 % of the rows differ
prepared = {}                           # what the table holds, if we know
COLUMNS = "customer,quantity,price,note,created_at,updated_at,active,attributes"


def prepare(a, b, rows, one_in=ONE_IN, kinds=4):
    """Have both nodes hold a table and what the hand-written ways need."""
    wanted = rows, one_in, kinds
    if prepared.get("items") != wanted:
        servers.empty((a, b))
        servers.load((a, b), rows, one_in, kinds)
        servers.settle((a, b))
    a.script("contenders", port=b.port)
    b.sql("GRANT SELECT ON items TO plain")
    prepared["items"] = wanted


def spoil():
    """The table is no longer what prepare() has made."""
    prepared.clear()


def answer(text):
    """The four counts, however a script prints them."""
    return text.replace("|", " ").replace("\n", " ").strip()


def script(node, name, **variables):
    return lambda: answer(node.script(name, **variables))


def count_columns(a, b):
    """Run on both nodes at once; says nothing of differences."""
    path = f"{servers.HERE}/sql/count_columns.sql"

    def work():
        servers.run_both(a.psql("-f", path), b.psql("-f", path))
    return work


def pg_comparator(a, b):
    """Debian's postgresql-comparator, which lists the keys that differ."""
    urls = [f"pgsql://bench@127.0.0.1:{node.port}/bench/items?id:{COLUMNS}"
            for node in (a, b)]

    def work():
        listed = servers.run("pg_comparator", "--pg-text-cast", "--use-key", *urls)
        kinds = [line.split()[0] for line in listed.splitlines() if line]
        work.found = [kinds.count(kind) for kind in ("INSERT", "DELETE", "UPDATE")]
    return work


def has_pgcmp(node):
    return shutil.which("pg_comparator") and node.sql(
        "SELECT count(*) FROM pg_available_extensions WHERE name = 'pgcmp'") == "1"


def contenders(a, b):
    """All ways; the first is what the others are measured against."""
    ship = "key and hash of every row by dblink"
    ways = [
        Contender("analyze_overlap", script(a, "overlap", peer=b.address())),
        Contender("analyze_overlap, peer without the extension",
                  script(a, "overlap", peer=b.address(user="plain"))),
        Contender("count of every column, both nodes at once", count_columns(a, b)),
        Contender("one FULL JOIN, postgres_fdw", script(a, "full_join")),
        Contender("four counts, postgres_fdw", script(a, "four_counts")),
        Contender(ship + ", of its text",
                  script(a, "ship_hashes", peer=b.address(),
                         hash="hashtextextended(items::text, 0)")),
        Contender(ship + ", of its record",
                  script(a, "ship_hashes", peer=b.address(),
                         hash="hash_record_extended(items, 0)")),
    ]
    if has_pgcmp(a):
        for node in (a, b):
            node.sql("CREATE EXTENSION IF NOT EXISTS pgcmp")
        ways.append(Contender("pg_comparator", pg_comparator(a, b)))
    return ways


def check_pg_comparator(ways, counts):
    """Compare what it listed with everyone else's counts; it has no matches."""
    only_a, only_b, _, differ = map(int, counts.split())
    found = getattr(ways[-1].work, "found", None)
    if found and (sorted(found[:2]), found[2]) != (sorted([only_a, only_b]), differ):
        raise SystemExit(f"pg_comparator disagrees: {found}, not {counts}")


def goals(ways):
    """What the project wants of some ratios, the first over the second."""
    ours, stock, floor, join, four, text, record = ways[:7]
    return [
        (join, ours, "at least 8"),
        (four, ours, "at least 20"),
        (text, ours, "at least 10"),
        (record, ours, "–"),
        *((other, ours, "–") for other in ways[7:]),
        (ours, floor, "at most 2.5"),
        (join, stock, "at least 2"),
    ]


def run(a, b, rows, rounds):
    section = Section("compare", "Compare")
    prepare(a, b, rows)
    ways = contenders(a, b)
    counts = take_turns((a, b), ways, rounds)
    check_pg_comparator(ways, counts)
    only_a, only_b, match, differ = counts.split()
    section.add(f"{rows} rows, of which {only_a} are only on a, {only_b} only on b, "
                f"{differ} in conflict and {match} the same: every contender that "
                f"counts says so. Each ran {rounds} times, in turns, after one "
                "round that does not count.")
    section.add(table(
        ["way", "median s", "processor s, both nodes", "all runs, s"],
        [(c.name, f"{median(c.seconds):.3f}", f"{median(c.processor):.2f}",
          raw(c.seconds, 3)) for c in ways]))
    section.add("Times as long, median of the ratios within each round:")
    section.add(table(
        ["this", "over this", "ratio", "goal", "all rounds"],
        [(one.name, other.name, f"**{median(one.ratios(other)):.2f}**", goal,
          raw(one.ratios(other))) for one, other, goal in goals(ways)]))
    section.write()


def run_wire(a, b, rows, rounds):
    """Count the bytes that analyze_overlap moves between the nodes."""
    section = Section("wire", "Bytes over the wire")
    prepare(a, b, rows)
    whole = int(servers.run("bash", "-c", 'set -o pipefail; "$@" | wc -c', "count",
                            *a.psql("-c", "COPY items TO STDOUT")))
    lines = [("the rows as COPY text", whole, "100.00 %", "–")]
    for name, user, goal in (("analyze_overlap", "bench", "under 2 %"),
                             ("analyze_overlap, peer without the extension", "plain", "–")):
        proxy = servers.Proxy(b)
        a.script("overlap", peer=b.address(user=user, port=proxy.port))
        moved = proxy.bytes()
        proxy.stop()
        lines.append((name, moved, f"**{100 * moved / whole:.2f} %**", goal))
    section.add(f"{rows} rows, one in {ONE_IN} differs. Both directions, protocol "
                "included, as a proxy between the nodes counts them.")
    section.add(table(["what", "bytes", "of the rows", "goal"], lines))
    section.write()
