# The query stands in the URL already.
# %%build calls.py
from urllib.parse import quote, urlencode

from boxoffice.spec import operations


def build_call(spec, operation_id, values, body=None):
    known = {one["operationId"]: (method, path, one) for method, path, one in operations(spec)}
    if operation_id not in known:
        raise ValueError(f"no operation {operation_id}")
    method, path, operation = known[operation_id]
    places = {one["name"]: one["in"] for one in operation.get("parameters", [])}
    if not set(values) <= set(places):
        raise ValueError(f"unknown: {set(values) - set(places)}")
    try:
        url = path.format(**{name: quote(str(value), "") for name, value in values.items()})
    except KeyError as name:
        raise ValueError(f"{name} is missing") from None
    asked = {name: value for name, value in values.items() if places[name] == "query"}
    headers = {name: str(value) for name, value in values.items() if places[name] == "header"}
    call = {"method": method.upper(), "url": url + ("?" + urlencode(asked) if asked else "")}
    if "requestBody" in operation:
        call["json"] = body
    return {**call, "headers": headers}
