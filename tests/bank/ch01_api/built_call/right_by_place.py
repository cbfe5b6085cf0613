# %%build calls.py
from urllib.parse import quote

from boxoffice.spec import Node, items_of, operations


def build_call(
    spec: Node, operation_id: str, values: dict[str, object], body: object = None
) -> dict[str, object]:
    method, path, operation = find_operation(spec, operation_id)
    sorted_out: dict[str, dict[str, object]] = {"path": {}, "query": {}, "header": {}}
    places = {str(one["name"]): str(one["in"]) for one in items_of(operation, "parameters")}
    for name, value in values.items():
        if name not in places:
            raise ValueError(name)
        sorted_out[places[name]][name] = value
    for name, place in places.items():
        if place == "path":
            if name not in values:
                raise ValueError(f"{name} is missing")
            path = path.replace(f"{{{name}}}", quote(str(sorted_out["path"][name]), safe=""))
    return {
        "method": method,
        "url": path,
        "params": sorted_out["query"],
        "headers": {name: str(value) for name, value in sorted_out["header"].items()},
        "json": body if operation.get("requestBody") else None,
    }


def find_operation(spec: Node, operation_id: str) -> tuple[str, str, Node]:
    for found in operations(spec):
        if found[2]["operationId"] == operation_id:
            return found
    raise ValueError(operation_id)
