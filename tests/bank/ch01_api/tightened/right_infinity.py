# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    none = float("inf")
    upper = [w for w in ("maxLength", "maximum") if now.get(w, none) < was.get(w, none)]
    lower = [w for w in ("minLength", "minimum") if now.get(w, -none) > was.get(w, -none)]
    return upper + lower
