"""One byte sequence for one value: canonical JSON, and the digest over it.

Keys sorted, no white space, UTF-8 unescaped, no NaN: the subset of RFC 8785 that our values
(strings, integers, booleans, null, lists, maps, and floats that Python prints shortest) need.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH = 500  # entries that are encoded in one go


_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: Any) -> bytes:
    """Give the canonical bytes of a JSON value. Raises ValueError for NaN and infinities."""
    return _encoded(value).encode()


def canonical_parts(value: Any, *, levels: int) -> Iterator[str]:
    """Give the text of the canonical bytes in parts, so that a large value is never there twice.

    Args:
        value: a JSON value.
        levels: how deep mappings are taken apart; what is below comes whole, as part of one part.

    Raises ValueError for NaN and infinities.
    """
    if levels == 0 or not isinstance(value, dict) or not value:
        yield _encoded(value)
        return
    keys = sorted(value)
    if levels == 1:
        for start in range(0, len(keys), _BATCH):
            batch = {key: value[key] for key in keys[start : start + _BATCH]}
            yield ("," if start else "{") + _encoded(batch)[1:-1]
    else:
        for key in keys:
            yield ("{" if key is keys[0] else ",") + _encoded(key) + ":"
            yield from canonical_parts(value[key], levels=levels - 1)
    yield "}"


def digest(value: Any) -> str:
    """Give ``sha256:<64 hex digits>`` over the canonical bytes of a JSON value."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes) -> str:
    """Give ``sha256:<64 hex digits>`` over raw bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
