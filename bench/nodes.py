"""Two throw-away servers, their data, and the processes that work for them."""
import os
import socket
import subprocess
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SANDBOX = os.environ["SANDBOX"]


class Node:
    """A server with a database "bench"."""

    def __init__(self, name):
        self.name = name
        self.directory = os.path.join(SANDBOX, "tmp", name)
        self.port = free_port()
        os.mkdir(self.directory)
        data = self.directory + "/data"
        log = self.directory + "/log"
        run("initdb", "-D", data, "--no-sync", "--auth=trust", "-U", "bench")
        with open(data + "/postgresql.conf", "a") as conf:
            conf.write(open(HERE + "/postgresql.conf").read())
            conf.write(f"port = {self.port}\n"
                       f"unix_socket_directories = '{self.directory}'\n"
                       f"cluster_name = '{name}'\n")
        self.control = ["pg_ctl", "-D", data, "-l", log, "-w"]
        run(*self.control, "start")
        run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "bench")
        self.sql("CREATE EXTENSION steep_repl CASCADE; CREATE EXTENSION pg_prewarm; "
                 "CREATE ROLE plain LOGIN")

    def restart(self):
        run(*self.control, "restart")

    def address(self, user="bench", port=None):
        return f"host=127.0.0.1 port={port or self.port} user={user} dbname=bench"

    def psql(self, *arguments, **variables):
        """Return the command that runs psql on this node."""
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.address()]
        for name, value in variables.items():
            command += ["-v", f"{name}={value}"]
        return command + list(arguments)

    def sql(self, text):
        return run(*self.psql("-c", text))

    def script(self, name, **variables):
        """Run a file of bench/sql."""
        return run(*self.psql("-f", f"{HERE}/sql/{name}.sql", **variables))

    def postmaster(self):
        return int(open(self.directory + "/data/postmaster.pid").readline())


def run(*command):
    """Run a command and return what it prints."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout.strip()


def run_both(*commands):
    """Run commands at once and return what each prints."""
    answers = [None] * len(commands)

    def work(n, command):
        answers[n] = run(*command)

    threads = [threading.Thread(target=work, args=each) for each in enumerate(commands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if None in answers:
        raise SystemExit(1)
    return answers


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_nodes():
    return Node("a"), Node("b")


def empty(nodes):
    """Have an empty table items on both nodes."""
    for node in nodes:
        node.script("table")


def load(nodes, rows, one_in=0, kinds=4, first=1):
    """Fill the table items on both nodes at once; see bench/sql/load.sql."""
    run_both(*(node.psql("-f", HERE + "/sql/load.sql", node=node.name, first=first,
                         last=rows, one_in=one_in or 2 * rows, kinds=kinds)
               for node in nodes))


def settle(nodes):
    """Vacuum, read into shared buffers and write out what a load has left."""
    run_both(*(node.psql("-f", HERE + "/sql/settle.sql") for node in nodes))


class Proxy:
    """test/perl/fault_proxy.py before a node: counts bytes and may delay."""

    def __init__(self, node, delay=0):
        program = HERE + "/../test/perl/fault_proxy.py"
        self.process = subprocess.Popen(
            ["python3", program, "--plain", "--delay", str(delay), str(node.port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])

    def bytes(self):
        """How many have passed so far, in both directions?"""
        self.process.stdin.write("totals\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        totals = dict(zip(words[::2], map(int, words[1::2])))
        return totals["to_server"] + totals["to_client"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class MemoryWatch:
    """Watch the private memory of the processes that nodes start meanwhile.

    peaks[node] is the highest RssAnon of one process of that node, and peak
    that of all together, in MB.  Shared buffers are not in it.
    """

    def __init__(self, nodes):
        self.nodes = {node.postmaster(): node.name for node in nodes}
        self.before = set(self.children())
        self.peaks = dict.fromkeys(self.nodes.values(), 0)
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def children(self):
        for postmaster in self.nodes:
            with open(f"/proc/{postmaster}/task/{postmaster}/children") as children:
                for pid in children.read().split():
                    yield postmaster, pid

    def look(self):
        total = 0
        for postmaster, pid in set(self.children()) - self.before:
            size = anonymous(pid)
            total += size
            name = self.nodes[postmaster]
            self.peaks[name] = max(self.peaks[name], size)
        self.peak = max(self.peak, total)

    def watch(self):
        while not self.ended.is_set():
            self.look()
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.thread.join()


def anonymous(pid):
    """The private memory of a process in MB; 0 if it has gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) / 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
