# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> tuple[Show, bool]:
    """The show, and whether it is new."""
    is_new = show_id not in shows
    show = Show(id=show_id, **new.model_dump())
    shows[show_id] = show
    return show, is_new

# %%build api/shows.py::replace_show
from fastapi.responses import JSONResponse


@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn) -> Response:
    show, is_new = await shows.replace_show(show_id=show_id, new=new)
    body = show.model_dump(mode="json")
    if is_new:
        return JSONResponse(body, 201, headers={"Location": f"/v1/shows/{show_id}"})
    return JSONResponse(body)
