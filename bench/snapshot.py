"""Write a database to files: steep_repl beside pg_dump and psql."""
import os
import shutil
import threading
import time

import apply
import nodes as servers
from report import Contender, Section, median, raw, table, take_turns

COPY = "COPY large.events TO STDOUT"
WIDE_ROWS = ("short", "1 KB", "1 MB", "100 MB")


def target(node):
    """A path at which there is nothing."""
    path = f"{node.directory}/out"
    if os.path.isfile(path):
        os.remove(path)
    shutil.rmtree(path, ignore_errors=True)
    return path


def snapshot(node, compression, parallel, pattern):
    def work():
        end = node.script("snapshot", path=target(node), compression=compression, parallel=parallel,
                          options=f'{{"tables": ["{pattern}"]}}')
        if end != "complete|":
            raise SystemExit(f"the snapshot is {end}")
    return work


def dump(node, schema, *options):
    def work():
        servers.run("pg_dump", "-d", node.address(), "-n", schema, "-Fd", "-j2", "-f", target(node),
                    *options)
    return work


def pipe(node):
    def work():
        command = " ".join(f"'{word}'" for word in node.psql("-c", COPY))
        servers.run("sh", "-c", f"{command} | zstd -q -1 -o {target(node)}")
    return work


def size(node):
    """Megabytes of files that the last contender has written."""
    path = f"{node.directory}/out"
    files = [path] if os.path.isfile(path) else [
        os.path.join(where, name) for where, _, names in os.walk(path) for name in names]
    return sum(os.path.getsize(file) for file in files) / 1e6


def sized(node, contender, sizes):
    work = contender.work

    def both():
        work()
        sizes[contender.name] = size(node)
    contender.work = both
    return contender


def compare(section, node, pattern, schema, rounds, alone):
    base = Contender("steep_repl, zstd:1, parallel 2", snapshot(node, "zstd:1", 2, pattern))
    contenders = [
        base,
        Contender("steep_repl, zstd:1, parallel 1", snapshot(node, "zstd:1", 1, pattern)),
        Contender("steep_repl, gzip:1, parallel 2", snapshot(node, "gzip:1", 2, pattern)),
        Contender("steep_repl, none, parallel 2", snapshot(node, "none", 2, pattern)),
        Contender("pg_dump -Fd -j2 -Z1", dump(node, schema, "-Z1")),
        Contender("pg_dump -Fd -j2", dump(node, schema)),
    ]
    if alone:
        contenders.append(Contender("psql COPY, zstd -1", pipe(node)))
    sizes = {}
    take_turns([node], [sized(node, c, sizes) for c in contenders], rounds)
    section.add(table(("", "seconds", "times steep_repl's", "MB", "runs"),
                      [(c.name, f"{median(c.seconds):.2f}", f"{median(c.ratios(base)):.2f}",
                        f"{sizes[c.name]:.0f}", raw(c.seconds)) for c in contenders]))


HELPERS = "backend_type = 'steep_repl helper'"


def watch(node, work, processes=HELPERS):
    """Run it; return the most memory of its own that such a process had, in MB."""
    most = 0
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        pids = node.sql(f"SELECT pid FROM pg_stat_activity WHERE {processes}")
        for pid in pids.split():
            most = max(most, private_memory(pid))
        time.sleep(0.02)
    thread.join()
    return most


def private_memory(pid):
    try:
        with open(f"/proc/{pid}/status") as status:
            fields = dict(line.split(":", 1) for line in status)
    except OSError:
        return 0
    return int(fields.get("RssAnon", "0").split()[0]) / 1024


def copy_in(node, relation):
    """COPY by the server, of the same rows, and ANALYZE."""
    path = f"{node.directory}/rows"
    node.sql(f"COPY {relation} TO '{path}'; CREATE SCHEMA copied")

    def work():
        node.sql(f"CREATE TABLE copied.rows (LIKE {relation}); COPY copied.rows FROM '{path}';"
                 " ANALYZE copied.rows")
    most = watch(node, work, "query ~ '^CREATE TABLE copied'")
    node.sql("DROP SCHEMA copied CASCADE")
    os.remove(path)
    return most


def memory(section, node, other):
    """The memory of a worker that writes rows, and of one that loads them, by their size."""
    node.sql("CREATE SCHEMA wide;"
             "CREATE TABLE wide.short AS SELECT i FROM generate_series(1, 3000000) i;"
             "CREATE TABLE wide.kb AS SELECT repeat(md5(i::text), 32) AS x FROM generate_series(1, 200000) i;"
             "CREATE TABLE wide.mb AS SELECT repeat(md5(i::text), 32768) AS x FROM generate_series(1, 300) i;"
             "CREATE TABLE wide.most AS SELECT repeat(md5(i::text), 3276800) AS x FROM generate_series(1, 4) i")
    rows = []
    for name, relation in zip(WIDE_ROWS, ("short", "kb", "mb", "most")):
        written = watch(node, snapshot(node, "zstd:1", 1, "wide." + relation))
        loaded = watch(other, apply.apply(other, f"{node.directory}/out", 1, "true"))
        rows.append((name, f"{written:.0f}", f"{loaded:.0f}",
                     f"{copy_in(other, 'wide.' + relation):.0f}"))
    for each in (node, other):
        each.sql("DROP SCHEMA wide CASCADE")
    section.add(table(("rows of", "MB, written", "MB, loaded", "MB, COPY and ANALYZE by themselves"), rows))


def run(a, b, rows, rounds):
    rows = int(os.environ.get("ROWS") or 5000000)
    rounds = min(rounds, 3)
    a.script("snapshot_tables", rows=rows)
    section = Section("snapshot", "Snapshots written")
    section.add(f"One table of {rows} rows. `bench/snapshot.py` has the commands.")
    compare(section, a, "large.events", "large", rounds, alone=True)
    section.add("200 tables of 1000 rows.")
    compare(section, a, "small.*", "small", rounds, alone=False)
    section.add("Memory that a worker has for itself, at its most."
                " Rows are loaded by the server's COPY, which has several copies of a row at once.")
    memory(section, a, b)
    section.write()
