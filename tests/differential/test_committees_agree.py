"""Python and Solidity draw the same committees, and name the same jobs and randomness."""

from __future__ import annotations

import random

import pytest
from support.harness import read_many
from support.scene import ETHER, Scene, next_epoch

from aivm import vrf
from registry import errors, ids
from registry.contracts.validator_staking import ALL_TREES, SPREAD
from registry.sortition import draw

CLASSES = [bytes([number]) * 32 for number in (1, 2, 3)]
#: Leaves of a tree, and units of weight in the least stake (contracts/libraries/WeightForest.sol).
TREE = 2**15
UNITS = 16


@pytest.fixture
def scene(chain, deployment, account):
    return Scene.of(chain, deployment, account)


def act(scene, source):
    """One random step of one validator: stakes more or for another class, thaws, or takes a thaw back."""
    who = source.choice(list(scene.validators.values()))
    state = scene.staking.validator(who.address)
    working = state.stake - state.thawing
    choice = source.random()
    if choice < 0.4 and working:
        scene.transact(who, scene.staking.thaw(source.choice([working, 1, source.randrange(1, working + 1)])))
    elif choice < 0.5 and state.thawing:
        place(scene, who, scene.staking.cancel_thaw(), moves=not state.leaf and state.stake >= ETHER)
    else:
        wanted = max(ETHER - working, 0) + source.choice([0, 1, source.randrange(3 * ETHER)])
        other = source.choice(CLASSES)
        moves = not state.leaf or other != state.environment_class
        place(scene, who, scene.staking.stake(other, ""), wanted, moves=moves)


def place(scene, who, call, value=0, *, moves):
    """A step that may take another leaf, which a validator does once an epoch."""
    if moves and scene.staking.validator(who.address).moved_in == scene.staking.current_epoch():
        with pytest.raises(errors.ValidatorStakingMovedAlready):
            scene.transact(who, call, value)
    else:
        scene.transact(who, call, value)


def word(scene, leaf):
    """A seat as the contract packs it: whoever is on the leaf, and the leaf."""
    return leaf << 160 | int(scene.staking.holder_of(leaf), 16)


def populated(scene, source, count):
    """Random stakes of a few classes."""
    scene.add_validators([source.choice([ETHER, ETHER + 1, source.randrange(ETHER, 9 * ETHER)]) for _ in range(count)])
    for _ in range(count // 2):
        act(scene, source)
    next_epoch(scene.staking)


@pytest.mark.parametrize("world", range(3))
def test_committees_agree_on_random_stakes_in_this_epoch_and_the_one_before(scene, world):
    source = random.Random(world)
    populated(scene, source, 11 + 7 * world)
    staking, drawn = scene.staking, []
    for _ in range(3):
        present = staking.current_epoch()
        weights = {epoch: staking.weights_at(epoch) for epoch in (present - 1, present)}
        for _ in range(4):
            act(scene, source)  # counts from the next epoch on, and changes nothing here
        words = {leaf: word(scene, leaf) for leaf in {*weights[present - 1], *weights[present]}}
        cases, mine = [], []
        for _ in range(200):
            epoch = source.choice(list(weights))
            tree = source.choice([ALL_TREES, ALL_TREES, SPREAD, SPREAD, *{leaf // TREE for leaf in weights[epoch]}, 62])
            below = {leaf: w for leaf, w in weights[epoch].items() if tree in {leaf // TREE, ALL_TREES, SPREAD}}
            seed = source.choice([bytes(32), b"\xff" * 32, source.randbytes(32)])
            seated = source.sample(list(below), min(len(below), source.choice([0, 0, 1, 3, 5, 7])))
            count = source.choice([0, 1, 3, 4, 8, 15])
            cases.append((seed, count, [words[leaf] for leaf in seated], tree, epoch))
            mine.append(tuple(words[leaf] for leaf in draw(seed, count, seated, below, spread=tree == SPREAD)))
        assert read_many(staking, "draw", cases) == mine
        drawn += mine
        assert staking.total_weight_at(ALL_TREES, present) == sum(weights[present].values())
        next_epoch(staking)
        assert staking.weights_at(present) == weights[present], "what has begun is what it was"
    assert len({len(seats) for seats in drawn}) > 3


def test_a_draw_for_an_epoch_that_is_over_or_to_come_is_refused(scene):
    populated(scene, random.Random(3), 4)
    present = scene.staking.current_epoch()
    for epoch in (present - 2, present + 1):
        with pytest.raises(errors.ValidatorStakingWrongEpoch):
            scene.staking.draw(bytes(32), 1, [], tree=ALL_TREES, epoch=epoch)


def test_a_weight_is_the_working_stake_in_sixteenths_of_the_least_from_the_next_epoch_on(scene):
    source = random.Random(7)
    populated(scene, source, 6)
    staking = scene.staking
    for _ in range(6):
        for _ in range(3):
            act(scene, source)
        epoch = staking.current_epoch()
        coming = staking.weights_at(epoch + 1)
        states = [staking.validator(address) for address in scene.validators]
        working = {state.leaf - 1: state.stake - state.thawing for state in states if state.leaf}
        assert coming == {leaf: stake * UNITS // ETHER for leaf, stake in working.items()}
        assert all(state.leaf or state.stake - state.thawing < ETHER for state in states)
        assert all(stake >= ETHER for stake in working.values())
        for state in states:
            if state.leaf:
                assert staking.tree_of(state.environment_class) == ((state.leaf - 1) // TREE, True)
        if source.random() < 0.5:
            next_epoch(staking)


def test_jobs_randomness_inputs_and_committees_are_named_as_the_protocol_says(scene):
    scene.add_operator()
    scene.add_validators([ETHER * n for n in range(1, 9)])
    scene.approve_kernel()
    chain_id, market, coordinator = scene.chain.chain_id, scene.market.address, scene.vrf.address
    for nonce in range(1, 4):  # the kernel's admission was the market's first request
        job = scene.request(3)
        randomness = ids.randomness_id(chain_id=chain_id, coordinator=coordinator, requester=market, nonce=nonce)
        assert job == ids.job_id(chain_id=chain_id, market=market, randomness=randomness)
        state = scene.state(job)
        assert state.terms.randomness == randomness
        key = vrf.decompress(vrf.public_key(scene.vrf_key))
        alpha = ids.vrf_alpha(
            chain_id=chain_id,
            coordinator=coordinator,
            key=key,
            requester=market,
            nonce=nonce,
            block_hash=bytes.fromhex(scene.chain.header(state.block).hash[2:]),
        )
        assert scene.vrf.challenge_of(randomness) == (0, alpha)
        assert scene.vrf.operator(0).public_key == vrf.public_key(scene.vrf_key)
        weights = scene.staking.weights_at(state.terms.epoch)
        drawn = scene.open(job).event("CommitteeDrawn")
        assert drawn["seed"] == vrf.verify(vrf.public_key(scene.vrf_key), alpha, vrf.prove(scene.vrf_key, alpha))
        assert list(drawn["seats"]) == [word(scene, leaf) for leaf in draw(drawn["seed"], 3, [], weights)]
        assert scene.state(job).committee == tuple(
            scene.staking.holder_of(leaf) for leaf in draw(drawn["seed"], 3, [], weights)
        )
