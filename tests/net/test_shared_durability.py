"""Two redirectd on one Redis, of which one or the server is killed at any
moment: what was answered 200 is there, whichever of them has said it."""

import collections
import json
import os
import random
import subprocess
import time

from durable import Crowd
from lone import Directory
from support.daemons import BIN, Daemon, redirectd_conf
from support.net import REDIRECT, RELAY
from support.redis_server import Redis

SEED = int(os.environ.get("PINHOLE_SEED", "20260730"))
ROUNDS = 60
PATIENCE = 2.0  # longer than redirectd waits for Redis


class SharedCrowd(Crowd):
    """Clients that ask now the one, now the other. Of what is answered 503
    nobody knows whether it was made: the client waits for the check."""

    under_way = 1  # two directories keep no order

    def __init__(self, first, second, seed):
        super().__init__(first, seed)
        self.all = {(REDIRECT, 5060): first.daemon, (RELAY, 5070): second}
        self.asked = {}  # branch -> address

    def transmit(self, op):
        asker = self.directory.asker
        asker.to = self.rng.choice(list(self.all))
        self.asked[op.request.branch] = asker.to
        asker.send(op.request.raw)

    def take(self, m):
        if m.status != 503:
            super().take(m)
            return
        assert int(m.get("Retry-After")) > 0
        del self.waiting[m.branch]
        self.tally["refused"] += 1

    def stream(self, seconds):
        """Keep requests under way for so long."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.fill()
            m = self.directory.asker.receive(left)
            if m is not None:
                self.take(m)

    def finish(self, but=None):
        """Take the answers of all that live."""
        while any(self.asked[b] != but for b in self.waiting):
            m = self.directory.asker.receive(PATIENCE)
            assert m is not None, "no answer any more"
            self.take(m)
        while (m := self.directory.asker.receive()) is not None:
            self.take(m)

    def states(self):
        """As an export reads it from Redis itself."""
        daemon = self.directory.daemon
        done = subprocess.run(
            self.directory.net.command("redirect", [
                BIN / "redirectd", "-c", daemon.conf_path, "clients",
                "export", "-"]), text=True, capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr
        found = collections.defaultdict(dict)
        for record in map(json.loads, done.stdout.splitlines()):
            for b in record.get("bindings", ()):
                found[record["client"]][b["url"]] = (
                    b["call_id"], b["cseq"],
                    (b["expires"] - b["registered"]) // 1000)
        return found


def test_nothing_that_was_answered_is_lost(net):
    print(f"PINHOLE_SEED={SEED}")
    redis = Redis(net)
    first = Directory(net, store=redis.url, log="error", trace={"calls": 0})
    second = Daemon(net, "relay", "redirectd", redirectd_conf(
        listen=f"udp:{RELAY}:5070", store=redis.url, log="error",
        trace={"calls": 0}), http=("127.0.0.1", 8062))
    crowd, rng = SharedCrowd(first, second, SEED), random.Random(SEED)
    for i in range(ROUNDS):
        crowd.stream(rng.uniform(0, 0.05))
        if i % 3 == 2:
            redis.kill()
            crowd.finish()
            redis.start()
            for daemon in crowd.all.values():
                daemon.wait_metric("store_up", lambda up: up == 1)
        else:
            address, daemon = list(crowd.all.items())[i % 3]
            daemon.kill()
            crowd.finish(but=address)
            first.start() if daemon is first.daemon else daemon.start()
        crowd.check()
    crowd.stream(0.1)
    crowd.finish()
    print(dict(crowd.tally))
    assert crowd.tally["answered"] > 10 * ROUNDS
    assert crowd.tally["made"] > 0 and crowd.tally["refused"] > 0
