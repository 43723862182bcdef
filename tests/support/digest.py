"""Digest authentication as a phone does it (RFC 2617, 7616, 8760): of the
challenges of a 401 or 407 the first that it knows, answered.

    asked = challenges(refused)
    name, value = answer(asked[0], "INVITE", uri, "alice", "secret")
"""

import hashlib
import re

from .sipmsg import token

# Name on the wire: name in hashlib.
ALGORITHMS = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}

HEADERS = {"WWW-Authenticate": "Authorization",
           "Proxy-Authenticate": "Proxy-Authorization"}

_FIELD = re.compile(r'([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


def fields(value):
    """A challenge or credentials as {name: value}, the quotes taken off."""
    return {k.lower(): q or b for k, q, b in
            _FIELD.findall(value.split(None, 1)[1])}


def challenges(message, algorithms=tuple(ALGORITHMS)):
    """What a message asks for, in its order, and can be answered; each with
    the name of its header as "header"."""
    found = [{"header": name, **fields(value)} for name in HEADERS
             for value in message.all(name)]
    return [f for f in found if f.get("algorithm", "MD5") in algorithms]


def response(algorithm, user, realm, password, method, uri, nonce, qop=None,
             nc=None, cnonce=None):
    """RFC 7616 3.4.1; qop auth, or None as in RFC 2069."""
    def h(*parts):
        return hashlib.new(ALGORITHMS[algorithm],
                           ":".join(parts).encode()).hexdigest()
    more = (nc, cnonce, qop) if qop else ()
    return h(h(user, realm, password), nonce, *more, h(method, uri))


def answer(asked, method, uri, user, password, nc=1):
    """(header, credentials) for one of challenges()."""
    algorithm = asked.get("algorithm", "MD5")
    said = [f'username="{user}"', f'realm="{asked["realm"]}"',
            f'nonce="{asked["nonce"]}"', f'uri="{uri}"',
            f"algorithm={algorithm}"]
    how = {}
    if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
        how = {"qop": "auth", "nc": f"{nc:08x}", "cnonce": token()}
        said += ["qop=auth", f'nc={how["nc"]}', f'cnonce="{how["cnonce"]}"']
    if "opaque" in asked:
        said.append(f'opaque="{asked["opaque"]}"')
    proof = response(algorithm, user, asked["realm"], password, method, uri,
                     asked["nonce"], **how)
    said.append(f'response="{proof}"')
    return HEADERS[asked["header"]], "Digest " + ", ".join(said)
