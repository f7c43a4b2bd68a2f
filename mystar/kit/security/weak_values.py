"""Values of settings that protect nothing: guessable keys, proxies that are everyone, limits without effect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from itertools import pairwise

from limits import parse_many

_PLACEHOLDERS = ("qwerty", "changeme", "change-me", "change_me", "your-secret", "yoursecret", "password", "insecure")
#: Letters in a row that follow each other ("abcdefgh", "87654321"), and letters that come twice, as in a repeated word.
_RUN, _REPEATED = 8, 8
#: The widest network of proxies: of private and of public addresses, by version.
_PRIVATE_PREFIX, _PUBLIC_PREFIX = {4: 8, 6: 7}, {4: 12, 6: 28}
#: Networks of IPv6 that hold all of IPv4: mapped, compatible, NAT64, 6to4.
_WITH_IPV4 = tuple(map(IPv6Network, ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "2002::/16")))
#: A limit with more attempts a minute limits nothing.
_MAX_PER_MINUTE = 100_000


def is_guessable(key: str) -> bool:
    """Whether the key has a sequence, a placeholder, or repeats a part of itself.

    A random key of 64 hexadecimal digits is taken for one once in two million.
    """
    letters = key.lower()
    parts = [letters[n : n + _REPEATED] for n in range(len(letters) - _REPEATED + 1)]
    return len(set(parts)) < len(parts) or _has_run(letters) or any(part in letters for part in _PLACEHOLDERS)


def _has_run(letters: str) -> bool:
    steps = [ord(after) - ord(before) for before, after in pairwise(letters)]
    # 9 is followed by 0, and z by a.
    steps = [1 if step in (-9, -25) else -1 if step in (9, 25) else step for step in steps]
    same = 1
    for before, step in zip([0, *steps], steps, strict=False):
        same = same + 1 if step == before and abs(step) <= 1 else 1
        if same >= _RUN - 1:
            return True
    return False


def trusts_too_many(given: Iterable[str]) -> bool:
    """Whether the networks of proxies hold addresses of strangers, each alone or several together."""
    networks = [_unmapped(ip_network(one, strict=False)) for one in given]
    fours = list(collapse_addresses([one for one in networks if isinstance(one, IPv4Network)]))
    sixes = list(collapse_addresses([one for one in networks if isinstance(one, IPv6Network)]))
    return _is_wide(fours) or _is_wide(sixes)


def _is_wide(networks: Sequence[IPv4Network] | Sequence[IPv6Network]) -> bool:
    if not networks:
        return False
    version = networks[0].version
    public = [one for one in networks if not one.is_private]
    private = any(one.prefixlen < _PRIVATE_PREFIX[version] for one in networks)
    widest = 2 ** (networks[0].max_prefixlen - _PUBLIC_PREFIX[version])
    # Of a provider of content delivery there are some; together they are few as well.
    together = sum(one.num_addresses for one in public) > 4 * widest
    return private or together or any(one.num_addresses > widest for one in public)


def _unmapped(network: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    """IPv4 in IPv6 as what it is; all of it as 0.0.0.0/0."""
    if isinstance(network, IPv6Network):
        for holder in _WITH_IPV4:
            if holder.supernet_of(network) and network != IPv6Network("::1/128"):
                shift = 128 - holder.prefixlen - 32
                inside = max(0, network.prefixlen - holder.prefixlen)
                number = int(network.network_address) >> shift & 0xFFFFFFFF
                return IPv4Network((number, min(32, inside)), strict=False)
    return network


def is_no_limit(rule: str) -> bool:
    """Whether a rate allows so much that it limits nothing."""
    return any(one.amount * 60 / one.get_expiry() > _MAX_PER_MINUTE for one in parse_many(rule))
