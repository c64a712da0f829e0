"""Copy a node to another: steep_repl beside the subscription's own copy."""
import os
import time

import nodes as servers
from report import Contender, Section, median, raw, table, take_turns


class Copy(Contender):
    """Copies into an empty database; to empty it takes no time."""

    def __init__(self, name, target, source, work):
        super().__init__(name, work)
        self.target = target
        self.source = source

    def run(self, nodes, keep):
        forget(self.target, self.source)
        return super().run(nodes, keep)


def forget(target, source):
    """Have an empty target that follows nobody."""
    if target.sql("SELECT count(*) FROM pg_subscription") != "0":
        target.sql("DROP SUBSCRIPTION " + target.sql("SELECT subname FROM pg_subscription"))
    for name in source.sql("SELECT pubname FROM pg_publication").split():
        source.sql("DROP PUBLICATION " + name)
    target.sql("DROP SCHEMA IF EXISTS app CASCADE; "
               "SELECT steep_repl.unregister_node(node_id) FROM steep_repl.nodes")
    target.sql("CHECKPOINT")


def register(target, source):
    target.sql("DROP SERVER IF EXISTS source CASCADE")
    target.sql(f"CREATE SERVER source FOREIGN DATA WRAPPER postgres_fdw OPTIONS "
               f"(host '127.0.0.1', port '{source.port}', dbname 'bench'); "
               f"CREATE USER MAPPING FOR PUBLIC SERVER source OPTIONS (user 'bench'); "
               f"SELECT steep_repl.register_node('target', 'target'); "
               f"SELECT steep_repl.register_node('source', 'source', p_server => 'source')")


def direct(target, source, parallel):
    def work():
        register(target, source)
        target.sql(f"SELECT steep_repl.start_init('target', 'source', 'direct', "
                   f"'{{\"tables\": [\"app.*\"], \"parallel\": {parallel}}}')")
        end = target.sql("SELECT init_state, init_error FROM steep_repl.wait_init('target')")
        if end != "synchronized|":
            raise SystemExit(f"the init is {end}")
    return work


def subscribe(target, source):
    def work():
        schema = target.directory + "/schema.sql"
        servers.run("pg_dump", "-d", source.address(), "-n", "app", "-s", "-f", schema)
        servers.run(*target.psql("-f", schema))
        source.sql("CREATE PUBLICATION app FOR TABLES IN SCHEMA app")
        target.sql(f"CREATE SUBSCRIPTION app CONNECTION '{source.address()}' PUBLICATION app")
        while target.sql("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel") != "t":
            time.sleep(0.1)
        target.sql("ANALYZE app.accounts, app.notes, app.branches")
    return work


def dump(target, source):
    def work():
        path = source.directory + "/dump"
        servers.run("rm", "-rf", path)
        servers.run("pg_dump", "-d", source.address(), "-n", "app", "-Fd", "-j2", "-Z0", "-f", path)
        servers.run("pg_restore", "-d", target.address(), "-j2", path)
        target.sql("ANALYZE app.accounts, app.notes, app.branches")
    return work


def run(source, target, rows, rounds):
    rows = int(os.environ.get("ROWS") or 10000000)
    source.sql("ALTER SYSTEM SET wal_level = 'logical'")
    source.restart()
    source.script("init_tables", rows=rows)
    size = int(source.sql("SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c"
                          " WHERE relkind = 'r' AND relnamespace = 'app'::regnamespace"))
    base = Copy("steep_repl, direct, parallel 2", target, source, direct(target, source, 2))
    contenders = [
        base,
        Copy("the subscription's copy, schema by pg_dump", target, source,
             subscribe(target, source)),
        Copy("pg_dump -Fd -j2 -Z0, then pg_restore -j2", target, source, dump(target, source)),
    ]
    take_turns([source, target], contenders, min(rounds, 2))
    forget(target, source)
    section = Section("init", "Nodes added")
    section.add(f"A database of {size / 1024 ** 3:.1f} GB with indexes: {rows} rows of pgbench's"
                " accounts, and texts with two more indexes. Time until the new node has all of it,"
                " with statistics; the first two follow the source from then on, and steep_repl also"
                " waits until it has caught up. `bench/init.py` has the commands.")
    section.add(table(("", "seconds", "times steep_repl's", "runs"),
                      [(c.name, f"{median(c.seconds):.2f}", f"{median(c.ratios(base)):.2f}",
                        raw(c.seconds)) for c in contenders]))
    section.write()
