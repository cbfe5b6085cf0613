# says: "in": "path"
# says: the rule is for integers in a query
# %%build lint.py::find_unbounded
from boxoffice.spec import Node, at, items_of, operations, resolve


def find_unbounded(spec: Node) -> list[str]:
    found = []
    for method, path, operation in operations(spec):
        beside = items_of(at(spec, "paths", path), "parameters")
        for parameter in [*beside, *items_of(operation, "parameters")]:
            schema = resolve(spec, at(parameter, "schema"))
            parts = [schema, *(resolve(spec, one) for one in items_of(schema, "anyOf"))]
            whole = any("integer" in str(part.get("type")) for part in parts)
            bounded = any("maximum" in part or "exclusiveMaximum" in part for part in parts)
            if parameter.get("in") != "header" and whole and not bounded:
                name = parameter.get("name")
                found.append(f"{method.upper()} {path} leaves {name} without a maximum.")
    return found
