"""SIGKILL in the middle of delivering: a short run of the benchmark's row `kill`."""

from tests.benchmarks.kill import endure


async def test_killed_again_and_again_marketing_arrives_once_and_the_rest_surely(database_url: str) -> None:
    toll = await endure(database_url, 1_500, 8, wait_for_leases=False)
    assert len(toll.in_flight) == 8
    assert sum(toll.in_flight.values()) > 0, "no kill hit anything"
    assert toll.holds, toll
