"""The order flow that Larder is compared with, against a real server."""

from collections.abc import Callable

from benchmarks.peers import buying
from benchmarks.peers.flow import Conversation
from benchmarks.peers.larder.system import LarderBuyer
from tests.conftest import Person
from tests.http.conftest import token_for
from tests.server import Server


def test_larder_sells_its_stock_and_sums_the_lines(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    few = product(stock=20)
    buyer = LarderBuyer(token_for(person()))
    with Conversation(server.port) as conversation:
        assert buying.outcome(conversation, buyer, [(few, 12), (few, 12)]) == "refused"
        assert buying.outcome(conversation, buyer, [(few, 12), (product(), 1)]) == "sold"
        assert buying.outcome(conversation, buyer, [(few, 9)]) == "refused"
        assert buying.outcome(conversation, buyer, [(few, 8)]) == "sold"


def test_concurrent_buyers_get_exactly_the_stock_of_larder(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    few = product(stock=20)
    buyers = [LarderBuyer(token_for(person())) for _ in range(60)]
    answers = buying.rush(server.port, buyers, few)
    assert (answers.count("sold"), answers.count("refused")) == (20, 40)
