"""The lives of landslides: which fail, grow, merge, split, heal and fail again from year to year.

The result is the answer key of a multi-temporal inventory: what an ideal mapper would see in each year, each
landslide with one identity through time and the state that DOMAIN's definitions give it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage
from shapely.geometry import Polygon

from chronoslide.simulate.fields import FloatArray, gaussian_random_field
from chronoslide.simulate.healing import recovery
from chronoslide.simulate.plan import YearPlan
from chronoslide.simulate.shapes import LIMIT, Body, apart_from, cut_to_area, outline, united
from chronoslide.simulate.sites import GAP_METRES, FailingGround, Family

_SMALLEST_M2, _LARGEST_M2 = 215.0, 150_000.0
_RHO, _A, _S = 0.80, 2500.0, -300.0
_SHRINK, _GROW = 0.62, 1.15  # a persistent landslide stays within these shares of last year's area
_ENLARGED = (1.30, 1.60)
_MOST_RECOVERED_SEEN = 0.42


@dataclass(frozen=True, slots=True)
class Sighting:
    """A landslide as an ideal mapper sees it in one year.

    Attributes:
        landslide_id: Its identity through time.
        state: new, persistent, enlarged, reactivated, merged or split.
        parents: The identities that its ground had in the year it was last seen; its own while it goes on.
        polygon: Its outline.
        recovery: Share of the debris that vegetation covers again.
        tone: Brightness of its debris, 1 on average.
    """

    landslide_id: int
    state: str
    parents: tuple[int, ...]
    polygon: Polygon
    recovery: float
    tone: float


@dataclass(frozen=True, slots=True)
class Scar:
    """Ground that slid and healed before the first year.

    Attributes:
        polygon: Its outline.
        years_healed: Before the first year.
    """

    polygon: Polygon
    years_healed: int


@dataclass(frozen=True, slots=True)
class History:
    """What happened at a site.

    Attributes:
        years: The stock of each year, in the order of identities.
        scars: Older, healed landslides.
    """

    years: dict[int, tuple[Sighting, ...]]
    scars: tuple[Scar, ...]


@dataclass(slots=True)
class _Landslide:
    number: int
    body: Body
    area: float
    age: float
    recovery_years: float
    tone: float
    state: str = "new"
    parents: tuple[int, ...] = ()
    polygon: Polygon | None = None
    seen: bool = True
    may_grow: bool = True
    family: int | None = None
    members: list[Body] = field(default_factory=list)


def simulate_history(plans: Sequence[YearPlan], ground: FailingGround, scars: int, rng: np.random.Generator) -> History:
    """Lets landslides happen.

    Args:
        plans: A plan a year, oldest first.
        ground: Where they may happen.
        scars: Number of older, healed landslides.
        rng: Source of randomness.
    """
    lives = _Lives(ground, rng)
    years = {}
    for position, plan in enumerate(plans):
        merges_next = plans[position + 1].merged_away if position + 1 < len(plans) else 0
        lives.advance(plan, first=position == 0, merges_next=merges_next)
        years[plan.year] = lives.sightings()
    return History(years, _old_scars(ground, scars, rng))


def landslide_areas(count: int, total_m2: float, rng: np.random.Generator) -> FloatArray:
    """Draws areas from the truncated inverse gamma distribution of Malamud (2004), scaled to a total; largest first."""
    best: FloatArray | None = None
    for _ in range(48):
        areas: list[float] = []
        while len(areas) < count:
            area = _S + _A / float(rng.gamma(_RHO))
            if 200.0 <= area <= _LARGEST_M2:
                areas.append(area)
        drawn = np.array(areas)
        if best is None or abs(drawn.sum() - total_m2) < abs(best.sum() - total_m2):
            best = drawn
    assert best is not None
    for _ in range(20):
        best = np.clip(best * (total_m2 / best.sum()), _SMALLEST_M2 + 25.0, _LARGEST_M2)
    return np.round(np.sort(best)[::-1], 1)


def _old_scars(ground: FailingGround, count: int, rng: np.random.Generator) -> tuple[Scar, ...]:
    scars: list[Scar] = []
    for area in landslide_areas(count, count * 2500.0, rng) if count else ():
        family = ground.place(float(area), [], rng)
        polygon = outline(family.alone[0], 1.0, ground.corner) if family else None
        if polygon is not None:
            scars.append(Scar(polygon, int(rng.integers(1, 7))))
    return tuple(scars)


class _Lives:
    """The landslides of a site, carried from year to year."""

    def __init__(self, ground: FailingGround, rng: np.random.Generator) -> None:
        self.ground = ground
        self.rng = rng
        self.all: list[_Landslide] = []
        self.families: dict[int, Family] = {}

    def sightings(self) -> tuple[Sighting, ...]:
        result = []
        for slide in sorted(self._visible(), key=lambda one: one.number):
            assert slide.polygon is not None
            recovered = min(recovery(slide.age, slide.recovery_years), _MOST_RECOVERED_SEEN)
            result.append(
                Sighting(
                    slide.number, slide.state, slide.parents, slide.polygon, round(recovered, 4), round(slide.tone, 4)
                )
            )
        return tuple(result)

    def advance(self, plan: YearPlan, *, first: bool, merges_next: int) -> None:
        before = self._visible()
        for slide in before:
            slide.age += 1.0
            slide.state, slide.parents = "persistent", (slide.number,)
            slide.body = _weathered(slide.body, self.rng)
        asleep = [slide for slide in self.all if not slide.seen and slide.polygon is not None]
        merged = self._merge()
        resting = [slide for slide in before if slide.seen and slide not in merged]
        healed = self._choose(resting, plan.healed, -0.55)
        for slide in healed:
            slide.seen = False
        alive = [slide for slide in before if slide.seen]
        split = self._split([slide for slide in alive if len(slide.members) > 1], plan.split_off)
        again = self._choose(asleep, plan.reactivated, 0.0)
        for slide in again:
            slide.seen, slide.state, slide.age = True, "reactivated", float(self.rng.uniform(0.3, 0.6))
            slide.area = float(max(slide.area * self.rng.uniform(0.8, 1.5), 450.0))
        ordinary = [slide for slide in alive if slide not in merged and slide not in split and slide.may_grow]
        growing = self._choose([one for one in ordinary if one.state == "persistent"], plan.enlarged, 0.25)
        steady = [slide for slide in alive if slide not in growing]
        steady += [slide for slide in split if slide not in alive]
        count = plan.stock - len(steady) - len(growing) - len(again)
        factor = self._new_landslides(plan, count, first, merges_next, steady, growing, again)
        for slide in growing:
            slide.state = "enlarged"
            slide.area *= factor[1]
            slide.age *= 0.4
            slide.body = _leaning(slide.body, self.rng)
        for slide in steady:
            slide.area = max(slide.area * (factor[0] if slide.may_grow else min(factor[0], 0.97)), _SMALLEST_M2 + 5.0)
        self._cut(plan, steady, first or count >= plan.stock / 2)

    def _visible(self) -> list[_Landslide]:
        return [slide for slide in self.all if slide.seen]

    def _choose(self, slides: list[_Landslide], count: int, favour: float) -> list[_Landslide]:
        """Chooses `count` landslides; `favour` > 0 prefers large ones, < 0 small ones."""
        count = min(count, len(slides))
        if not count:
            return []
        weight = np.round(np.array([slide.area for slide in slides]) ** favour, 9)
        chosen = self.rng.choice(len(slides), count, replace=False, p=weight / weight.sum())
        return [slides[position] for position in sorted(chosen.tolist())]

    def _add(self, body: Body, area: float, age: float) -> _Landslide:
        small = area < 1000.0
        years = self.rng.uniform(2.0, 3.0) if small else 7.0 * float(np.exp(self.rng.normal(0.0, 0.5)))
        tone = float(np.exp(self.rng.normal(0.0, 0.09)))
        slide = _Landslide(len(self.all) + 1, body, area, age, float(years), tone)
        self.all.append(slide)
        return slide

    def _new_landslides(
        self,
        plan: YearPlan,
        count: int,
        first: bool,
        merges_next: int,
        steady: list[_Landslide],
        growing: list[_Landslide],
        again: list[_Landslide],
    ) -> tuple[float, float]:
        """Adds `count` landslides; returns what the steady and the growing ones' areas are multiplied by."""
        resting, moving = sum(one.area for one in steady), sum(one.area for one in growing)
        react = sum(one.area for one in again)
        growth = float(np.mean(_ENLARGED))
        if first or count >= plan.stock / 2:
            steadily = 0.96
            total = plan.area_m2 - resting * steadily - moving * growth - react
            total = max(total, count * 400.0)
        else:
            total = min(count * 6500.0, 0.12 * plan.area_m2)
        areas = landslide_areas(count, total, self.rng) if count else np.zeros(0)
        self._fail(areas, merges_next, first)
        left = plan.area_m2 - float(areas.sum()) - react
        steadily = (left - moving * growth) / resting if resting else 1.0
        if steadily > 0.98 and moving:
            growth = float(np.clip((left - 0.98 * resting) / moving, *_ENLARGED))
        elif steadily < 0.7 and moving:
            growth = _ENLARGED[0]
        steadily = (left - moving * growth) / resting if resting else 1.0
        return float(np.clip(steadily, _SHRINK, _GROW)), growth

    def _fail(self, areas: FloatArray, merges_next: int, first: bool) -> None:
        """Places new landslides, some of them in families that will merge in the next year."""
        waiting = [float(area) for area in areas]
        merges = merges_next
        largest = [waiting.pop(0) for _ in range(len(waiting) // 10)]
        for area in largest:  # first, while there is room for them
            self._add(self._somewhere(area).alone[0], area, self._age(first))
        while waiting and merges:
            relatives = min(1 + int(self.rng.uniform() < 0.3), merges, len(waiting) - 1)
            if relatives < 1:
                break
            position = int(self.rng.integers(max(len(waiting) // 2, 1)))
            area = waiting[position]
            shares = [float(self.rng.uniform(0.3, 0.7)) for _ in range(relatives)]
            family = self.ground.place(area, shares, self.rng)
            if family is None:
                break
            waiting.pop(position)
            number = len(self.families) + 1
            self.families[number] = family
            for body in family.alone:
                polygon = outline(body, 1.0, self.ground.corner)
                assert polygon is not None
                slide = self._add(body, polygon.area, self._age(first))
                slide.family = number
                if body is not family.alone[0]:
                    # The relative stands for the waiting landslide that is most like it.
                    waiting.pop(int(np.argmin([abs(np.log(one / polygon.area)) for one in waiting])))
            merges -= relatives
        for area in waiting:
            family = self._somewhere(area)
            self._add(family.alone[0], area, self._age(first))

    def _somewhere(self, area: float) -> Family:
        for shrink in range(25):
            family = self.ground.place(area * 0.85**shrink, [], self.rng)
            if family is not None:
                return family
        raise RuntimeError("no room for another landslide: the site is too small for so many")

    def _age(self, first: bool) -> float:
        return float(self.rng.uniform(0.4, 4.0) if first else self.rng.uniform(0.3, 0.6))

    def _merge(self) -> list[_Landslide]:
        """Unites the families that were waiting for it; the largest member keeps its identity."""
        merged = []
        for number, family in self.families.items():
            members = [slide for slide in self.all if slide.family == number and slide.seen]
            if len(members) < 2:
                continue
            keeper = max(members, key=lambda one: (one.area, -one.number))
            keeper.parents = tuple(sorted(one.number for one in members))
            keeper.state = "merged"
            keeper.area = 1.02 * sum(one.area for one in members)
            keeper.body = united(family.together)
            keeper.members = family.together
            keeper.age = float(np.mean([one.age for one in members])) * 0.5
            for slide in members:
                slide.family = None
                if slide is not keeper:
                    slide.seen = False
                    slide.polygon = None  # its ground is another landslide's now: it cannot come back
            merged.append(keeper)
        return merged

    def _split(self, slides: list[_Landslide], count: int) -> list[_Landslide]:
        """Lets the join of merged landslides heal; the larger part keeps the identity."""
        parts: list[_Landslide] = []
        for slide in slides:
            if len(parts) >= 2 * count:
                break
            first = united(slide.members[:-1])
            second = apart_from(slide.members[-1], first, 1.0, GAP_METRES)
            pieces = [outline(body, 1.0, self.ground.corner) for body in (first, second)]
            if any(piece is None or piece.area < 900.0 for piece in pieces):
                continue
            sizes = [piece.area for piece in pieces if piece is not None]
            share = min(slide.area / sum(sizes), 1.0)
            other = self._add(second, sizes[1] * share, slide.age)
            other.recovery_years, other.tone = slide.recovery_years, slide.tone
            slide.body, slide.area = first, sizes[0] * share
            if sizes[1] > sizes[0]:
                slide.body, other.body, slide.area, other.area = other.body, slide.body, other.area, slide.area
            for part in (slide, other):
                part.state, part.parents, part.may_grow, part.members = "split", (slide.number,), False, []
                parts.append(part)
        return parts

    def _cut(self, plan: YearPlan, steady: list[_Landslide], new_may_change: bool) -> None:
        """Cuts every body to its area, and then the flexible ones until the year's total is met."""
        visible = self._visible()
        for slide in visible:
            self._cut_one(slide)
        flexible = [one for one in steady if one.may_grow and one.state in ("persistent", "merged")]
        if new_may_change:
            flexible = [one for one in visible if one.state == "new" and one.family is None and one.area > 800.0]
        for _ in range(4):
            miss = plan.area_m2 - sum(_area(one) for one in visible)
            adjustable = sum(_area(one) for one in flexible)
            if abs(miss) < 0.002 * plan.area_m2 or not adjustable:
                break
            scale = float(np.clip(1.0 + miss / adjustable, 0.9, 1.1))
            for slide in flexible:
                slide.area = max(_area(slide) * scale, _SMALLEST_M2 + 5.0)
                self._cut_one(slide)

    def _cut_one(self, slide: _Landslide) -> None:
        before = slide.polygon
        _, polygon = cut_to_area(slide.body, slide.area, self.ground.corner)
        slide.polygon = polygon if polygon is not None else before
        assert slide.polygon is not None, "a body without outline was placed"
        slide.area = slide.polygon.area


def _area(slide: _Landslide) -> float:
    return slide.polygon.area if slide.polygon is not None else 0.0


def _weathered(body: Body, rng: np.random.Generator) -> Body:
    """A year's uneven healing and slumping of the edges."""
    uneven = ndimage.gaussian_filter(gaussian_random_field(body.field.shape, 3.0, rng), 1.0)
    changed = body.field * np.exp(0.05 * uneven)
    return body.with_field(np.where(body.field < LIMIT, np.minimum(changed, LIMIT), body.field))


def _leaning(body: Body, rng: np.random.Generator) -> Body:
    """Makes a body grow more towards one side than to the others."""
    rows, cols = np.indices(body.field.shape)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    along = rows * np.sin(angle) + cols * np.cos(angle)
    inside = body.field < 1.0
    low, high = (along[inside].min(), along[inside].max()) if inside.any() else (0.0, 1.0)
    share = np.clip((along - low) / max(high - low, 1.0), 0.0, 1.0)
    return body.with_field(np.where(body.field < LIMIT, body.field * np.exp(-0.3 * share), body.field))


def renamed(sighting: Sighting, state: str) -> Sighting:
    """The same sighting in another state."""
    return replace(sighting, state=state)
