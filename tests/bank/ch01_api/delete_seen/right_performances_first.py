# %%build services/shows.py::delete_show
async def delete_show(store: Store, *, show_id: UUID, version: int | None) -> None:
    """Delete the `version` that the editor saw (`None`: whichever), or raise `ShowChanged`."""
    show = await find_show(store, show_id=show_id)
    staged = await store.performances.select(where={"show_id": show_id})
    if len(staged) > 0:
        raise ShowHasPerformances(show_id)
    match version:
        case None:
            pass
        case show.version:
            pass
        case _:
            raise ShowChanged(show_id)
    await store.shows.remove(show.id)

# %%build api/shows.py::delete_show
@router.delete("/shows/{show_id}", status_code=204)
async def delete_show(show_id: UUID, version: SeenVersion, store: StoreDep) -> None:
    return await shows.delete_show(store, version=version, show_id=show_id)
