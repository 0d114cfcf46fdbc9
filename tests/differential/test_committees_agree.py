"""Python and Solidity draw the same committees, and name the same randomness."""

from __future__ import annotations

import random

import pytest
from support.harness import read_many
from support.scene import ETHER, Scene

from aivm import vrf
from registry import ids
from registry.sortition import draw


@pytest.fixture
def scene(chain, deployment, account):
    return Scene.of(chain, deployment, account)


def act(scene, source):
    """One random step of one validator: stakes more, thaws, or takes a thaw back."""
    who = source.choice(list(scene.validators.values()))
    state = scene.staking.validator(who.address)
    working = state.stake - state.thawing
    choice = source.random()
    if choice < 0.4 and working:
        scene.transact(who, scene.staking.thaw(source.choice([working, 1, source.randrange(1, working + 1)])))
    elif choice < 0.6 and state.thawing:
        scene.transact(who, scene.staking.cancel_thaw())
    else:
        wanted = max(ETHER - working, 0) + source.choice([0, 1, source.randrange(3 * ETHER)])
        scene.transact(who, scene.staking.stake(bytes(32), ""), wanted)


@pytest.mark.parametrize("world", range(3))
def test_committees_agree_on_random_stakes_at_past_blocks(scene, world):
    source = random.Random(world)
    stakes = [source.choice([ETHER, ETHER + 1, source.randrange(ETHER, 9 * ETHER)]) for _ in range(11 + 7 * world)]
    scene.add_validators(stakes)
    past = {}
    for _ in range(12):
        act(scene, source)
        scene.chain.mine()
        block = scene.chain.block_number() - source.randrange(2)
        past[block] = scene.staking.weights_at(block)
        assert scene.staking.total_weight_at(block) == sum(weight for _, weight in past[block])
    # Whatever has happened since, a past block is what it was.
    for block, weights in past.items():
        assert scene.staking.weights_at(block) == weights
    cases, mine = [], []
    for _ in range(500):
        block, weights = source.choice(list(past.items()))
        seed = source.choice([bytes(32), b"\xff" * 32, source.randbytes(32)])
        everyone = [address for address, _ in weights]
        seated = source.sample(everyone, min(len(everyone), source.choice([0, 0, 3, 5, 7])))
        count = source.choice([0, 1, 3, 4, 8, 15])
        cases.append((seed, count, seated, block))
        mine.append(tuple(draw(seed, count, seated, weights)))
    assert read_many(scene.staking, "draw", cases) == mine
    assert len({len(drawn) for drawn in mine}) > 3


def test_a_weight_is_the_working_stake_if_it_reaches_the_minimum(scene):
    source = random.Random(7)
    scene.add_validators([2 * ETHER] * 6)
    for _ in range(15):
        act(scene, source)
        scene.chain.mine()
        block = scene.chain.block_number() - 1
        for address in scene.validators:
            state = scene.staking.validator(address)
            working = state.stake - state.thawing
            assert scene.staking.weight_at(address, block) == (working if working >= ETHER else 0)


def test_jobs_randomness_inputs_and_committees_are_named_as_the_protocol_says(scene):
    scene.add_operator()
    scene.add_validators([ETHER * n for n in range(1, 9)])
    scene.approve_kernel()
    chain_id, market, coordinator = scene.chain.chain_id, scene.market.address, scene.vrf.address
    requester = scene.account("requester").address
    for nonce in range(3):
        job = scene.request(3)
        assert job == ids.job_id(chain_id=chain_id, market=market, requester=requester, nonce=nonce)
        state = scene.market.job_of(job)
        # The kernel's admission was the market's first request.
        assert state.randomness == ids.randomness_id(
            chain_id=chain_id, coordinator=coordinator, requester=market, nonce=nonce + 1
        )
        key = vrf.decompress(vrf.public_key(scene.vrf_key))
        alpha = ids.vrf_alpha(
            chain_id=chain_id,
            coordinator=coordinator,
            key=key,
            requester=market,
            nonce=nonce + 1,
            block_hash=bytes.fromhex(scene.chain.header(state.request_block).hash[2:]),
        )
        assert scene.vrf.challenge_of(state.randomness) == (0, alpha)
        assert scene.vrf.operator(0).public_key == vrf.public_key(scene.vrf_key)
        weights = scene.staking.weights_at(state.request_block - 1)
        drawn = scene.open(job).event("CommitteeDrawn")
        assert drawn["seed"] == vrf.verify(vrf.public_key(scene.vrf_key), alpha, vrf.prove(scene.vrf_key, alpha))
        assert list(drawn["members"]) == draw(drawn["seed"], 3, [], weights)
