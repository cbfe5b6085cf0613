"""Run in the tab's Python: the cells of a notebook through IPython, as its kernel runs them."""

import importlib
import json
import re
import time

COLOURS = re.compile(r"\x1b\[[0-9;]*m")


async def run_notebook(text: str, name: str) -> int:
    """Run the code cells in order, print what each shows; the number of those that failed."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(colors="nocolor")
    importlib.import_module("coursekit.tab.startup")
    failed = []
    for index, cell in enumerate(json.loads(text)["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        tags = cell["metadata"].get("tags", [])
        begun = time.monotonic()
        with capture_output() as shown:
            ready = shell.transform_cell(source)
            if shell.should_run_async(source, transformed_cell=ready):
                result = await shell.run_cell_async(
                    source, store_history=True, transformed_cell=ready
                )
            else:
                result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        expected = "raises-exception" in tags
        print(
            f"--- {name} [{index}] {time.monotonic() - begun:.2f} s  {source.splitlines()[0][:90]}"
        )
        print(COLOURS.sub("", shown.stdout + shown.stderr).rstrip())
        for output in shown.outputs:
            print(output.data.get("text/plain", "").rstrip())
        if error is not None and not expected:
            failed.append((index, f"{type(error).__name__}: {str(error)[:300]}"))
    print(f"=== {name}: {len(failed)} failed")
    for index, words in failed:
        print(f"  [{index}] {words}")
    return len(failed)
