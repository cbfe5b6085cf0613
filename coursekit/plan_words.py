"""PostgreSQL's plan steps in plain words."""

from __future__ import annotations

from collections.abc import Mapping

Raw = Mapping[str, object]

WORDS = {
    "Append": "gives the rows of one input after the other",
    "BitmapAnd": "keeps the places that every index named",
    "BitmapOr": "keeps the places that any of the indexes named",
    "CTE Scan": "reads the rows of the WITH query {cte}",
    "Foreign Scan": "asks another server for rows",
    "Function Scan": "reads the rows that a function makes",
    "Gather": "starts worker processes and collects their rows",
    "Gather Merge": "starts worker processes and merges their rows in order",
    "Group": "makes one row of each group",
    "Hash": "puts the rows into a hash table, to be found by their key",
    "Incremental Sort": "finishes an order that is half there already",
    "Limit": "stops as soon as there are enough rows",
    "LockRows": "locks each row for this transaction",
    "Materialize": "keeps the rows in memory, as they are read again",
    "Memoize": "remembers what came for each key, and spares the step below",
    "Merge Append": "merges inputs that are in order already",
    "Merge Join": "walks two ordered inputs side by side and matches them",
    "Nested Loop": "takes each row of the first input and runs the second for it",
    "ProjectSet": "makes several rows out of each",
    "Recursive Union": "feeds its own rows back until no new ones come",
    "Result": "makes rows without reading a table",
    "Sample Scan": "reads a sample of the table {table}",
    "SetOp": "compares two sets of rows",
    "Subquery Scan": "reads the rows of a subquery",
    "Table Function Scan": "reads the rows that a function makes",
    "Tid Range Scan": "goes straight to a range of places in {table}",
    "Tid Scan": "goes straight to the places of rows in {table}",
    "Unique": "drops repeated rows",
    "Values Scan": "reads the rows that the query itself lists",
    "WindowAgg": "computes over the rows around each row, and keeps them all",
    "WorkTable Scan": "reads the rows of the round before",
}
AGGREGATES = {
    "Plain": ("Aggregate", "makes one row out of all"),
    "Sorted": ("GroupAggregate", "makes one row of each group; the rows come in order"),
    "Hashed": ("HashAggregate", "makes one row of each group, in a hash table"),
    "Mixed": ("MixedAggregate", "makes one row of each group, for several groupings"),
}
JOINS = {
    "Left": "; keeps rows of the first without a match",
    "Right": "; keeps rows of the second without a match",
    "Full": "; keeps rows without a match of both",
    "Semi": "; one match is enough",
    "Anti": "; keeps the rows without a match",
    "Right Semi": "; one match is enough",
    "Right Anti": "; keeps the rows of the second without a match",
}
WHEN = {
    "CTE": "done once, for all steps that read it",
    "InitPlan": "done once, when it is first needed",
    "SubPlan": "done when a row above asks for it",
}
CHANGES = {
    "Insert": "writes the rows into {table}, and into each of its indexes",
    "Update": "writes a new version of each row of {table}",
    "Delete": "marks the rows of {table} as deleted",
    "Merge": "inserts, updates or deletes rows of {table}",
}


def _text(raw: Raw, key: str) -> str:
    return str(raw.get(key, ""))


def _count(raw: Raw, key: str) -> int:
    value = raw.get(key, 0)
    return round(value) if isinstance(value, int | float) else 0


def name_of(raw: Raw) -> str:
    """The name that PostgreSQL's manual and its text format use."""
    name = _text(raw, "Node Type")
    join = _text(raw, "Join Type")
    if name == "Aggregate":
        name = AGGREGATES.get(_text(raw, "Strategy"), (name, ""))[0]
        mode = _text(raw, "Partial Mode")
        name = f"{mode} {name}" if mode in {"Partial", "Finalize"} else name
    elif name == "ModifyTable":
        name = _text(raw, "Operation") or name
    elif name == "Nested Loop" and join not in {"", "Inner"}:
        name = f"Nested Loop {join} Join"
    elif name in {"Hash Join", "Merge Join"} and join not in {"", "Inner"}:
        name = f"{name.split()[0]} {join} Join"
    elif name == "SetOp":
        name = f"{'HashSetOp' if _text(raw, 'Strategy') == 'Hashed' else name} {raw.get('Command')}"
    elif raw.get("Scan Direction") == "Backward":
        name += " Backward"
    return f"Parallel {name}" if raw.get("Parallel Aware") else name


def title_of(raw: Raw) -> str:
    """Name, index and table, as in "Index Scan using hold_pkey on hold"."""
    words = [name_of(raw)]
    index, table = _text(raw, "Index Name"), _text(raw, "Relation Name")
    if index:
        words.append(f"using {index}" if table else f"on {index}")
    alias = _text(raw, "Alias")
    source = table or _text(raw, "CTE Name") or _text(raw, "Function Name")
    if source:
        words.append(f"on {source}")
    if alias and alias != source:
        words.append(alias if source else f"on {alias}")
    owner = _text(raw, "Subplan Name")
    return f"{owner}: {' '.join(words)}" if owner else " ".join(words)


