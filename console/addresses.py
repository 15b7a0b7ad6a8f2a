"""Where a request comes from, as limits count it: an IPv4 address, or the /64 that one IPv6 network is given."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request

_IPV6_BITS = 64


def origin_of(request: Request) -> str:
    """The address block of the browser; `FORWARDED_ALLOW_IPS` says whose word is taken for it."""
    return address_block(request.client.host if request.client else "")


def address_block(host: str) -> str:
    """As in `203.0.113.7` and `2001:db8:1:2::/64`; an IPv4 address inside IPv6 is that address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_BITS), strict=False))
