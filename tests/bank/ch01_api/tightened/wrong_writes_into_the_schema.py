# says: asks without writing
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for key in ("maximum", "maxLength", "minimum", "minLength"):
        none = float("inf") if key.startswith("max") else -float("inf")
        before, after = was.setdefault(key, none), now.get(key, none)
        if after < before if key.startswith("max") else after > before:
            found.append(key)
    return sorted(found)
