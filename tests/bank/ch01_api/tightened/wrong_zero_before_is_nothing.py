# says: less than 0 is wider
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum", "minLength", "minimum"):
        before, after = was.get(word), now.get(word)
        if after is None:
            continue
        if not before:
            found.append(word)
        elif word.startswith("max") and after < before:
            found.append(word)
        elif word.startswith("min") and after > before:
            found.append(word)
    return sorted(found)
