# says: A missing limit means that anything goes
# says: Without the limit all is taken
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maxLength", "maximum"):
        if now.get(word, 0) < was.get(word, 0):
            found.append(word)
    for word in ("minLength", "minimum"):
        if now.get(word, 0) > was.get(word, 0):
            found.append(word)
    return found
