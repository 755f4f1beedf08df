"""One byte sequence for one value: canonical JSON, and the digest over it.

Keys sorted, no white space, UTF-8 unescaped, no NaN: the subset of RFC 8785 that our values
(strings, integers, booleans, null, lists, maps, and floats that Python prints shortest) need.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Give the canonical bytes of a JSON value. Raises ValueError for NaN and infinities."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """Give ``sha256:<64 hex digits>`` over the canonical bytes of a JSON value."""
    return digest_bytes(canonical_json(value))


def digest_bytes(data: bytes) -> str:
    """Give ``sha256:<64 hex digits>`` over raw bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
