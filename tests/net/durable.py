"""Clients that register all the time with a directory that may die at any
moment, and what it may hold then: for each client the state that some of its
requests has led to, none before the last that was answered."""

import collections
import random
import signal
import time

from lone import DOMAIN, register
from support.net import PROXY1
from support.sipmsg import token, uri_of

PHONES = 2       # of one client, each with its Call-ID
CONTACTS = 3     # of one phone
UNDER_WAY = 3    # of one client
SILENCE = 5.0    # longer than any answer takes


class Op:
    """One REGISTER: what it says, and what it makes of a client's state,
    {url: (call_id, cseq, granted)}."""

    def __init__(self, call_id, cseq, adds=None, removes=(), star=False):
        self.call_id, self.cseq = call_id, cseq
        self.adds, self.removes, self.star = adds or {}, removes, star
        self.request = None

    def make(self, user, port):
        contacts = [f"<{url}>;expires={s}" for url, s in self.adds.items()]
        contacts += [f"<{url}>;expires=0" for url in self.removes]
        self.request = register(
            user, *(["*"] if self.star else contacts), cseq=self.cseq,
            call_id=self.call_id, port=port, expires=0 if self.star else None)

    def apply(self, state):
        new = {} if self.star else dict(state)
        for url, granted in self.adds.items():
            new[url] = (self.call_id, self.cseq, granted)
        for url in self.removes:
            new.pop(url, None)
        return new


class Client:
    """One client id; `states[i]` is behind the first i of `ops`."""

    def __init__(self, rng, serial):
        self.user = f"client{serial}"
        self.id = f"{self.user}@{DOMAIN}"
        self.rng = rng
        self.phones = [(token("reg"), [
            f"sip:{self.user}@{PROXY1[:-1]}{100 + p}:{5060 + c}"
            for c in range(CONTACTS)]) for p in range(PHONES)]
        self.cseq = 0
        self.settle({})

    def settle(self, state):
        """What it is known to be; nothing is under way."""
        self.ops, self.states, self.answered = [], [state], 0

    @property
    def under_way(self):
        return self.ops[self.answered:]

    def next(self):
        """Its phones' next REGISTER, of any kind."""
        call_id, urls = self.rng.choice(self.phones)
        some = self.rng.sample(urls, self.rng.randint(1, CONTACTS))
        kind = self.rng.random()
        self.cseq += 1
        op = Op(call_id, self.cseq)
        if kind < 0.1:
            op.star = True
        elif kind < 0.3:
            op.removes = some
        elif kind < 0.5:  # several contacts, some come and some go
            op.removes = [u for u in urls if u not in some]
            op.adds = {u: self.rng.randint(60, 7200) for u in some}
        else:
            op.adds = {some[0]: self.rng.randint(60, 7200)}
        return op

    def take(self, op):
        self.ops.append(op)
        self.states.append(op.apply(self.states[-1]))

    def answer(self, m):
        """The answer to its oldest request under way: what it shows is what
        that request has made."""
        assert m.status == 200, m.text
        self.answered += 1
        shown = {uri_of(c) for c in m.all("Contact")}
        assert shown == set(self.states[self.answered]), m.text

    def found(self, state):
        """Check what is there after a death; which state it is."""
        for i in range(self.answered, len(self.states)):
            if self.states[i] == state:
                self.settle(state)
                return i
        raise AssertionError(
            f"{self.user}: {state} is none of {self.states[self.answered:]}"
            f"; before: {self.states[:self.answered]}")


class Crowd:
    """All clients, at one directory."""

    under_way = UNDER_WAY

    def __init__(self, directory, seed, clients=20):
        self.directory, self.rng = directory, random.Random(seed)
        self.clients = [Client(self.rng, i) for i in range(clients)]
        self.waiting = {}  # branch -> client
        self.tally = collections.Counter()

    def transmit(self, op):
        self.directory.asker.send(op.request.raw)

    def send(self, client, op, again=False):
        if not again:
            op.make(client.user, self.directory.asker.port)
        client.take(op)
        self.waiting[op.request.branch] = client
        self.transmit(op)

    def fill(self):
        for client in self.clients:
            while len(client.under_way) < self.under_way:
                self.send(client, client.next())

    def take(self, m):
        client = self.waiting.pop(m.branch)
        assert client.under_way[0].request.branch == m.branch, m.text
        client.answer(m)
        self.tally["answered"] += 1

    def run(self, answers=None, until=None):
        """Keep requests under way until so many were answered, or so long."""
        while answers != 0:
            self.fill()
            left = SILENCE if until is None else until - time.monotonic()
            if left <= 0:
                return
            m = self.directory.asker.receive(left)
            if m is None and until is None:
                raise TimeoutError("no answer any more")
            if m is not None:
                self.take(m)
                answers = answers and answers - 1

    def finish(self):
        """Let what is under way be answered."""
        while self.waiting:
            m = self.directory.asker.receive(SILENCE)
            assert m is not None, "no answer any more"
            self.take(m)

    def kill(self):
        """The daemon dies; what it has said before counts."""
        daemon = self.directory.daemon
        daemon.signal(signal.SIGKILL)
        daemon.proc.wait()
        while (m := self.directory.asker.receive()) is not None:
            self.take(m)

    def states(self):
        """{client id: state} as the directory tells it."""
        return {name: {b["contact"]: (b["call_id"], b["cseq"],
                                      self.granted(b)) for b in bindings}
                for name, bindings in self.directory.table().items()}

    def check(self):
        """The directory is there again. Those of its clients that got no
        answer ask again, as phones do."""
        table = self.states()
        again = []
        for client in self.clients:
            last = client.under_way[-1:]
            answered = client.answered
            at = client.found(table.get(client.id, {}))
            self.tally["made"] += at - answered
            again += [(client, op) for op in last]
        self.tally["unanswered"] += len(self.waiting)
        self.waiting.clear()
        for client, op in again:
            self.send(client, op, again=True)

    def granted(self, binding):
        """The API tells what is left; the seconds granted are those of the
        request that it names."""
        for client in self.clients:
            for state in client.states:
                made = state.get(binding["contact"])
                if made and made[:2] == (binding["call_id"],
                                         binding["cseq"]):
                    assert 0 < binding["expires"] <= made[2]
                    return made[2]
        return None
