"""The bench's own network: two namespaces joined by one cable, with no way
out. `servers` holds the daemons under test, `phones` both ends of the calls
and of the media. Each has CPU cores of its own where the machine has two."""

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
            self._ip("-n", self.namespace("servers"), "link", "add", "eth0",
                     "type", "veth", "peer", "name", "eth0",
                     "netns", self.namespace("phones"))
            for host in ADDRESSES:
                self._plug(host)
        except BaseException:
            self.down()
            raise

    def _plug(self, host):
        ip = ["-n", self.namespace(host)]
        self._ip(*ip, "link", "set", "lo", "up")
        for address in ADDRESSES[host]:
            self._ip(*ip, "addr", "add", f"{address}/24", "dev", "eth0")
        self._ip(*ip, "link", "set", "eth0", "up")
        self.inside(host, lambda: _PORT_RANGE.write_text(_LOCAL_PORTS))

    @staticmethod
    def _ip(*args):
        subprocess.run(["ip", *args], check=True)

    def command(self, host, argv):
        cpus = ",".join(map(str, self.cores[host]))
        return super().command(host, ["taskset", "-c", cpus, *argv])
