"""Stand-in hands, folders with stand-in files, and the closed-form MANO of the golden files."""

from __future__ import annotations

import pytest

import formula_bodies
from carpus.bodies.standin import standin_model, write_standins


@pytest.fixture(scope="session")
def formula_content():
    """The keys of the formula MANO's file, by side."""
    return lambda side: formula_bodies.formula_content("mano", side)


@pytest.fixture(scope="session")
def formula_mano():
    """The formula MANO, by side."""
    return lambda side: formula_bodies.formula_model("mano", side)


@pytest.fixture(scope="session")
def right():
    return standin_model("mano", "right")


@pytest.fixture(scope="session")
def left():
    return standin_model("mano", "left")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of body models with the stand-in hands."""
    place = tmp_path_factory.mktemp("body_models")
    write_standins(place, ["mano"])
    return place


@pytest.fixture(scope="session")
def every_standin(tmp_path_factory):
    """A folder with the stand-ins of all families and the files beside them."""
    place = tmp_path_factory.mktemp("all_models")
    write_standins(place)
    return place
