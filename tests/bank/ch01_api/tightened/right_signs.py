# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    signs = {"maxLength": 1, "maximum": 1, "minLength": -1, "minimum": -1}
    return [
        word
        for word, sign in signs.items()
        if word in now and (word not in was or sign * now[word] < sign * was[word])
    ]
