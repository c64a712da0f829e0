#!/usr/bin/env python3
"""A TCP proxy in front of a PostgreSQL server that delays, counts and breaks.

    fault_proxy.py [--delay MS] [--rule ACTION:REGEX]... [--plain] TARGET_PORT

It listens on a free port of 127.0.0.1 (or --port), says so in its first line
of output, and passes each connection on to TARGET_PORT (at --target-host).

A rule strikes once: at the first statement, sent by the simple or extended
protocol, whose text the regular expression finds.  Its action is

    kill-before     both connections are closed, the server gets nothing
    kill-after      the server runs the statement, its reply is lost, both
                    connections are closed: a lost acknowledgement
    reset-before, reset-after
                    the same, but the connections are reset, not closed
    hang-before     the statement stays here and the client waits
    hang-after      the server runs the statement and the client waits

Commands are read from standard input, one a line, and answered with a line:

    rule ACTION:REGEX   add a rule
    clear               forget the rules that have not struck
    hits                how many rules have struck
    cut                 reset all connections
    refuse, accept      close new connections at once, or no longer
    freeze, thaw        pass nothing on, in either direction, or again
    totals              what has passed: see totals() below

SIGUSR1 prints the totals too; SIGTERM prints them and ends.  With --plain
bytes are delayed and counted but not looked at, for measuring.  TLS is refused
unless --plain.
"""
import argparse
import asyncio
import collections
import re
import signal
import socket
import struct
import sys

SSL_REQUEST, GSS_REQUEST = 80877103, 80877104
ACTIONS = [what + "-" + when for what in ("kill", "reset", "hang")
           for when in ("before", "after")]


class Rule:
    def __init__(self, text):
        self.action, _, pattern = text.partition(":")
        if self.action not in ACTIONS or not pattern:
            raise ValueError("not a rule: " + text)
        self.pattern = re.compile(pattern.encode(), re.S)


class Proxy:
    """What all connections share."""

    def __init__(self, options):
        self.options = options
        self.rules = [Rule(text) for text in options.rule]
        self.pairs = set()
        self.refusing = self.frozen = False
        self.hits = self.connections = self.turns = 0
        self.to_server = self.to_client = 0

    def totals(self):
        """A turn begins when the client speaks after the server."""
        return (f"connections {self.connections} turns {self.turns} "
                f"to_server {self.to_server} to_client {self.to_client}")

    def strike(self, text):
        """Return the action of the first rule that finds text, and drop it."""
        for rule in self.rules:
            if rule.pattern.search(text):
                self.rules.remove(rule)
                self.hits += 1
                return rule.action
        return None

    def freeze(self, frozen):
        self.frozen = frozen
        for pair in self.pairs:
            pair.client.pace()
            pair.server.pace()

    def command(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "rule":
            self.rules.append(Rule(rest))
        elif word == "clear":
            self.rules.clear()
        elif word == "hits":
            return str(self.hits)
        elif word == "totals":
            return self.totals()
        elif word == "cut":
            for pair in list(self.pairs):
                pair.end(reset=True)
        elif word in ("refuse", "accept"):
            self.refusing = word == "refuse"
        elif word in ("freeze", "thaw"):
            self.freeze(word == "freeze")
        else:
            return "unknown command"
        return "ok"


class Side(asyncio.Protocol):
    """One of the two connections of a pair; it writes to the other."""

    def __init__(self, pair, receive):
        self.pair = pair
        self.receive = receive
        self.transport = None
        self.early = []                 # to be written once connected
        self.late = collections.deque()  # (when due, bytes), if we delay
        self.full = False               # the other end does not keep up

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=1 << 20)
        self.pair.connected(self)
        for data in self.early:
            self.write(data)

    def data_received(self, data):
        self.receive(data)

    def connection_lost(self, exc):
        self.pair.lost(self)

    def pause_writing(self):
        self.other().full = True
        self.other().pace()

    def resume_writing(self):
        self.other().full = False
        self.other().pace()

    def other(self):
        return self.pair.server if self is self.pair.client else self.pair.client

    def pace(self):
        """Read from this side only if what comes can be passed on."""
        if self.transport and not self.transport.is_closing():
            if self.full or self.pair.held or self.pair.proxy.frozen:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def write(self, data):
        """Send to this side's end, after the delay."""
        if not self.transport:
            self.early.append(data)
            return
        delay = self.pair.proxy.options.delay / 1000
        if not delay:
            self.transport.write(data)
            return
        loop = asyncio.get_running_loop()
        self.late.append((loop.time() + delay, data))
        if len(self.late) == 1:
            loop.call_at(self.late[0][0], self.write_due)

    def write_due(self):
        loop = asyncio.get_running_loop()
        while self.late and self.late[0][0] <= loop.time():
            data = self.late.popleft()[1]
            if data is None:
                self.transport.close()
            else:
                self.transport.write(data)
        if self.late:
            loop.call_at(self.late[0][0], self.write_due)

    def close(self):
        """Close once everything is written."""
        if self.late:
            self.late.append((self.late[-1][0], None))
        elif self.transport:
            self.transport.close()

    def reset(self):
        if self.transport:
            self.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