def what_it_does(raw: Raw) -> str:
    """One phrase in plain words; empty for a step that this version does not know."""
    kind, table, index = (_text(raw, k) for k in ("Node Type", "Relation Name", "Index Name"))
    ordered = ", from its end" if raw.get("Scan Direction") == "Backward" else ""
    words = WORDS.get(kind, "")
    if kind == "Seq Scan":
        words = "reads the whole table {table}"
        words += ", shared among the processes" if raw.get("Parallel Aware") else ""
    elif kind in {"Index Scan", "Index Only Scan"}:
        words = _through_index(raw, kind) + ordered
    elif kind == "Bitmap Index Scan":
        words = "notes in {index} on which pages the rows stand"
    elif kind == "Bitmap Heap Scan":
        words = "reads those pages of {table}, each once"
    elif kind == "Hash Join":
        words = "looks each row up in the hash table"
    elif kind == "Sort":
        top = _text(raw, "Sort Method").startswith("top-N")
        words = "keeps the first rows of the order alone" if top else "puts the rows in order"
    elif kind == "Aggregate":
        words = AGGREGATES.get(_text(raw, "Strategy"), ("", ""))[1]
        words += {"Partial": ", in each process", "Finalize": ", from their parts"}.get(
            _text(raw, "Partial Mode"), ""
        )
    elif kind == "ModifyTable":
        words = CHANGES.get(_text(raw, "Operation"), "")
    elif kind == "Gather" or kind == "Gather Merge":
        words += _workers(raw)
    words += JOINS.get(_text(raw, "Join Type"), "") if kind in {
        "Nested Loop", "Hash Join", "Merge Join",
    } else ""  # fmt: skip
    words = words.replace("{table}", table).replace("{index}", index)
    words = words.replace("{cte}", _text(raw, "CTE Name"))
    when = WHEN.get(_text(raw, "Subplan Name").split(" ")[0], "")
    return f"{words}; {when}" if words and when else words or when


def _through_index(raw: Raw, kind: str) -> str:
    found = raw.get("Index Cond") or raw.get("Order By")
    if kind == "Index Only Scan":
        how = "" if found else ", all of it"
        return "answers from the index {index} alone" + how
    if found:
        return "finds the rows of {table} through the index {index}"
    return "walks the whole index {index} in order and fetches each row of {table}"


def _workers(raw: Raw) -> str:
    planned, launched = _count(raw, "Workers Planned"), _count(raw, "Workers Launched")
    helpers = f"{launched} {'worker' if launched == 1 else 'workers'} helped"
    return f"; {helpers}" + (f" of {planned} planned" if launched < planned else "")


def size(kilobytes: float) -> str:
    return f"{kilobytes / 1024:,.1f} MB" if kilobytes >= 1024 else f"{kilobytes:,.0f} kB"


def notes_on(raw: Raw, loops: int) -> list[str]:
    """Memory, disk and other facts of one step; what deserves a look begins with "!"."""
    if not loops:
        return []
    notes = _memory(raw)
    if _count(raw, "Lossy Heap Blocks"):
        notes.append("! forgot single rows and re-read whole pages: work_mem is too small for it")
    fetches = _count(raw, "Heap Fetches")
    if fetches:
        notes.append(f"looked into the table {fetches:,} times all the same: VACUUM spares that")
    searches = _count(raw, "Index Searches")
    if searches > loops:
        notes.append(f"jumped to {searches:,} places of the index instead of reading it through")
    if "Cache Hits" in raw:
        hits, misses = _count(raw, "Cache Hits"), _count(raw, "Cache Misses")
        notes.append(f"remembered {hits:,} times, asked {misses:,} times")
    for key in ("Conflicting Tuples", "Tuples Inserted", "Tuples Updated", "Tuples Deleted"):
        if key in raw:
            notes.append(f"{key}: {_count(raw, key):,}")
    return notes


def _memory(raw: Raw) -> list[str]:
    workers = raw.get("Workers")
    parts = [raw, *(workers if isinstance(workers, list) else [])]
    disk = memory = 0.0
    for part in parts:
        used = _count(part, "Sort Space Used")
        on_disk = part.get("Sort Space Type") == "Disk"
        disk += (used if on_disk else 0) + _count(part, "Disk Usage")
        memory += 0 if on_disk else used
        if part.get("Storage") == "Disk":
            disk += _count(part, "Maximum Storage")
    for kind in ("Full-sort", "Pre-sorted"):
        groups = raw.get(f"{kind} Groups")
        if isinstance(groups, Mapping):
            for place, unit in (("Disk", "Disk"), ("Memory", "Memory")):
                space = groups.get(f"Sort Space {place}")
                peak = _count(space, "Peak Sort Space Used") if isinstance(space, Mapping) else 0
                disk, memory = (
                    (max(disk, peak), memory) if unit == "Disk" else (disk, max(memory, peak))
                )
    if raw.get("Node Type") == "Hash Join" and _count(raw, "Temp Written Blocks"):
        own = _count(raw, "Temp Written Blocks") - _temp_below(raw)
        disk += max(own, 0) * 8
    batches = _count(raw, "Hash Batches")
    if disk:
        return [f"! spilled {size(disk)} to disk: work_mem is too small for it"]
    if batches > 1:
        return [f"! split the hash table into {batches} parts to disk: work_mem is too small"]
    memory = memory or _count(raw, "Peak Memory Usage")
    return [f"took {size(memory)} of memory"] if memory else []


def _temp_below(raw: Raw) -> int:
    """Blocks that other steps than the join's own hash table wrote."""
    below = raw.get("Plans")
    total = 0
    for child in below if isinstance(below, list) else []:
        hashed = child.get("Node Type") == "Hash"
        grand = child.get("Plans")
        parts = grand if hashed and isinstance(grand, list) else [child]
        total += sum(_count(part, "Temp Written Blocks") for part in parts)
    return total
