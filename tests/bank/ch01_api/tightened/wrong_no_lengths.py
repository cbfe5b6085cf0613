# says: A title that fits today must fit tomorrow
# says: Texts have limits, too
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maximum", "minimum"):
        before, after = was.get(word), now.get(word)
        if after is None:
            continue
        if before is None:
            found.append(word)
        elif word.startswith("max") and after < before:
            found.append(word)
        elif word.startswith("min") and after > before:
            found.append(word)
    return sorted(found)
