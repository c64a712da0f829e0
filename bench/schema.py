"""How long the fingerprints of many tables take, beside a plain scan."""
from report import Contender, Section, median, raw, table, take_turns

TABLES = 1000
NARROW = ("SELECT count(*) FROM (SELECT c.relname, a.attname, a.atttypid, a.atttypmod, a.attnotnull"
          " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid OFFSET 0) s")
WIDE = ("SELECT c.relname, a.attname, a.atttypid, a.atttypmod, a.attnotnull"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid")
WHOLE = "SELECT c, a FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"


def query(node, text):
    """Run a query and let its answer go; a session's own start counts, too."""
    def work():
        node.sql(text)
    return work


def run(a, b, rows, rounds):
    section = Section("schema", "Fingerprints of schemas")
    for node in (a, b):
        node.script("schema_tables", tables=TABLES)
    a.sql("SELECT steep_repl.register_node('there', 'there', '127.0.0.1', %d)" % b.port)
    ways = [Contender("capture_all_fingerprints",
                      query(a, "SELECT steep_repl.capture_all_fingerprints('here')")),
            Contender("compare_fingerprints, both nodes at once",
                      query(a, "SELECT * FROM steep_repl.compare_fingerprints('here', 'there')")),
            Contender("scan: pg_attribute joined to pg_class, counted", query(a, NARROW)),
            Contender("the same, five columns sent to the client", query(a, WIDE)),
            Contender("the same, all columns sent to the client", query(a, WHOLE))]
    take_turns((a, b), ways, rounds)
    capture = ways[0]
    lines = [[way.name, f"{median(way.seconds):.3f}", f"{median(capture.ratios(way)):.2f}",
              raw(way.seconds, 3)] for way in ways]
    section.add(f"{TABLES} tables of 10 columns, each with 4 indexes, 3 defaults, an identity, a "
                f"foreign key, a check, an enum and a domain, on both nodes; {rounds} runs, in turns, "
                "after one that does not count. Each time includes the start of psql and of the "
                "session. Goals: capture within 0.5 s, and within 2 times the scan.")
    section.add(table(["what", "median s", "capture takes times as long", "all runs, s"], lines))
    section.write()
