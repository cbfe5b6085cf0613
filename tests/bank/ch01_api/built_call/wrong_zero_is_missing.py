# says: 0 is a value, too
# %%build calls.py
"""Calls made from a document, for clients that do not want to be generated."""

from urllib.parse import quote

from boxoffice.spec import Node, items_of, operations


def build_call(
    spec: Node, operation_id: str, values: dict[str, object], body: object = None
) -> dict[str, object]:
    """What `httpx.Client.request` needs for one operation, or raise `ValueError`."""
    for method, path, operation in operations(spec):
        if operation.get("operationId") == operation_id:
            break
    else:
        raise ValueError(f"There is no operation {operation_id!r}.")
    left, url = dict(values), path
    params: dict[str, object] = {}
    headers: dict[str, object] = {}
    for parameter in items_of(operation, "parameters"):
        name = str(parameter["name"])
        value = left.pop(name, None)
        if not value:
            continue
        match parameter["in"]:
            case "path":
                # safe="": a `/` in a value is part of the value.
                url = url.replace("{" + name + "}", quote(str(value), safe=""))
            case "query":
                params[name] = value
            case "header":
                headers[name] = str(value)
    if left:
        raise ValueError(f"{operation_id} takes no {', '.join(left)}.")
    # A brace of the path itself; one in a value is escaped by now.
    if "{" in url:
        raise ValueError(f"{operation_id} needs a value for each part of {path}.")
    sent = body if "requestBody" in operation else None
    return {"method": method, "url": url, "params": params, "headers": headers, "json": sent}
