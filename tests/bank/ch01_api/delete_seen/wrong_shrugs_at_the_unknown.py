# says: Ask first whether the show is there
# %%build services/shows.py::delete_show
async def delete_show(store: Store, *, show_id: UUID, version: int | None) -> None:
    """Delete the `version` that the editor saw (`None`: whichever), or raise `ShowChanged`."""
    show = await store.shows.get(show_id)
    if show is None:
        return
    if version not in (None, show.version):
        raise ShowChanged(show_id)
    if await store.performances.select(where={"show_id": show_id}, limit=1):
        raise ShowHasPerformances(show_id)
    await store.shows.remove(show_id)

# %%build api/shows.py::delete_show
@router.delete("/shows/{show_id}", status_code=204)
async def delete_show(show_id: UUID, version: SeenVersion, store: StoreDep) -> None:
    await shows.delete_show(store, show_id=show_id, version=version)
