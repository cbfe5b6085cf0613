# says: A limit may have a fraction
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for key in ("maxLength", "maximum", "minLength", "minimum"):
        if key not in now:
            continue
        if key not in was:
            found.append(key)
        elif key.startswith("max") and int(now[key]) < int(was[key]):
            found.append(key)
        elif key.startswith("min") and int(now[key]) > int(was[key]):
            found.append(key)
    return sorted(found)
