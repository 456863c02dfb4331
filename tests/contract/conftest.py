import pytest
from tests.contract.cases import CASES


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param
