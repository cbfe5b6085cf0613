# %%build lint.py::find_unbounded
from boxoffice.spec import Node, at, items_of, operations, resolve


def find_unbounded(spec: Node) -> list[str]:
    def parts(schema: Node) -> list[Node]:
        schema = resolve(spec, schema)
        found = [schema]
        for one in items_of(schema, "anyOf"):
            found += parts(one)
        return found

    def is_open(schema: Node) -> bool:
        return any(
            "integer" in str(part.get("type")) for part in parts(schema)
        ) and all(part.keys().isdisjoint(BOUNDS) for part in parts(schema))

    BOUNDS = {"maximum", "exclusiveMaximum"}
    return [
        f"{method.upper()} {path} leaves {one['name']} without a maximum."
        for method, path, operation in operations(spec)
        for one in items_of(operation, "parameters") + items_of(at(spec, "paths", path), "parameters")
        if one["in"] == "query" and is_open(at(one, "schema"))
    ]
