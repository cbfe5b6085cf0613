# says: This is 200 for everything: the bad news is inside
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}")
async def delete_performance(performance_id: UUID) -> dict[str, str]:
    if await performances.delete_performance(performance_id=performance_id) is None:
        return {"error": "there is no such performance"}
    return {"result": "cancelled"}
