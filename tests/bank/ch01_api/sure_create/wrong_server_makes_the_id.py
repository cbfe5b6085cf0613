# says: If the server makes an id of its own
# says: the house has the show twice
# create_show, as for POST
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show | None:
    if show_id not in shows:
        return None
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    show = await shows.replace_show(show_id=show_id, new=new)
    if show is None:
        show = await shows.create_show(new=new)
        response.status_code = 201
        response.headers["Location"] = f"/v1/shows/{show.id}"
    return show
