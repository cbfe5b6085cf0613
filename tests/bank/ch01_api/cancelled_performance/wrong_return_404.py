# says: `return 404` gives a body, not a status
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        return 404
