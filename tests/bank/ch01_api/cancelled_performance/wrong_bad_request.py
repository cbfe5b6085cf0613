# says: 404 is the status for a URL that names nothing
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(400, "There is no such performance.")
