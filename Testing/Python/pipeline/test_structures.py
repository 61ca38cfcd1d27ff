from __future__ import annotations

import pytest

from vistaseg import catalog
from vistaseg.errors import UsageError
from vistaseg.pipeline.structures import RequestedStructures, names


def test_a_structure_that_stands_for_several_is_asked_as_these():
    asked, left_out = RequestedStructures.parse("kidney, liver", None).ids_for(range(1, 133), "Model")
    assert asked == (14, 5, 1) and left_out == ()


def test_neither_classes_nor_preset_asks_for_everything():
    asked, left_out = RequestedStructures().ids_for(range(1, 133), "Model")
    assert set(asked) == set(catalog.everything()) and left_out == ()


def test_named_classes_come_first_and_none_twice():
    asked, _ = RequestedStructures.parse("spleen", "abdomen").ids_for(range(1, 133), "Model")
    assert asked[0] == 3 and len(asked) == len(set(asked)) == 13


def test_a_term_for_several_may_be_answered_in_part_and_a_single_class_may_not():
    asked, left_out = RequestedStructures.parse("kidney, liver", None).ids_for((1, 5), "Model")
    assert asked == (5, 1) and left_out == (14,)
    with pytest.raises(UsageError, match="Model does not know right kidney. Leave it out"):
        RequestedStructures.parse("kidney, right kidney", None).ids_for((1, 14), "Model")


def test_a_term_of_which_nothing_is_known_is_named_as_it_was_typed():
    with pytest.raises(UsageError, match="Model does not know Lungs, stomach. Leave it out"):
        RequestedStructures.parse("liver, Lungs, 12", None).ids_for((1,), "Model")


def test_only_a_preset_may_be_answered_in_part():
    assert RequestedStructures.parse(None, "abdomen").ids_for((1, 3), "Model")[0] == (1, 3)
    with pytest.raises(UsageError, match="Model does not know spleen. Leave it out"):
        RequestedStructures.parse("spleen, liver", "abdomen").ids_for((1,), "Model")


@pytest.mark.parametrize("count", [1, 7, 8, 40])
def test_a_long_list_of_names_is_cut_short_and_counted(count):
    text = names(catalog.everything()[:count])
    listed = text.split(" and ")[0].split(", ")
    more = int(text.split(" and ")[1].split()[0]) if count > 7 else 0
    assert len(listed) + more == count and more != 1
