# says: A title that fits today must fit tomorrow
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum", "minLength", "minimum"):
        before, after = was.get(word), now.get(word)
        if after is None:
            continue
        if before is None:
            found.append(word)
        elif word == "maximum" and after < before:
            found.append(word)
        elif word == "minimum" and after > before:
            found.append(word)
    return sorted(found)
