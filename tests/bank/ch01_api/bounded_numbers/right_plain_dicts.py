# Walks the document with its own hands.
# %%build lint.py::find_unbounded
from boxoffice.spec import Node, at, items_of, operations, resolve


def find_unbounded(spec: Node) -> list[str]:
    found = []
    for path, item in spec["paths"].items():
        for method in ("get", "put", "post", "delete", "patch"):
            if method not in item:
                continue
            for parameter in item.get("parameters", []) + item[method].get("parameters", []):
                if parameter["in"] != "query":
                    continue
                whole = is_open = False
                waiting = [parameter["schema"]]
                bounded = False
                while waiting:
                    schema = waiting.pop()
                    if "$ref" in schema:
                        schema = spec["components"]["schemas"][schema["$ref"].split("/")[-1]]
                    waiting += schema.get("anyOf", [])
                    kinds = schema.get("type", [])
                    whole = whole or "integer" in ([kinds] if isinstance(kinds, str) else kinds)
                    bounded = bounded or {"maximum", "exclusiveMaximum"} & set(schema)
                is_open = whole and not bounded
                if is_open:
                    name = parameter["name"]
                    found.append(f"{method.upper()} {path} leaves {name} without a maximum.")
    return found
