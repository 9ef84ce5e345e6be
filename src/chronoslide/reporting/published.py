"""The paper's published results, which the report prints beside ours, labelled as the paper's.

Bhuyan, Meena, Nava, van Westen, Floris and Catani (2023), "Mapping landslides through a temporal lens", GIScience &
Remote Sensing 60(1), 2182057. Its scenes are RapidEye's; ours may be another data set, so the two are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SOURCE = "Bhuyan et al. (2023), GIScience & Remote Sensing 60(1), 2182057; RapidEye scenes"
AREA_KM2 = 33.0
BEST_SETTING = "f 32, batch 32, learning rate 0.001, beta 0.7: loss 0.188, precision 0.850, recall 0.731, F1 0.785"
"""Of the paper's Table 2."""


@dataclass(frozen=True, slots=True)
class PublishedYear:
    """One year of the paper's results for the investigation area.

    Attributes:
        year: Of the scene.
        loss: Tversky loss of the model on the year.
        precision: Of the pixels, as printed.
        recall: Of the pixels, as printed.
        f1: Of the pixels, as printed.
        manual_number: Landslides of the manual inventory (T_L, MI).
        manual_area_m2: Their total area (TA_L, MI).
        manual_minimum_m2: Area of the smallest.
        manual_maximum_m2: Area of the largest.
        predicted_number: The same four of the predicted inventory (PI); also "detected" in the paper's Table 3.
        predicted_area_m2: Total area.
        predicted_minimum_m2: Area of the smallest.
        predicted_maximum_m2: Area of the largest.
        manual_density: Landslide density of the manual inventory (Table 5).
        predicted_density: Landslide density of the predicted inventory (Table 5).
    """

    year: int
    loss: float
    precision: float
    recall: float
    f1: float
    manual_number: int
    manual_area_m2: float
    manual_minimum_m2: float
    manual_maximum_m2: float
    predicted_number: int
    predicted_area_m2: float
    predicted_minimum_m2: float
    predicted_maximum_m2: float
    manual_density: float
    predicted_density: float


YEARS: tuple[PublishedYear, ...] = tuple(
    PublishedYear(*row)
    for row in (  # one line a year, as in the paper's tables
        (2013, 0.320, 0.752, 0.651, 0.697, 31, 513304.8, 216.3, 148948.1, 38, 369595.9, 215.24, 186958, 3.22, 2.59),
        (2014, 0.165, 0.762, 0.696, 0.727, 26, 438778.5, 515.7, 150759.3, 53, 437334.0, 206.1, 170278, 3.62, 6.64),
        (2015, 0.340, 0.843, 0.450, 0.586, 136, 1855911.8, 276.4, 145380.5, 108, 1336636.5, 264.0, 224417, 16.46, 11.47),  # noqa: E501
        (2016, 0.205, 0.927, 0.603, 0.731, 95, 1796221.2, 768.3, 137397.8, 117, 1633912.1, 202.6, 405951, 8.37, 11.54),
        (2017, 0.175, 0.882, 0.724, 0.795, 63, 1188037.6, 724.5, 141102.3, 73, 1048197.0, 217.1, 255057, 6.16, 7.46),
        (2018, 0.290, 0.753, 0.633, 0.688, 55, 1315124.4, 724.5, 141102.3, 75, 1011351.6, 202.6, 254061, 4.85, 7.35),
        (2019, 0.362, 0.600, 0.759, 0.669, 52, 1222396.5, 724.5, 112723.0, 87, 1036097.9, 214.6, 155752, 4.70, 6.99),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """A figure that follows from the published tables, beside the one that the paper prints.

    Attributes:
        name: What it is.
        computed: From the published tables.
        printed: In the paper.
    """

    name: str
    computed: float
    printed: float

    @property
    def remark(self) -> str:
        """Says whether the paper's figure follows from its own tables."""
        if abs(self.computed - self.printed) <= 0.0051:  # printed with two decimals
            return f"{self.name}: {self.computed:.3f}, as printed ({self.printed})"
        return f"{self.name}: {self.computed:.3f} from the paper's tables, printed as {self.printed}"


def published_year(year: int) -> PublishedYear | None:
    """The paper's results for a year, or None for a year that it does not cover."""
    return next((row for row in YEARS if row.year == year), None)


def checks() -> tuple[Check, ...]:
    """What the paper's own tables yield, beside what it prints."""
    f1 = {row.year: row.f1 for row in YEARS}
    last = YEARS[-1]
    return (
        Check("Pearson r of the numbers of landslides", _pearson("number"), 0.85),
        Check("Pearson r of the total landslide areas", _pearson("area_m2"), 0.98),
        Check("mean F1 of the seven years", float(np.mean(list(f1.values()))), 0.70),
        Check(
            "mean F1 of the years the model was not trained on",
            float(np.mean([value for year, value in f1.items() if year != 2016])),
            0.69,
        ),
        Check("density difference of 2019", last.predicted_density - last.manual_density, 2.25),
    )


def _pearson(quantity: str) -> float:
    manual = [getattr(row, f"manual_{quantity}") for row in YEARS]
    predicted = [getattr(row, f"predicted_{quantity}") for row in YEARS]
    return float(np.corrcoef(manual, predicted)[0, 1])
