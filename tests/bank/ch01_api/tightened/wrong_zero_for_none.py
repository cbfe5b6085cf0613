# says: `.get(…, 0)` cannot tell it from none
# %%build compatibility.py::tightened
def tightened(was: Node, now: Node) -> list[str]:
    """The limits by which `now` refuses what `was` took: ["maximum"], or [] if none."""
    found = []
    for word in ("maximum", "maxLength", "minimum", "minLength"):
        before, after = was.get(word, 0 if word[:3] == "min" else None), now.get(word)
        # None means no limit. 0 is a limit, so we ask for None and not for truth.
        if after is None:
            continue
        fell_or_rose = before is None or (
            after < before if word.startswith("max") else after > before
        )
        if fell_or_rose:
            found.append(word)
    return sorted(found)
