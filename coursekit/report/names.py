"""What learners are called in a report: by their names, or by a word that says nothing of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from coursekit.errors import CourseError
from coursekit.report.cohort import Cohort

KEY = "pseudonyms.key"
LETTERS = 6


def pseudonyms(cohort: Cohort, home: Path) -> dict[str, str]:
    """A pseudonym for each id: the same in every report that is made with the key in `home`.

    Without the key nobody can find out which id it was made from, not even by trying all ids.
    """
    key = _key(home)
    found: dict[str, str] = {}
    for id in sorted(cohort.names):
        mark = hmac.new(key, id.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        letters = base64.b32encode(mark).decode()
        length = LETTERS
        while (name := f"Learner {letters[:length]}") in found.values():
            length += 1
        found[id] = name
    return found


def _key(home: Path) -> bytes:
    path = home / KEY
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
        key = path.read_bytes().strip()
    except OSError as error:
        raise CourseError(
            f"Pseudonyms need a key, and {path} cannot be read or written ({error.strerror})."
        ) from None
    if len(key) < 32:
        raise CourseError(f"{path} is not a key. Delete it, and new pseudonyms are made.")
    return key


def guard(cohort: Cohort, names: Mapping[str, str]) -> Callable[[str], str]:
    """A function that takes the names and ids of learners out of a text."""
    known = {id.casefold(): names[id] for id in cohort.names}
    words = sorted(cohort.words_of_names() | set(known), key=len, reverse=True)
    if not words:
        return str
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.IGNORECASE)

    def clean(text: str) -> str:
        return pattern.sub(lambda found: known.get(found[0].casefold(), "…"), text)

    return clean
