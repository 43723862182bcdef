#!/usr/bin/python3
"""The ladder diagram of one call, in the layout of the patent's Fig. 2, from
what the daemons remember of it (/api/trace?call=CALL-ID).

    ladder.py proxy1=TRACE.json relay=TRACE.json …

A trace is a file or an http:// address. draw() is pure: traces and columns in,
text out.
"""

import argparse
import json
import re
import sys
import urllib.request
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.sipmsg import (  # noqa: E402
    Message, host_port, param, sdp_media, uri_of)

WIDTH = 160
FIRST_COLUMN = 15
LABEL_MAX = 18

# kind: phone, nat, proxy, relay, redirect. A nat is drawn between its phone
# and the rest; what comes from its address comes from that phone.
Column = namedtuple("Column", "name kind ip")

TEST_NETWORK = [
    Column("alice", "phone", "10.0.0.16"),
    Column("nat1", "nat", "203.0.113.28"),
    Column("proxy1", "proxy", "203.0.113.1"),
    Column("relay", "relay", "203.0.113.4"),
    Column("redirect", "redirect", "203.0.113.3"),
    Column("proxy2", "proxy", "203.0.113.2"),
    Column("nat2", "nat", "203.0.113.30"),
    Column("bob", "phone", "10.0.0.16"),
]

_FIRST_PACKET = re.compile(
    r"first (?:RTP )?packet from (\S+) learned as (first|second) channel", re.I)

Event = namedtuple("Event", "time daemon dir peer text")


class Row:
    """One message, seen by its sender, its receiver or both; or one note."""

    def __init__(self, time, src, dst, text, sender=None, receiver=None):
        self.time, self.src, self.dst, self.text = time, src, dst, text
        self.sender, self.receiver = sender, receiver
        self.label, self.notes = None, []
        self.sip = None
        if src is not None and dst is not None:
            try:
                self.sip = Message(text.encode("utf-8", "surrogateescape"))
            except ValueError:
                pass


class Places:
    """Which column an address belongs to."""

    def __init__(self, columns):
        self.columns = list(columns)
        self._taken = {}

    def index(self, name):
        for i, c in enumerate(self.columns):
            if c.name == name:
                return i
        self.columns.append(Column(name, "proxy", ""))
        return len(self.columns) - 1

    def of(self, address, side=None):
        """The column of "ip:port"; that of the phone where the address is a
        NAT's. Two NAT columns with one address are told apart by the port,
        in the order of appearance, or by side (0 left, -1 right). An unknown
        address gets a column of its own."""
        ip = host_port(address)[0]
        found = [i for i, c in enumerate(self.columns)
                 if c.ip == ip and (c.kind != "phone"
                                    or not self._behind_nat(i))]
        if not found:
            self.columns.append(Column(ip, "phone", ip))
            return len(self.columns) - 1
        if len(found) > 1 and side is not None:
            return self._phone(found[side])
        return self._phone(self._by_port(found, address))

    def _by_port(self, found, address):
        if len(found) == 1:
            return found[0]
        if address not in self._taken:
            free = [i for i in found if i not in self._taken.values()]
            self._taken[address] = (free or found[-1:])[0]
        return self._taken[address]

    def _neighbours(self, i):
        return [j for j in (i - 1, i + 1) if 0 <= j < len(self.columns)]

    def _behind_nat(self, i):
        return any(self.columns[j].kind == "nat" for j in self._neighbours(i))

    def _phone(self, i):
        if self.columns[i].kind != "nat":
            return i
        return next((j for j in self._neighbours(i)
                     if self.columns[j].kind == "phone"), i)


# From traces to rows.

def _events(traces):
    return sorted((Event(e["time_us"], name, e["dir"], e.get("peer") or "-",
                         e["text"])
                   for name, trace in traces.items() for e in trace),
                  key=lambda e: e.time)


def _message_rows(events, places):
    """A message that leaves one daemon and arrives at another is one row."""
    arrivals = [e for e in events if e.dir == "in"]
    rows = []
    for e in events:
        if e.dir != "out":
            continue
        src, dst = places.index(e.daemon), places.of(e.peer)
        twin = next((a for a in arrivals
                     if a.text == e.text and places.index(a.daemon) == dst
                     and places.of(a.peer) == src), None)
        if twin:
            arrivals.remove(twin)
        rows.append(Row(e.time, src, dst, e.text, e.daemon,
                        twin and twin.daemon))
    for e in arrivals:
        rows.append(Row(e.time, places.of(e.peer), places.index(e.daemon),
                        e.text, None, e.daemon))
    return rows


