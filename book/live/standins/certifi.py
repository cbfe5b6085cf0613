# package: certifi
# version: 2026.10.18
"""The list of who may vouch for a server: in a tab nobody is asked, for the browser does that."""


def where() -> str:
    raise OSError("Python in a browser tab opens no connections, so it has no certificates.")


def contents() -> str:
    return ""
