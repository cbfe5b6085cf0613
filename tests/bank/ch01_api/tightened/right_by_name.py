# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = set()
    for word in set(now) & {"maximum", "maxLength"}:
        if word not in was or now[word] < was[word]:
            found.add(word)
    for word in set(now) & {"minimum", "minLength"}:
        if word not in was or now[word] > was[word]:
            found.add(word)
    return sorted(found)
