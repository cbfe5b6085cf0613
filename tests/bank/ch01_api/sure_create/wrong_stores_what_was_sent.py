# says: It gave a `ShowIn`, which is what was sent and has no id. Give a `Show`
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show:
    shows[show_id] = new
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    if await shows.find_show(show_id=show_id) is None:
        response.status_code = 201
        response.headers["Location"] = f"/v1/shows/{show_id}"
    return await shows.replace_show(show_id=show_id, new=new)
