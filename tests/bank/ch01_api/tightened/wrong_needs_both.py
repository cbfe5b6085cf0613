# says: A missing limit means that anything goes
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum", "minLength", "minimum"):
        before, after = was.get(word), now.get(word)
        if before is None or after is None:
            continue
        if after < before if word.startswith("max") else after > before:
            found.append(word)
    return sorted(found)
