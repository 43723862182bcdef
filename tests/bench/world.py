"""The bench's own network: two namespaces joined by one cable, with no way
out. `servers` holds the daemons under test, `phones` both ends of the calls
and of the media. Each has CPU cores of its own where the machine has two, and
what comes to the servers by the cable is taken in on their core, as if the
interrupts of a network card went there."""

import functools
import os
import subprocess
from pathlib import Path

from support.net import NAT1, NAT2, PROXY1, REDIRECT, RELAY, Net

# The addresses of the drawing in tests/net/testnet. The phones sit where the
# firewalls are: what comes from them looks like a NAT's public side.
PROXY = PROXY1
CALLER = NAT1
CALLEE = NAT2
ADDRESSES = {"servers": (PROXY, REDIRECT, RELAY), "phones": (CALLER, CALLEE)}

# For the relays. What the kernel hands out by itself comes from elsewhere, or
# a relay would now and then find a port taken.
MEDIA_PORTS = (10000, 59999)
_PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOCAL_PORTS = "60100 64999"
_STEERING = "/sys/class/net/eth0/queues/rx-0/rps_cpus"


@functools.cache
def core_split():
    """{host: CPU list}: one core for the servers, the others for the load.
    With a single core both share it, and the figures say little."""
    cores = sorted(os.sched_getaffinity(0))
    return {"servers": cores[:1], "phones": cores[1:] or cores}


class World(Net):
    """`with World() as world:`; what runs in it ends with the block."""

    def __init__(self):
        super().__init__()
        self.cores = core_split()

    def up(self):
        try:
            for host in ADDRESSES:
                self._ip("netns", "add", self.namespace(host))
            queues = ("numtxqueues", 1, "numrxqueues", 1)
            self._ip("-n", self.namespace("servers"), "link", "add", "eth0",
                     *queues, "type", "veth", "peer", "name", "eth0",
                     "netns", self.namespace("phones"), *queues)
            for host in ADDRESSES:
                self._plug(host)
            self._steer("servers")
        except BaseException:
            self.down()
            raise

    def _plug(self, host):
        ip = ["-n", self.namespace(host)]
        self._ip(*ip, "link", "set", "lo", "up")
        for address in ADDRESSES[host]:
            self._ip(*ip, "addr", "add", f"{address}/24", "dev", "eth0")
        # What is sent in one piece is taken apart here, not at the receiver.
        self._ip(*ip, "link", "set", "eth0", "gso_max_segs", 1, "up")
        self.inside(host, lambda: _PORT_RANGE.write_text(_LOCAL_PORTS))

    def _steer(self, host):
        """RPS, without which a packet over veth is the sender's work until it
        is in the receiver's socket. Not for the phones: the servers' core
        would interrupt another for each packet, at more than it costs to
        count it."""
        mask = sum(1 << core for core in self.cores[host])
        self.exec(host, "sh", "-c", f"echo {mask:x} > {_STEERING}")

    def mac(self, host):
        """The hardware address of its end of the cable."""
        return self.exec(host, "cat", "/sys/class/net/eth0/address").strip()

    @staticmethod
    def _ip(*args):
        subprocess.run(["ip", *map(str, args)], check=True)

    def command(self, host, argv):
        cpus = ",".join(map(str, self.cores[host]))
        return super().command(host, ["taskset", "-c", cpus, *argv])
