# says: A `return` ends the function
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum", "minLength", "minimum"):
        before, after = was.get(word), now.get(word)
        if after is None:
            continue
        if before is None:
            return [word]
        elif word.startswith("max") and after < before:
            return [word]
        elif word.startswith("min") and after > before:
            return [word]
    return sorted(found)
