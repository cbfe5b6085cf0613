# says: which an `if` takes for true
# %%build services/shows.py::delete_show
async def delete_show(store: Store, *, show_id: UUID, version: int | None) -> None:
    """Delete the `version` that the editor saw (`None`: whichever), or raise `ShowChanged`."""
    show = await find_show(store, show_id=show_id)
    if version not in (None, show.version):
        raise ShowChanged(show_id)
    if store.performances.select(where={"show_id": show_id}, limit=1):
        raise ShowHasPerformances(show_id)
    await store.shows.remove(show_id)

# %%build api/shows.py::delete_show
@router.delete("/shows/{show_id}", status_code=204)
async def delete_show(show_id: UUID, version: SeenVersion, store: StoreDep) -> None:
    await shows.delete_show(store, show_id=show_id, version=version)
