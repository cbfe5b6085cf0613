# says: cannot stand for *no limit*
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for key in ("maximum", "maxLength"):
        if now.get(key, 1_000_001) < was.get(key, 1_000_001):
            found.append(key)
    for key in ("minimum", "minLength"):
        if now.get(key, -1) > was.get(key, -1):
            found.append(key)
    return sorted(found)
