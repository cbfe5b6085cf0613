# package: certifi
# version: 2026.10.18
"""The list of who may vouch for a server: in a tab nobody is asked, for the browser does that.

Clients read the list when they are made, also those that speak plain HTTP to an application in
this tab. So there is one entry, whose key was thrown away.
"""

import tempfile
from functools import cache
from pathlib import Path

NOBODY = """\
-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUGbOf5MFTT1OJg/lqICMfnOozlJwwCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGbm9ib2R5MCAXDTI2MTEyMzEyNTAwNFoYDzIxMjYxMDMwMTI1
MDA0WjARMQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AAT+X/cmuhXjpKHihucO5CCe/UgglF29sfiCcEv6O3Z8ZzE+K17r1SfnHmfYTtvI
sDCdawmgbtG5MGXw0tngavGgo1MwUTAdBgNVHQ4EFgQUE9bWQMkdI6lbbAqAvb39
+t+QIaIwHwYDVR0jBBgwFoAUE9bWQMkdI6lbbAqAvb39+t+QIaIwDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEAvyey3DvVqxSm+ylJaoDSLTCSleal
19C6kcdxsy984P0CICpkyyNBkx6p8M7rCeMki9cfj5J/7y+POVsShfDjxnJA
-----END CERTIFICATE-----
"""


@cache
def where() -> str:
    path = Path(tempfile.gettempdir(), "certificates.pem")
    path.write_text(NOBODY)
    return str(path)


def contents() -> str:
    return NOBODY
