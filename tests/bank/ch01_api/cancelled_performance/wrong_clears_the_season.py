# says: Only the performance that the URL names may go
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(404, "There is no such performance.")
    performances.performances.clear()
