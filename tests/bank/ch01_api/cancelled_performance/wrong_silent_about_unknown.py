# says: 204 says that something was removed, and nothing was
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    await performances.delete_performance(performance_id=performance_id)
