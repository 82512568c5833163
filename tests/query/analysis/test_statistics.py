"""Statistics against published tables."""

import numpy as np
import pytest

from traceo.query.analysis.statistics import (
    adjust,
    chi_square,
    chi_square_tail,
    cohen_h,
    compare_shares,
    effective_size,
    either,
    fisher_exact,
    rank_biserial,
)

# Fisher's lady tasting tea; Agresti 1990, p. 61; R's fisher.test(matrix(c(3, 1, 1, 3), 2)) and of c(12, 5, 29, 2).
FISHER = [((3, 1, 1, 3), 0.4857142857), ((4, 0, 0, 4), 0.0285714286), ((1, 9, 11, 3), 0.002759456)]


@pytest.mark.parametrize(("table", "expected"), FISHER, ids=str)
def test_fisher_exact(table: tuple[int, int, int, int], expected: float) -> None:
    assert fisher_exact(*table) == pytest.approx(expected, rel=1e-6)


def test_benjamini_hochberg_of_their_paper() -> None:
    """The 15 p-values of the paper's example: four are rejected at 0.05."""
    values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
    ]
    adjusted = adjust(values)
    assert (adjusted < 0.05).sum() == 4
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
    assert list(adjust(values[::-1])) == pytest.approx(list(adjusted[::-1]))
    assert (np.diff(adjusted) >= 0).all()


def test_tests_that_are_not_given_count() -> None:
    assert list(adjust([0.001, 0.01], 100)) == pytest.approx([0.1, 0.5])
    assert list(adjust([])) == []


def test_large_shares_by_the_normal_approximation() -> None:
    """45 of 100 against 60 of 100: z = 2.1240."""
    assert compare_shares((0.45, 0.60), (100, 100)) == pytest.approx(0.033668, rel=1e-3)
    assert compare_shares((0.5, 0.5), (100, 100)) == pytest.approx(1.0)


@pytest.mark.parametrize("sizes", [(0.0, 10.0), (10.0, 0.0)])
def test_nothing_to_compare_is_no_difference(sizes: tuple[float, float]) -> None:
    assert compare_shares((0.0, 1.0), sizes) == 1.0


def test_small_shares_are_tested_exactly() -> None:
    assert compare_shares((0.75, 0.25), (4, 4)) == pytest.approx(0.4857142857)


def test_effect_sizes() -> None:
    assert cohen_h((0.5, 0.5)) == 0
    assert cohen_h((1.0, 0.0)) == pytest.approx(np.pi)
    assert cohen_h((0.65, 0.45)) == pytest.approx(0.4041, abs=1e-3)
    assert rank_biserial(17, (5, 4)) == pytest.approx(0.7)  # of the textbook's men and women
    assert effective_size(10.0, 10.0) == 10 and effective_size(100.0, 5000.0) == 2


# Critical values of the table in Abramowitz and Stegun, 26.8.
CHI_SQUARE = [(3.84146, 1, 0.05), (5.99146, 2, 0.05), (7.81473, 3, 0.05), (23.2093, 10, 0.01), (124.342, 100, 0.05)]


@pytest.mark.parametrize(("square", "degrees", "expected"), CHI_SQUARE, ids=str)
def test_tail_of_chi_square(square: float, degrees: int, expected: float) -> None:
    assert chi_square_tail(square, degrees) == pytest.approx(expected, rel=1e-4)


def test_chi_square_of_a_table() -> None:
    """Snedecor's 2 x 2 table: 15 of 80 against 5 of 80; 5.714 with one degree of freedom."""
    p_value, effect = chi_square(0.0, [(15, 5), (65, 75)], 0, (80, 80))
    assert p_value == pytest.approx(0.01683, rel=1e-3)
    assert effect == pytest.approx(0.173, abs=1e-3)  # without the correction: 0.189
    assert chi_square(0.0, [(50, 0), (0, 50)], 0, (50, 50))[1] == pytest.approx(1.0)


@pytest.mark.parametrize("cells", [[], [(50, 50)], [(50, 50), (0.2, 0)]], ids=str)
def test_a_table_of_one_row_is_no_difference(cells: list[tuple[float, float]]) -> None:
    assert chi_square(0.0, cells, 0, (50, 50)) == (1.0, 0.0)


def test_the_choice_between_tests_is_corrected() -> None:
    assert either(0.01, 0.3) == 0.02
    assert either(float("nan"), 0.3) == 0.3
    assert either(float("nan")) == either(0.9, 0.8) == 1.0
