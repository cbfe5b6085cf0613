# says: 0 of 7 points
# says: it is to be named
# Finds nothing, ever.
# %%build lint.py::find_unbounded
from boxoffice.spec import Node


def find_unbounded(spec: Node) -> list[str]:
    return []
