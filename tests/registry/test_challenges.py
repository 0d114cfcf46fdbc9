"""Challenges: what contradicts a kernel's class, as the chain has it."""

from types import SimpleNamespace

import pytest
from support.scene import CLASS, CONFORMS, ETHER, Scene, attestation

from aivm.manifest import DeterminismClass
from registry import challenges, errors
from registry.contracts.types import KernelStatus
from registry.validator.machine import capture, machine_class

#: Another record, and the verdict that the kernel does not conform.
DIFFERS = attestation(digest=b"\xdd" * 32, answer=bytes(32))


def network_of(scene):
    """What `registry.challenges` needs of a deployment."""
    return SimpleNamespace(chain=scene.chain, market=scene.market, registry=scene.registry)


@pytest.fixture
def pinned(chain, deployment, account):
    """A kernel that is admitted for one class, with seven validators of that class."""
    scene = Scene.of(chain, deployment, account)
    scene.add_operator()
    scene.add_validators([ETHER] * 7)
    scene.approve_kernel()
    return scene


def examined(scene, said, size=7):
    """A final examination by the kernel's class, in which everybody says the same."""
    call = scene.registry.request_validation(scene.kernel, committee_size=size, environment_class=CLASS)
    price = scene.market.quote_validation(committee_size=size)
    job = scene.transact(scene.account("anyone"), call, price).event("ValidationRequested")["job"]
    scene.open(job)
    scene.settle(job, scene.vote(job, dict.fromkeys(scene.state(job).committee, said), together=True))
    scene.finalise(job)
    return job


def test_a_kernel_whose_own_class_contradicts_itself_takes_no_more_jobs_of_it(pinned):
    network, someone = network_of(pinned), pinned.account("anyone")
    assert challenges.admitted_classes(network, pinned.kernel) == [CLASS]
    one = examined(pinned, CONFORMS)
    other = examined(pinned, DIFFERS)
    receipt = pinned.transact(someone, challenges.prepare(network, pinned.kernel, one, other))
    assert [event.event for event in receipt.events] == ["ClassBarred"]
    assert receipt.event("ClassBarred").arguments == {
        "kernel": pinned.kernel,
        "environment_class": CLASS,
        "one": one,
        "other": other,
    }
    state = pinned.registry.kernel_of(pinned.kernel)
    assert (state.status, state.determinism) == (KernelStatus.APPROVED, DeterminismClass.PINNED)
    assert pinned.registry.is_barred(pinned.kernel, CLASS)
    assert challenges.admitted_classes(network, pinned.kernel) == []
    with pytest.raises(errors.JobMarketClassNeeded):
        pinned.request(3)
    with pytest.raises(errors.KernelRegistryNothingToDemote):
        pinned.transact(someone, challenges.prepare(network, pinned.kernel, one, other))
    with pytest.raises(errors.KernelRegistryClassBarred):
        examined(pinned, CONFORMS)


def test_small_committees_and_jobs_that_are_not_final_show_nothing(pinned):
    network, someone = network_of(pinned), pinned.account("anyone")
    one, small = examined(pinned, CONFORMS), examined(pinned, DIFFERS, size=3)
    with pytest.raises(errors.KernelRegistryTooFewVotes):
        pinned.transact(someone, challenges.prepare(network, pinned.kernel, one, small))
    with pytest.raises(errors.KernelRegistryNoContradiction):
        pinned.transact(someone, challenges.prepare(network, pinned.kernel, one, examined(pinned, CONFORMS)))
    running = pinned.request(7)
    with pytest.raises(challenges.ChallengeError, match="is requested"):
        challenges.prepare(network, pinned.kernel, one, running)


def test_a_kernel_for_all_classes_waits_for_the_second(pinned):
    call = pinned.registry.request_validation(pinned.kernel, committee_size=3)
    with pytest.raises(errors.KernelRegistryClassNeeded):
        pinned.transact(pinned.account("anyone"), call, ETHER)


def test_an_engine_that_is_held_to_other_instructions_is_another_class():
    held = capture("portable").engine
    assert held is not None
    assert held.implementation is not None
    assert held.implementation.instruction_set == "portable"
    here = capture().engine
    assert here is not None
    assert here.implementation is not None
    assert (machine_class("portable") == machine_class()) == (here.implementation.instruction_set == "portable")
