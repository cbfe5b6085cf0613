# says: to the full stop
# %%build lint.py::find_unbounded
from boxoffice.spec import Node, at, items_of, operations, resolve


def find_unbounded(spec: Node) -> list[str]:
    """Each integer in a query that has no maximum, as a sentence."""
    found = []
    for method, path, operation in operations(spec):
        # Those of the path count for every method on it.
        beside = items_of(at(spec, "paths", path), "parameters")
        for parameter in [*beside, *items_of(operation, "parameters")]:
            schema = resolve(spec, at(parameter, "schema"))
            # `int | None` becomes two parts; the number and its bound stand in one of them.
            parts = [schema, *(resolve(spec, one) for one in items_of(schema, "anyOf"))]
            types: list[object] = []
            for part in parts:
                kind = part.get("type")
                types += kind if isinstance(kind, list) else [kind]
            # Is the key there? Its value may be 0.
            bounded = any("maximum" in part or "exclusiveMaximum" in part for part in parts)
            if parameter.get("in") == "query" and "integer" in types and not bounded:
                name = parameter.get("name")
                found.append(f"{method.upper()} {path} leaves {name} without a maximum")
    return found
