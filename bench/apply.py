"""Load a database from files: steep_repl beside pg_restore."""
import os
import shutil

import nodes as servers
from report import Contender, Section, median, raw, table, take_turns


class Restore(Contender):
    """Loads into an empty database; to empty it takes no time."""

    def __init__(self, name, node, work):
        super().__init__(name, work)
        self.node = node

    def run(self, nodes, keep):
        self.node.sql("DROP SCHEMA IF EXISTS large CASCADE")
        self.node.sql("CHECKPOINT")
        return super().run(nodes, keep)


def files(node, name):
    """A directory that does not exist."""
    path = f"{node.directory}/{name}"
    shutil.rmtree(path, ignore_errors=True)
    return path


def snapshot(node, compression, name):
    path = files(node, name)
    end = node.script("snapshot", path=path, compression=compression, parallel=2,
                      options='{"tables": ["large.events"]}')
    if end != "complete|":
        raise SystemExit(f"the snapshot is {end}")
    return path


def dump(node, option):
    path = files(node, "dump" + option)
    servers.run("pg_dump", "-d", node.address(), "-n", "large", "-Fd", "-j2", option, "-f", path)
    return path


def apply(node, path, parallel, verify):
    def work():
        end = node.script("apply", path=path, parallel=parallel, verify=verify)
        if end != "complete|":
            raise SystemExit(f"the apply is {end}")
    return work


def restore(node, path):
    return lambda: servers.run("pg_restore", "-d", node.address(), "-j2", path)


def copy(a, b, compression, verify):
    """Write all files, then load them: no pipe between the two."""
    def work():
        apply(b, snapshot(a, compression, "copied"), 2, verify)()
    return work


def clone(a, b):
    """Debian's pgcopydb: COPY from node to node, parts of a table side by side."""
    path = files(a, "filters")
    with open(path, "w") as filters:
        filters.write("[exclude-schema]\nsteep_repl\nsmall\n")

    def work():
        servers.run("pgcopydb", "clone", "--source", a.address(), "--target", b.address(),
                    "--dir", files(a, "pgcopydb"), "--table-jobs", "2", "--index-jobs", "2",
                    "--split-tables-larger-than", "100 MB", "--filters", path,
                    "--skip-extensions", "--skip-large-objects", "--no-owner", "--no-acl")
    return work


def compare_copies(section, a, b, rounds):
    """From one node to the other, rows and indexes."""
    base = Restore("start_snapshot and start_apply, zstd:1", b, copy(a, b, "zstd:1", "true"))
    contenders = [
        base,
        Restore("the same, not compressed", b, copy(a, b, "none", "true")),
        Restore("the same, without its last look at the rows", b, copy(a, b, "none", "false")),
    ]
    if shutil.which("pgcopydb"):
        contenders.append(Restore("pgcopydb clone", b, clone(a, b)))
    take_turns([a, b], contenders, rounds)
    section.add(results(contenders, base))


def results(contenders, base):
    return table(("", "seconds", "times steep_repl's", "runs"),
                 [(c.name, f"{median(c.seconds):.2f}", f"{median(c.ratios(base)):.2f}",
                   raw(c.seconds)) for c in contenders])


def run(a, b, rows, rounds):
    rows = int(os.environ.get("ROWS") or 5000000)
    a.script("snapshot_tables", rows=rows)
    a.sql("CREATE INDEX ON large.events (customer); CREATE INDEX ON large.events (at)")
    packed = snapshot(a, "zstd:1", "packed")
    base = Restore("steep_repl, zstd:1, parallel 2", b, apply(b, packed, 2, "true"))
    contenders = [
        base,
        Restore("the same without its last look at the rows", b, apply(b, packed, 2, "false")),
        Restore("steep_repl, zstd:1, parallel 1", b, apply(b, packed, 1, "true")),
        Restore("pg_restore -j2, gzip:1", b, restore(b, dump(a, "-Z1"))),
        Restore("pg_restore -j2, not compressed", b, restore(b, dump(a, "-Z0"))),
    ]
    take_turns([b], contenders, min(rounds, 3))
    section = Section("apply", "Snapshots applied")
    section.add(f"One table of {rows} rows, its primary key and two indexes, into an empty"
                " database. steep_repl also verifies all files before, and gathers statistics;"
                " pg_restore does neither. `bench/apply.py` has the commands.")
    section.add(results(contenders, base))
    section.write()


def run_copy(a, b, rows, rounds):
    rows = int(os.environ.get("ROWS") or 5000000)
    a.script("snapshot_tables", rows=rows)
    a.sql("CREATE INDEX ON large.events (customer); CREATE INDEX ON large.events (at)")
    section = Section("copy", "A copy from node to node")
    section.add(f"The same table of {rows} rows and its three indexes, two jobs each."
                " steep_repl writes files, verifies them, loads them and compares the digests of"
                " all rows with what was written; pgcopydb has a pipe between the nodes, and"
                " compares nothing. Both gather statistics; pgcopydb vacuums as well.")
    compare_copies(section, a, b, min(rounds, 3))
    section.write()
