# says: an answer cell is as it was given
# says: the cell `%%build services/shows.py::delete_show`
# %%build services/shows.py::delete_show
async def delete_show(store: Store, *, show_id: UUID, version: int | None) -> None:
    """Delete the `version` that the editor saw (`None`: whichever), or raise `ShowChanged`."""
    # YOUR CODE HERE
    raise NotImplementedError()

# %%build api/shows.py::delete_show
@router.delete("/shows/{show_id}", status_code=204)
async def delete_show(show_id: UUID, version: SeenVersion, store: StoreDep) -> None:
    await shows.delete_show(store, show_id=show_id, version=version)
