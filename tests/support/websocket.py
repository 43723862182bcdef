"""A scripted phone in a browser: SIP over WebSocket (RFC 6455, RFC 7118).

    carol = BrowserPhone(net, "first", "carol", proxy=(PROXY1, 8080))
    dave = BrowserPhone(net, "first", "dave", proxy=(PROXY1, 8443),
                        tls=client_tls(certificate))

It is a sip.UA whose socket is a WebSocket. What a browser's page does not know
it does not say: Via and Contact have a name that means nothing.
"""

import base64
import hashlib
import os
import select
import socket
import ssl
import struct
import subprocess
import threading

from .sip import UA
from .sipmsg import token

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def certificate(folder, *names):
    """A certificate of its own for these IP addresses and host names and its
    key, as PEM files: (certificate, key)."""
    cert, key = f"{folder}/cert.pem", f"{folder}/key.pem"
    names = ",".join(("IP:" if n[0].isdigit() or ":" in n else "DNS:") + n
                     for n in names)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=pinhole test", "-addext",
                    f"subjectAltName={names}", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    return cert, key


def client_tls(cert):
    """A context that trusts this certificate and nothing else."""
    return ssl.create_default_context(cafile=cert)


class Refused(Exception):
    """The handshake was answered with something else than 101."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class WebSocket:
    """A client's end of one WebSocket, in the shape of a datagram socket:
    a thread reads it and hands on whole messages. `frames` has all frames
    that came, (opcode, payload)."""

    def __init__(self, net, host, address, tls=None, protocol="sip",
                 origin="https://phone.example.com"):
        self.address = address
        self.frames = []
        self.closed = threading.Event()
        self._lock = threading.Lock()
        self._changed = threading.Condition()
        self._there, self._here = socket.socketpair(socket.AF_UNIX,
                                                    socket.SOCK_SEQPACKET)
        self._tcp = net.tcp(host, address)
        try:
            if tls:
                self._tcp = tls.wrap_socket(self._tcp,
                                            server_hostname=address[0])
            self._buffer = self._shake_hands(protocol, origin)
        except BaseException:
            self._tcp.close()
            raise
        self._tcp.setblocking(False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _shake_hands(self, protocol, origin):
        """Returns what came behind the answer."""
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET / HTTP/1.1", f"Host: {self.address[0]}",
                 "Upgrade: websocket", "Connection: keep-alive, Upgrade",
                 f"Sec-WebSocket-Key: {key.decode()}",
                 "Sec-WebSocket-Version: 13", f"Origin: {origin}",
                 f"Sec-WebSocket-Protocol: {protocol}", "", ""]
        self._tcp.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            some = self._tcp.recv(4096)
            if not some:
                break
            answer += some
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        if status != 101:
            raise Refused(status, answer.decode())
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        assert b"\r\nSec-WebSocket-Accept: " + accept in head
        assert b"\r\nSec-WebSocket-Protocol: sip" in head
        return rest

    # The thread.

    def _read(self):
        message = b""
        try:
            while True:
                opcode, fin, payload = self._frame()
                with self._changed:
                    self.frames.append((opcode, payload))
                    self._changed.notify_all()
                if opcode == PING:
                    self.send_frame(PONG, payload)
                elif opcode == CLOSE:
                    break
                elif opcode < CLOSE:
                    message += payload
                    if fin:
                        self._here.send(message)
                        message = b""
        except (OSError, EOFError, ssl.SSLError):
            pass
        self.closed.set()
        with self._changed:
            self._changed.notify_all()

    def _frame(self):
        first, second = self._exactly(2)
        assert not first & 0x70 and not second & 0x80, "reserved bits, a mask"
        length = second & 0x7F
        if length == 126:
            length, = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            length, = struct.unpack("!Q", self._exactly(8))
        return first & 0x0F, bool(first & 0x80), self._exactly(length)

    def _exactly(self, n):
        while len(self._buffer) < n:
            self._buffer += self._some()
        some, self._buffer = self._buffer[:n], self._buffer[n:]
        return some

    def _some(self):
        while True:
            with self._lock:
                try:
                    some = self._tcp.recv(65536)
                    if not some:
                        raise EOFError
                    return some
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass
            select.select([self._tcp], [], [], 1)

    # Sending.

    def send_frame(self, opcode, payload=b"", fin=True, mask=True):
        n = len(payload)
        head = bytes([opcode | (0x80 if fin else 0)])
        masked = 0x80 if mask else 0
        if n < 126:
            head += bytes([masked | n])
        elif n < 65536:
            head += struct.pack("!BH", masked | 126, n)
        else:
            head += struct.pack("!BQ", masked | 127, n)
        if mask:
            key = os.urandom(4)
            head += key
            payload = bytes(b ^ key[i & 3] for i, b in enumerate(payload))
        self._send(head + payload)

    def _send(self, data):
        while data:
            with self._lock:
                try:
                    data = data[self._tcp.send(data):]
                    continue
                except (BlockingIOError, ssl.SSLWantWriteError):
                    pass
            select.select([], [self._tcp], [], 1)

    def wait_frame(self, opcode, timeout=10.0, count=1):
        """The `count`th frame of this kind that came, ever: its payload."""
        def found():
            return [p for o, p in self.frames if o == opcode][count - 1:]

        with self._changed:
            if not self._changed.wait_for(found, timeout):
                raise TimeoutError(f"no frame {opcode} within {timeout} s, "
                                   f"only {self.frames}")
            return found()[0]

    def break_off(self):
        """The page is gone: no close frame."""
        self._tcp.shutdown(socket.SHUT_RDWR)

    # In the shape of a datagram socket.

    def fileno(self):
        return self._there.fileno()

    def recvfrom(self, n):
        return self._there.recv(n), self.address

    def sendto(self, raw, to):
        self.send_frame(TEXT, raw)

    def close(self):
        try:
            self.break_off()
        except OSError:
            pass
        self._thread.join()
        for s in (self._tcp, self._here, self._there):
            s.close()


class BrowserPhone(UA):
    """proxy: (ip, port) of a ws: or, with `tls`, of a wss: listener."""

    def __init__(self, net, host, user, proxy, tls=None, **kw):
        self.tls = tls
        self.name = token("ph") + ".invalid"
        self._connect_to = proxy
        super().__init__(net, host, user, proxy=proxy, **kw)

    def _open(self, net, host, port):
        return WebSocket(net, host, self._connect_to, self.tls)

    def send(self, m, to=None, repeat=True):
        """A stream loses nothing: no request is repeated."""
        return super().send(m, to, repeat=False)

    @property
    def contact_uri(self):
        return f"sip:{self.user}@{self.name};transport=ws"

    def via(self, branch=None):
        return (f"SIP/2.0/{'WSS' if self.tls else 'WS'} {self.name};"
                f"branch={branch or token('z9hG4bK')}")
