"""Who asks: a name for a visitor, by the one address that nobody can make up."""

import hashlib
import secrets
from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection

_SALT = secrets.token_bytes(16)
HOST_BITS = 64  # of an IPv6 address, which are one household's to choose


def visitor(request: HTTPConnection | None, proxies: int) -> str:
    """A salted hash of the address that `request` comes from; empty where there is none, and nobody to count.

    Each of the `proxies` before this server adds the address it sees to the end of x-forwarded-for; what stands before those
    entries anyone can make up. Source: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For
    """
    if request is None or request.client is None:
        return ""
    told = [entry.strip() for line in request.headers.getlist("x-forwarded-for") for entry in line.split(",")]
    address = told[-proxies] if 0 < proxies <= len(told) else request.client.host
    return hashlib.sha256(_SALT + _household(address).encode("utf-8", "replace")).hexdigest()[:16]


def _household(address: str) -> str:
    """The address, or the part of it that its holder cannot choose."""
    try:
        found = ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> HOST_BITS)
    return str(found)
