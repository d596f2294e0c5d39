"""Categories by name or path."""

from hypothesis import given
from hypothesis import strategies as st

from larder.catalog.queries import MAX_CATEGORY_LEVELS, CategoryNames

NAMES = CategoryNames(
    {
        1: ("Drinks", None),
        2: ("Tea", 1),
        3: ("Gifts", None),
        4: ("Tea", 3),
        5: ("Salt / Pepper", 3),
        6: ("7", None),
        7: ("Tea", None),
    }
)


def test_a_category_is_found_by_its_name_or_its_path() -> None:
    texts = ("Tea", "drinks/tea", "Salt/Pepper", "Cake", "")
    assert [[*NAMES.find(text)] for text in texts] == [[2, 4, 7], [2], [5], [], []]


def test_a_name_of_digits_is_labelled_by_its_id() -> None:
    assert [NAMES.label(id) for id in (2, 5, 6)] == ["Drinks / Tea", "Gifts / Salt / Pepper", "6"]


TREES = st.lists(
    st.tuples(st.sampled_from(["Tea", "tea", "A / B", "A", "B", "12", " B", "/"]), st.integers()),
    max_size=12,
)


@given(TREES)
def test_a_label_finds_its_category_and_no_other(tree: list[tuple[str, int]]) -> None:
    """Each category has one of those before it as its parent, or none."""
    nodes = {at: (name, above % at or None) for at, (name, above) in enumerate(tree, start=1)}
    names = CategoryNames(nodes)
    for node in nodes:
        label = names.label(node)
        assert label == str(node) if label.isdecimal() else [*names.find(label)] == [node]


def test_a_path_has_a_bounded_length() -> None:
    names = CategoryNames({at: ("x", at - 1 or None) for at in range(1, 3_000)})
    assert names.path(2_999).count("x") == MAX_CATEGORY_LEVELS
    assert CategoryNames({1: ("x", 2), 2: ("y", 1)}).path(1).count("x") == MAX_CATEGORY_LEVELS / 2