class Pair:
    """A client's connection and ours to the server."""

    def __init__(self, proxy):
        self.proxy = proxy
        plain = proxy.options.plain
        self.client = Side(self, self.pass_request if plain else self.request)
        self.server = Side(self, self.reply)
        self.started = False            # the startup packet has passed
        self.asked = bytearray()        # an incomplete message of the client
        self.statements = {}            # text by prepared statement
        self.portals = {}               # text by portal
        self.after = None               # action once the server is ready
        self.answered = bytearray()     # the reply that is being lost
        self.held = False               # a statement hangs here
        self.speaker = None

    def connected(self, side):
        if side is self.client:
            if self.proxy.refusing:
                side.reset()
                return
            self.proxy.pairs.add(self)
            self.proxy.connections += 1
            asyncio.get_running_loop().create_task(self.connect())
        elif self.client.transport.is_closing():
            self.server.transport.close()
        else:
            self.client.pace()
            self.server.pace()

    async def connect(self):
        options = self.proxy.options
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: self.server, options.target_host, options.target_port)
        except OSError:
            self.client.reset()

    def lost(self, side):
        self.proxy.pairs.discard(self)
        side.other().close()

    def end(self, reset):
        for side in (self.client, self.server):
            if reset:
                side.reset()
            elif side.transport:
                side.transport.abort()

    def pass_request(self, data):
        if self.speaker is not self.client:
            self.speaker = self.client
            self.proxy.turns += 1
        self.proxy.to_server += len(data)
        self.server.write(data)

    def reply(self, data):
        self.speaker = self.server
        if self.after:
            self.lose(data)
            return
        self.proxy.to_client += len(data)
        self.client.write(data)

    def lose(self, data):
        """Drop the reply; act once the server is ready for the next query."""
        self.answered += data
        while len(self.answered) >= 5:
            length = 1 + struct.unpack_from("!I", self.answered, 1)[0]
            if len(self.answered) < length:
                return
            if self.answered[0] == ord("Z"):
                if self.after != "hang-after":
                    self.end(reset=self.after == "reset-after")
                return
            del self.answered[:length]

    def request(self, data):
        """Pass on the client's complete messages until a rule strikes."""
        self.asked += data
        if not self.started and not self.start():
            return
        position, action = 0, None
        while length := self.message_length(position, 1):
            message = bytes(self.asked[position:position + length])
            text = self.statement(message)
            action = text is not None and self.proxy.strike(text)
            if action and action.endswith("-before"):
                break
            self.after = action or self.after
            position += length
        if position:
            self.pass_request(bytes(self.asked[:position]))
            del self.asked[:position]
        if action and action.endswith("-before"):
            self.strike_before(action)

    def start(self):
        """Refuse encryption and pass on the startup packet."""
        while length := self.message_length(0, 0):
            packet = bytes(self.asked[:length])
            del self.asked[:length]
            if struct.unpack_from("!I", packet, 4)[0] not in (SSL_REQUEST, GSS_REQUEST):
                self.pass_request(packet)
                self.started = True
                return True
            self.client.write(b"N")
        return False

    def message_length(self, position, kind):
        """Return the length of the message at position, None if incomplete.

        kind is the number of bytes before the length word.
        """
        if len(self.asked) < position + kind + 4:
            return None
        length = kind + struct.unpack_from("!I", self.asked, position + kind)[0]
        return length if len(self.asked) >= position + length else None

    def statement(self, message):
        """Return the text that a message runs; remember what it prepares."""
        kind = message[:1]
        if kind == b"Q":
            return message[5:-1]
        if kind == b"P":
            name, text = message[5:].split(b"\0", 2)[:2]
            self.statements[name] = text
        elif kind == b"B":
            portal, name = message[5:200].split(b"\0", 2)[:2]
            self.portals[portal] = self.statements.get(name, b"")
        elif kind == b"E":
            return self.portals.get(message[5:200].split(b"\0", 1)[0])
        return None

    def strike_before(self, action):
        if action == "hang-before":
            self.held = True
            self.client.pace()
            self.server.pace()
        else:
            self.end(reset=action == "reset-before")


def read_commands(proxy):
    """Answer the commands on standard input until its end."""
    loop = asyncio.get_running_loop()

    def readable():
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
            return
        try:
            answer = proxy.command(line)
        except (ValueError, re.error) as error:
            answer = f"error: {error}"
        print(answer, flush=True)

    try:
        loop.add_reader(sys.stdin, readable)
    except (PermissionError, ValueError):
        pass                            # a file or nothing: no commands


async def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--target-host", default="127.0.0.1")
    parser.add_argument("--delay", type=float, default=0, metavar="MS",
                        help="hold back each byte that long, in each direction")
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("target_port", type=int)
    proxy = Proxy(parser.parse_args())

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(
        signal.SIGUSR1, lambda: print(proxy.totals(), flush=True))
    server = await loop.create_server(
        lambda: Pair(proxy).client, "127.0.0.1", proxy.options.port)
    print("listening on", server.sockets[0].getsockname()[1], flush=True)
    read_commands(proxy)
    await ended.wait()
    print(proxy.totals(), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
