# says: the integer can be any part of the `anyOf`
# says: [{"type": "null"}, {"type": "integer"}]
# Looks at the schema, and behind `anyOf` at its first part.
# %%build lint.py::find_unbounded
from boxoffice.spec import Node, at, items_of, operations, resolve


def find_unbounded(spec: Node) -> list[str]:
    def has_end(schema: Node) -> bool:
        return "maximum" in schema or "exclusiveMaximum" in schema

    def open_end(schema: Node) -> bool:
        schema = resolve(spec, schema)
        if has_end(schema):
            return False
        kinds = schema.get("type")
        if kinds == "integer" or (isinstance(kinds, list) and "integer" in kinds):
            return True
        return bool(items_of(schema, "anyOf")) and open_end(items_of(schema, "anyOf")[0])

    return [
        f"{method.upper()} {path} leaves {one['name']} without a maximum."
        for method, path, operation in operations(spec)
        for one in items_of(at(spec, "paths", path), "parameters")
        + items_of(operation, "parameters")
        if one.get("in") == "query" and open_end(at(one, "schema"))
    ]