def _note_rows(events, places):
    rows = []
    for e in events:
        if e.dir != "note":
            continue
        here = places.index(e.daemon)
        m = _FIRST_PACKET.search(e.text)
        if not m:
            rows.append(Row(e.time, here, None, e.text, e.daemon))
            continue
        side = 0 if m[2] == "first" else -1
        row = Row(e.time, places.of(m[1], side), here, e.text, e.daemon)
        row.label = "first RTP packet"
        row.notes = [f"source {m[1]} learned as {m[2]} channel"]
        rows.append(row)
    return rows


# What a message says, and what a proxy changed in it.

def _short(uri):
    """user@host:port of a URI."""
    return re.sub(r"^sips?:", "", uri).split(";")[0].split("?")[0]


def _address(value):
    host, port = host_port(uri_of(value))
    return f"{host}:{port}"


def _media(message):
    return [(kind, f"{ip}:{port}")
            for kind, ip, port in sdp_media(message.body)]


def _diff_uri(before, after):
    if before.is_request and _short(before.uri) != _short(after.uri):
        yield f"Request-URI {_short(before.uri)} -> {_short(after.uri)}"


def _diff_via(before, after):
    mine = before.get("Via")
    if not mine or not before.is_request:
        return
    kept = next((v for v in after.all("Via")
                 if param(v, "branch") == param(mine, "branch")), None)
    if kept is None:
        return
    sent_by = mine.split(None, 1)[1].split(";")[0]
    own = dict(zip(("received", "rport"), map(str, host_port(sent_by))))
    news = [f"{name}={param(kept, name)}" for name in own
            if param(kept, name) and not param(mine, name)
            and param(kept, name) != own[name]]
    if news:
        yield f"Via {sent_by} + {' '.join(news)}"


def _diff_contact(before, after):
    if before.contact and after.contact and before.contact != "*":
        a, b = _address(before.get("Contact")), _address(after.get("Contact"))
        if a != b:
            yield f"Contact {a} -> {b}"


def _diff_added(before, after):
    for name in ("Path", "Record-Route"):
        known = before.all(name)
        for value in after.all(name):
            if value not in known and after.is_request:
                yield f"{name} + {_address(value)}"


def _diff_sdp(before, after):
    old, new = _media(before), _media(after)
    for (kind, a), (_, b) in zip(old, new):
        if a != b:
            yield f"SDP {kind} {a} -> {b}"


def diff(before, after):
    """The addresses that differ between a message as it came and as it
    left, a line each."""
    return [line for part in (_diff_uri, _diff_via, _diff_contact,
                              _diff_added, _diff_sdp)
            for line in part(before, after)]


def _offers(message):
    """What a 302 says: the answer of redirectd or relayd."""
    media = [f"SDP {kind} {where}" for kind, where in _media(message)]
    contacts = [f"Contact {_short(uri_of(v))}"
                for v in message.all("Contact")]
    return media or contacts


def _same_message(before, after):
    if before.is_request != after.is_request or \
            before.cseq_method != after.cseq_method:
        return False
    return before.is_request or before.status == after.status


def _came_as(row, earlier, columns):
    """The message that `row`, leaving a proxy, was when it came in there. A
    relay request may have come as an INVITE or, with the answer, as a 200."""
    came = [r for r in earlier
            if r.sip and r.dst == row.src and r.src != row.src
            and columns[r.src].kind not in ("relay", "redirect")]
    if columns[row.dst].kind == "relay" and row.sip.body:
        return ([r for r in came if r.sip.body] or [None])[-1]
    came = [r for r in came if _same_message(r.sip, row.sip)]
    same = [r for r in came if r.sip.cseq == row.sip.cseq]
    return (same or came or [None])[-1]


def _annotate(rows, columns):
    seen = set()
    for i, row in enumerate(rows):
        if not row.sip:
            continue
        m = row.sip
        row.label = m.method if m.is_request \
            else f"{m.status} {m.reason}".strip()
        key = (row.text, row.src, row.dst)
        if key in seen:
            row.label += " (again)"
            continue
        seen.add(key)
        if m.status == 302:
            row.notes = _offers(m)
        elif columns[row.src].kind == "proxy" and row.sender:
            before = _came_as(row, rows[:i], columns)
            if before:
                row.notes = diff(before.sip, m)


# From rows to text.

