# says: An `async` function that nobody awaits never runs
# says: if performances.delete_performance(performance_id=performance_id)
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(404, "There is no such performance.")
