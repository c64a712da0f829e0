"""Time contenders in turn and write what came out as Markdown."""
import datetime
import os
import platform
import statistics
import time

import nodes as servers

OUT = os.environ["SANDBOX"] + "/out"


class Contender:
    """A way to do something: a name for people and a function to time.

    The function returns the answer, which is compared with that of the others
    unless it is None.
    """

    def __init__(self, name, work):
        self.name = name
        self.work = work
        self.seconds = []
        self.processor = []

    def run(self, nodes, keep):
        """Do the work once; note its time, and that of both nodes' processors."""
        before = processor_seconds(nodes)
        start = time.monotonic()
        answer = self.work()
        seconds = time.monotonic() - start
        settle_processes(nodes)
        if keep:
            self.seconds.append(seconds)
            self.processor.append(processor_seconds(nodes) - before)
        return answer

    def ratios(self, base):
        """How many times as long as the base, round by round?"""
        return [mine / its for mine, its in zip(self.seconds, base.seconds)]


def processor_seconds(nodes):
    """What a node's ended processes have used; its postmaster counts that."""
    ticks = 0
    for node in nodes:
        with open(f"/proc/{node.postmaster()}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        ticks += int(fields[13]) + int(fields[14])
    return ticks / os.sysconf("SC_CLK_TCK")


def settle_processes(nodes):
    """Wait until both nodes have no session left and their ends are counted."""
    for node in nodes:
        while node.sql("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                       " AND (backend_type IN ('client backend', 'parallel worker')"
                       " OR backend_type ~ '^steep_repl (?!launcher)')") != "0":
            time.sleep(0.02)
    time.sleep(0.05)


def take_turns(nodes, contenders, rounds):
    """Run A B C A B C …, after one round that does not count.

    All answers must agree.
    """
    for turn in range(rounds + 1):
        answers = {c.name: c.run(nodes, keep=turn > 0) for c in contenders}
        given = {name: answer for name, answer in answers.items() if answer is not None}
        if len(set(given.values())) > 1:
            raise SystemExit(f"the contenders disagree: {given}")
    return next(iter(given.values()), None)


def median(values):
    return statistics.median(values)


def raw(values, digits=2):
    return " ".join(f"{value:.{digits}f}" for value in values)


def table(head, rows):
    """A Markdown table; all columns but the first are numbers or short."""
    lines = ["| " + " | ".join(head) + " |",
             "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def machine():
    """Say what this machine and PostgreSQL are."""
    with open("/proc/meminfo") as info:
        memory = int(info.readline().split()[1]) / 1024 / 1024
    with open("/proc/cpuinfo") as info:
        model = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    version = servers.run("postgres", "--version").replace("postgres (PostgreSQL)", "PostgreSQL")
    return (f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, "
            f"Linux {platform.release()}, {version}")


class Section:
    """One part of the results, written to a file of its own when it is whole."""

    def __init__(self, name, title):
        self.name = name
        self.parts = [f"## {title}"]
        self.load = os.getloadavg()[0]

    def add(self, text):
        self.parts.append(text)

    def write(self):
        today = datetime.date.today()
        commit = os.environ.get("STEEP_COMMIT", "unknown")
        self.parts.insert(1, f"{machine()}; commit {commit}; {today}; "
                             f"load average {self.load:.1f} at the start. "
                             f"`tools/bench {self.name}`")
        path = f"{OUT}/{self.name}.md"
        with open(path + ".new", "w") as file:
            file.write("\n\n".join(self.parts) + "\n")
        os.rename(path + ".new", path)
        print("\n\n".join(self.parts), flush=True)