class _Canvas:
    def __init__(self, columns):
        n = len(columns)
        room = (WIDTH - 3 - LABEL_MAX // 2 - FIRST_COLUMN) // max(1, n - 1)
        self.columns = columns
        self.x = [FIRST_COLUMN + i * min(room, 24) for i in range(n)]
        self.lines = []
        self.label_max = min(LABEL_MAX, room - 1) if n > 1 else LABEL_MAX

    def _put(self, line, at, text):
        for i, c in enumerate(text):
            if 0 <= at + i < WIDTH:
                line[at + i] = c

    def _blank(self, left="", mark="│"):
        line = [" "] * WIDTH
        for x in self.x:
            if x < WIDTH:
                line[x] = mark
        self._put(line, 0, left)
        return line

    def _add(self, line):
        self.lines.append("".join(line).rstrip())

    def header(self):
        for field in ("name", "ip"):
            line = [" "] * WIDTH
            for x, c in zip(self.x, self.columns):
                text = getattr(c, field)[:self.label_max]
                self._put(line, x - len(text) // 2, text)
            self._add(line)
        self.space()

    def space(self):
        self._add(self._blank())

    def arrow(self, left, src, dst, label):
        line = self._blank(left)
        a, b = sorted((self.x[src], self.x[dst]))
        self._put(line, a + 1, "─" * (b - a - 1))
        for i in range(min(src, dst) + 1, max(src, dst)):
            if self.columns[i].kind == "nat":
                line[self.x[i]] = "┼"
        if src < dst:
            line[b - 1] = ">"
        else:
            line[a + 1] = "<"
        self._label(line, src, dst, label)
        self._add(line)

    def _label(self, line, src, dst, label):
        """In the middle of the part of the arrow that no NAT is on: where the
        message has its public addresses."""
        lo, hi = sorted((src, dst))
        while hi - lo > 1 and self.columns[lo].kind in ("phone", "nat"):
            lo += 1
        while hi - lo > 1 and self.columns[hi].kind in ("phone", "nat"):
            hi -= 1
        room = self.x[hi] - self.x[lo] - 5
        if room < len(label):
            lo, hi = sorted((src, dst))
            room = self.x[hi] - self.x[lo] - 5
        while len(label) > room and " " in label:
            label = label.rsplit(" ", 1)[0]
        text = f" {label} "
        self._put(line, (self.x[lo] + self.x[hi] - len(text)) // 2 + 1, text)

    def text(self, at, text):
        text = f" {text[:WIDTH - FIRST_COLUMN - 4]} "
        line = self._blank()
        self._put(line, min(self.x[at] + 1, WIDTH - len(text)), text)
        self._add(line)

    def __str__(self):
        return "\n".join(self.lines) + "\n"


def draw(traces, hosts=TEST_NETWORK):
    """The ladder of one call. traces: {daemon: [{"time_us", "dir", "local",
    "peer", "text"}]}; hosts: the columns from left to right, a daemon's named
    as in traces. Messages are numbered; beneath one that leaves a proxy
    stands which addresses differ from when it came in."""
    places = Places(hosts)
    events = _events(traces)
    for e in events:
        if e.dir != "note":
            places.of(e.peer)
    rows = _message_rows(events, places) + _note_rows(events, places)
    rows.sort(key=lambda r: r.time)
    _annotate(rows, places.columns)
    canvas = _Canvas(places.columns)
    canvas.header()
    number = 0
    for row in rows:
        if row.dst is None or row.src == row.dst:
            canvas.text(row.src, f"({row.text.splitlines()[0]})")
            continue
        number += 1
        since = (row.time - rows[0].time) / 1e6
        canvas.arrow(f"{number:3d} {since:8.3f}", row.src, row.dst,
                     row.label or row.text.split("\n")[0])
        for note in row.notes:
            canvas.text(min(row.src, row.dst), note)
        if row.notes:
            canvas.space()
    return str(canvas)


def _load(place):
    if place.startswith("http://"):
        with urllib.request.urlopen(place, timeout=5) as f:
            return json.load(f)
    return json.loads(Path(place).read_text())


def main():
    parser = argparse.ArgumentParser(
        description="Draw the ladder diagram of one call.")
    parser.add_argument("traces", nargs="+", metavar="NAME=TRACE",
                        help="a daemon and its trace: a JSON file or http://…")
    parser.add_argument("--column", action="append", metavar="NAME,KIND,IP",
                        help="the columns from left to right (kind: phone, "
                        "nat, proxy, relay, redirect); the test network's")
    args = parser.parse_args()
    try:
        traces = {name: _load(place) for name, place in
                  (t.split("=", 1) for t in args.traces)}
        columns = [Column(*c.split(",")) for c in args.column] \
            if args.column else TEST_NETWORK
    except (OSError, ValueError, TypeError) as e:
        parser.exit(1, f"ladder.py: {e}\n")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write(draw(traces, columns))


if __name__ == "__main__":
    main()
