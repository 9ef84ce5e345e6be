import io

import matplotlib as mpl
from PIL import Image

from chronoslide.reporting import style


def simple_figure() -> mpl.figure.Figure:
    figure = style.new_figure(2.0, 1.5)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=style.VERMILION, linewidth=4)
    axes.set_xlabel("Length, m")
    return figure


def drawn_png() -> bytes:
    with style.house_style():
        return style.png_bytes(simple_figure(), colours=16)


def test_the_same_figure_gives_the_same_png() -> None:
    assert drawn_png() == drawn_png()


def test_the_same_figure_gives_the_same_svg_without_a_date() -> None:
    with style.house_style():
        first, second = style.svg_text(simple_figure()), style.svg_text(simple_figure())
    assert first == second
    assert "<dc:date>" not in first
    assert mpl.__version__ not in first


def test_letters_of_an_svg_need_no_font() -> None:
    with style.house_style():
        assert "font-family" not in style.svg_text(simple_figure())


def test_a_short_palette_keeps_the_colours_that_carry_meaning() -> None:
    colours = {colour for _, colour in Image.open(io.BytesIO(drawn_png())).convert("RGB").getcolors(4096)}
    assert {(255, 255, 255), (0xD5, 0x5E, 0x00)} <= colours


def test_the_style_ends_with_its_block() -> None:
    before = mpl.rcParams["axes.grid"]
    with style.house_style():
        assert mpl.rcParams["axes.grid"] is True
    assert mpl.rcParams["axes.grid"] is before


def test_no_two_models_look_alike() -> None:
    looks = [style.look_of(name) for name in style.LOOKS]
    assert len({look.colour for look in looks}) == len({look.marker for look in looks}) == len(looks)


def test_an_unknown_model_has_a_look_that_stays() -> None:
    assert style.look_of("ensemble_of_two") == style.look_of("ensemble_of_two")
