# says: NameError: name 'id_of_performance' is not defined
# says: Nothing bears the name `id_of_performance`
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=id_of_performance) is None:
        raise HTTPException(404, "There is no such performance.")
