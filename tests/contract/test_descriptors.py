"""Every registered descriptor keeps the promises of `vitrify.descriptors.base.Descriptor`."""

import pkgutil

import numpy as np
import pytest

import vitrify.descriptors
from vitrify.descriptors import COMBINATIONS, DESCRIPTOR_SETS, DESCRIPTORS, named_sets
from vitrify.descriptors.base import Descriptor, from_dict
from vitrify.errors import ParameterError
from vitrify.testing.descriptors import CHECKS
from vitrify.testing.strategies import random_frame

MEMBERS = {name: table.load(name) for table in (DESCRIPTORS, COMBINATIONS) for name in table}
SYSTEMS = {
    "3d_two_species": {"n_particles": 70},
    "3d_tilted_three_species": {"n_particles": 70, "n_species": 3, "tilted": True},
    "3d_open_one_species": {"n_particles": 40, "n_species": 1, "periodic": False},
    "2d_two_species": {"n_particles": 30, "dimension": 2},
    "2d_tilted_three_species": {"n_particles": 30, "dimension": 2, "n_species": 3, "tilted": True},
    "one_particle": {"n_particles": 1, "tilted": True},
}


@pytest.fixture(params=SYSTEMS, scope="module")
def frame(request):
    return random_frame(np.random.default_rng(7), **SYSTEMS[request.param])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MEMBERS)
def test_descriptor_keeps_its_promise(name, check, frame):
    member = MEMBERS[name].example(frame.species_names)
    if member.knows(frame.species_names):
        check(member, frame)
    else:
        with pytest.raises(ParameterError, match=f"'{frame.species_names[-1]}'"):
            member.evaluate(frame)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", DESCRIPTOR_SETS)
def test_named_set_keeps_the_promise_of_a_descriptor(name, check):
    check(DESCRIPTOR_SETS.load(name)(), random_frame(np.random.default_rng(8), 30))


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_default_parameters_describe_a_member(name):
    assert DESCRIPTORS.load(name)() == MEMBERS[name]()
    assert from_dict({"name": name}) == MEMBERS[name]()


@pytest.mark.parametrize("name", MEMBERS)
def test_member_is_called_what_the_registry_calls_it(name):
    member = MEMBERS[name]
    assert member.name == name
    assert issubclass(member, Descriptor)
    for line in ("**Scale**", "**Differs from**", "**Invariant under**", "**Cost**"):
        assert line in member.__doc__


def test_every_file_is_registered():
    registered = {member.__module__ for member in MEMBERS.values()}
    files = {f"vitrify.descriptors.{m.name}" for m in pkgutil.iter_modules(vitrify.descriptors.__path__)}
    not_members = {f"vitrify.descriptors.{name}" for name in ("base", "named_sets", "surroundings")}
    private = {file for file in files if file.startswith("vitrify.descriptors._")}
    assert files - not_members - private == registered


def test_every_named_set_is_registered():
    registered = {DESCRIPTOR_SETS[name].partition(":")[2] for name in DESCRIPTOR_SETS}
    written = {k for k, v in vars(named_sets).items() if getattr(v, "__module__", "") == named_sets.__name__}
    assert written == registered
