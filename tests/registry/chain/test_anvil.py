from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from eth_account import Account

from registry.chain import Chain
from registry.chain.anvil import Anvil
from registry.chain.anvil_state import StateFolder
from registry.contracts.abi import Entry
from registry.contracts.contract import Call
from registry.errors import AnvilStartError, AnvilStateError

ALICE = Account.from_key(b"\x01" * 32)
BOB = "0x" + "b0" * 20
PLAIN = Call(to=BOB, data=b"", contract="nobody", entry=Entry("transfer", ()), arguments=())
#: returns (blockhash(number), number, timestamp) for the word it is called with
PROBE = bytes.fromhex("600035406000524360205242604052606060 00f3".replace(" ", ""))


def pay(chain, wei=1):
    return chain.wait(chain._sender.send(PLAIN, ALICE, wei, 21_000))


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def wait_until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_it_mines_only_when_something_is_pending():
    with Chain.managed() as chain:
        chain.fund(ALICE.address, 10**18)
        time.sleep(0.2)
        assert chain.block_number() == 0
        pay(chain)
        time.sleep(0.2)
        assert chain.block_number() == 1


def test_it_seals_what_other_processes_send():
    with Chain.managed() as chain, Chain.connect([chain.node.url]) as other:
        other.fund(ALICE.address, 10**18)
        assert pay(other).block == 1
        assert other.balance(BOB) == 1


def test_a_port_in_use_is_named():
    with Anvil() as first, pytest.raises(AnvilStartError, match="ended with status"):
        Anvil(port=int(first.url.rsplit(":", 1)[1]))


def test_closing_ends_the_process_and_twice_is_once():
    anvil = Anvil()
    pid = anvil.pid
    assert is_alive(pid)
    anvil.close()
    assert not is_alive(pid)
    anvil.close()


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(0)", "os._exit(1)", "1/0"])
def test_it_ends_with_its_parent_however_that_ends(end):
    script = f"""
import os, signal, sys, threading
from registry.chain.anvil import Anvil
made = []
thread = threading.Thread(target=lambda: made.append(Anvil())); thread.start(); thread.join()
print(made[0].pid, flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    pid = int(done.stdout)
    wait_until(lambda: not is_alive(pid))


def test_it_outlives_the_thread_that_asked_for_it():
    made = []
    thread = threading.Thread(target=lambda: made.append(Anvil()))
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert is_alive(made[0].pid)
    made[0].close()


def test_its_state_survives_a_restart(tmp_path):
    with Chain.managed(tmp_path) as chain:
        chain.fund(ALICE.address, 10**18)
        first = pay(chain, 5)
        hash_of_1 = chain.header(1).hash
    with Chain.managed(tmp_path) as chain:
        assert chain.balance(BOB) == 5
        assert chain.nonce(ALICE.address) == 1
        assert chain.header(1).hash == hash_of_1
        assert chain.rpc.call("eth_getTransactionReceipt", first.transaction)["blockHash"] == hash_of_1
        assert pay(chain, 5).block == 2


def test_a_kill_loses_at_most_what_was_not_saved(tmp_path):
    script = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_anvil import ALICE, Chain, pay
chain = Chain.managed(Path({str(tmp_path)!r}), save_every=2)
chain.fund(ALICE.address, 10**18)
for _ in range(4): pay(chain)
import time
while not chain.node._unsaved == 0: time.sleep(0.01)
pay(chain)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Chain.managed(tmp_path) as chain:
        assert chain.block_number() in {4, 5}
        assert chain.balance(BOB) == chain.block_number()


@pytest.mark.parametrize(
    "damage",
    [b"", b"garbage", gzip.compress(b"{"), gzip.compress(b'{"a": 1}'), "half"],
    ids=["empty", "garbage", "no JSON", "no state", "half"],
)
def test_a_damaged_state_gives_way_to_the_one_before_it(tmp_path, damage):
    with Chain.managed(tmp_path) as chain:
        chain.fund(ALICE.address, 10**18)
        pay(chain)
        chain.node.save()
        pay(chain)
    state = StateFolder(tmp_path, 31337)
    state.close()
    whole = state.current.read_bytes()
    state.current.write_bytes(whole[: len(whole) // 2] if damage == "half" else damage)
    with Chain.managed(tmp_path) as chain:
        assert chain.block_number() == 1
    state.current.write_bytes(b"")
    state.previous.write_bytes(b"")
    with pytest.raises(AnvilStateError, match="no generation"):
        Chain.managed(tmp_path)


def test_a_crash_at_any_moment_of_saving_leaves_a_whole_state(tmp_path, monkeypatch):
    states = [gzip.compress(b'{"n": %d}' % n) for n in range(3)]
    folder = StateFolder(tmp_path, 1)
    folder.save(states[0])
    folder.save(states[1])

    class PowerCutError(Exception):
        pass

    def cut(*_):
        raise PowerCutError

    for target in ("os.fsync", "os.link", "pathlib.Path.replace"):
        with monkeypatch.context() as context:
            context.setattr(target, cut)
            with pytest.raises(PowerCutError):
                folder.save(states[2])
        assert next(folder.generations()) == states[1]
    folder.save(states[2])
    assert next(folder.generations()) == states[2]
    folder.close()


def test_two_chains_do_not_share_a_folder(tmp_path):
    with Anvil(state_dir=tmp_path):
        with pytest.raises(AnvilStateError, match="in use"):
            Anvil(state_dir=tmp_path)
        with Anvil(state_dir=tmp_path, chain_id=7) as other:
            assert other.chain_id == 7


def test_the_clock_never_goes_back_over_a_restart(tmp_path):
    with Chain.managed(tmp_path) as chain:
        chain.fund(ALICE.address, 10**18)
        chain.advance_time(86_400)
        pay(chain)
        then = chain.now()
    with Chain.managed(tmp_path) as chain:
        assert chain.now() >= then
        pay(chain)
        assert chain.header().timestamp >= then


def probe(chain, number, block):
    fields = {"to": BOB, "data": "0x" + number.to_bytes(32).hex()}
    answer = bytes.fromhex(chain.rpc.call("eth_call", fields, block)[2:])
    return answer[:32].hex(), int.from_bytes(answer[32:64]), int.from_bytes(answer[64:])


def test_what_the_documentation_says_of_anvil_is_so(tmp_path):
    with Chain.managed(tmp_path) as chain:
        chain.rpc.call("anvil_setCode", BOB, "0x" + PROBE.hex())
        chain.mine(3)
        time.sleep(1.1)
        last = chain.header()
        assert probe(chain, 2, "latest")[1:] == (3, last.timestamp)
        hash_of_3, number, now = probe(chain, 3, "pending")
        assert (hash_of_3, number) == (last.hash[2:], 4)
        assert now > last.timestamp
        for _ in range(30):
            chain.rpc.call("evm_mine")
        assert chain.header().timestamp - int(time.time()) <= 1, "bursts do not push the clock ahead"
        hash_of_20 = chain.header(20).hash
        assert probe(chain, 20, "pending")[0] == hash_of_20[2:]
        chain.node.save()
    with Chain.managed(tmp_path) as chain:
        assert chain.header(20).hash == hash_of_20
        assert probe(chain, 20, "pending")[0] != hash_of_20[2:], "anvil has learnt to restore BLOCKHASH: say so"
        chain.mine()
        assert probe(chain, 34, "pending")[0] == chain.header(34).hash[2:]
