# says: A gate that cries for nothing
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum", "minLength", "minimum"):
        before, after = was.get(word), now.get(word)
        if after is not None and after != before:
            found.append(word)
    return sorted(found)
