"""The embedded chain: anvil as a child process that mines only when something is pending.

How anvil 1.7.1 behaves, as far as it decides what is done here (each has a test):

- Its own mining modes stall on long queues or pile up empty blocks, so it runs with `--no-mining` and a thread of ours
  seals.
- `eth_call` at `latest` sees the number and the time of the last block, however old; at `pending` it sees the next
  number, the present time, the hash of the last block, and the effects of what is pending. Simulations use `pending`.
- Many blocks in one second have the same time: bursts do not push the clock ahead.
- `evm_revert` leaves pending transactions in the pool; they have to be dropped first.
- After a state is loaded, the clock is the machine's again, even if the last block's time is later; so it is put
  forward.
- After a state is loaded, `BLOCKHASH` of blocks before that moment is not their hash (the history contract of EIP-2935
  and the JSON-RPC methods still give it), and `eth_call` at such blocks is refused.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING, Any, Self

from registry.chain.anvil_binary import find_anvil
from registry.chain.anvil_state import StateFolder
from registry.chain.rpc import Rpc
from registry.errors import AnvilStartError, RpcError

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

#: Seconds between two looks for pending transactions of other processes: normally, and after a while of none.
BUSY_INTERVAL, IDLE_INTERVAL, IDLE_AFTER = 0.02, 0.05, 5.0
#: Seconds without a new block after which unsaved ones are saved.
SETTLED_AFTER = 2.0
START_TIMEOUT = 30.0
BLOCK_GAS_LIMIT = 60_000_000
#: Ends with its parent, however that ends. It takes a process of its own, because code between fork and exec is not
#: safe in a program with threads.
LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


class Anvil:
    """A running anvil on the loopback interface, with its sealer.

    Args:
        state_dir: where its state is kept; None to forget it.
        chain_id: the chain's id.
        port: the port to listen on; 0 for a free one.
        save_every: blocks after which the state is saved, even if more keep coming.

    Attributes:
        url: its JSON-RPC endpoint.

    Raises:
        AnvilError: when there is no anvil, it does not start, or its state cannot be loaded.
    """

    def __init__(
        self, *, state_dir: Path | None = None, chain_id: int = 31337, port: int = 0, save_every: int = 50
    ) -> None:
        self.chain_id = chain_id
        self._save_every = save_every
        self._program = find_anvil()
        self._state = StateFolder(state_dir, chain_id) if state_dir else None
        self._lock = threading.RLock()
        self._wake, self._stop, self._started = threading.Event(), threading.Event(), threading.Event()
        self._unsaved = 0
        self._failure: BaseException | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._rpc: Rpc | None = None
        self.url = ""
        # The kernel signals the death of the *thread* that made a process, so the one that lives to the end makes it.
        self._thread = threading.Thread(target=self._run, args=(port,), name="anvil sealer", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self.close()
            raise self._failure
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of anvil."""
        assert self._process is not None
        return self._process.pid

    @property
    def lock(self) -> threading.RLock:
        """Hold it to keep the sealer from mining."""
        return self._lock

    def wake(self) -> None:
        """Has the sealer look for pending transactions now."""
        self._wake.set()

    def save(self) -> None:
        """Saves the state now, if it is kept."""
        if self._state is None:
            return
        with self._lock:
            self._state.save(bytes.fromhex(self._call("anvil_dumpState").removeprefix("0x")))
            self._unsaved = 0

    def close(self) -> None:
        """Saves the state, ends anvil, and waits until it has ended."""
        atexit.unregister(self.close)
        self._stop.set()
        self._wake.set()
        if self._thread is not threading.current_thread():
            self._thread.join()
        if self._rpc is not None:
            self._rpc.close()
        if self._state is not None:
            self._state.close()

    # --- in the sealer's thread ---

    def _run(self, port: int) -> None:
        try:
            self._start(port)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for the start
            self._failure = error
            self._end()
            self._started.set()
            return
        self._started.set()
        try:
            self._seal_until_stopped()
            if self._unsaved:
                self.save()
        except (RpcError, OSError) as error:
            if not self._stop.is_set():
                log.error("the embedded chain stopped: %s", error)  # noqa: TRY400 - the message says it all
        finally:
            self._end()

    def _start(self, port: int) -> None:
        options = ["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(self.chain_id)]
        options += ["--no-mining", "--accounts", "0", "--gas-limit", str(BLOCK_GAS_LIMIT), "--no-request-size-limit"]
        launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid())]
        with tempfile.TemporaryFile() as output:
            # A session of its own, so that Ctrl-C reaches us alone and the state can still be saved.
            self._process = subprocess.Popen(
                [*launcher, str(self._program), *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.url = f"http://{self._address(output)}"
        self._rpc = Rpc([self.url], timeout=120.0, chain_id=self.chain_id)
        self._call("anvil_setLoggingEnabled", False)  # noqa: FBT003 - JSON-RPC
        if self._state is not None:
            self._load(self._state)

    def _address(self, output: IO[bytes]) -> str:
        """Waits until anvil says where it listens: only then is the port ours and not another program's."""
        assert self._process is not None
        end = time.monotonic() + START_TIMEOUT
        while True:
            ended = self._process.poll() is not None
            said = os.pread(output.fileno(), 2**20, 0).decode(errors="replace")
            if match := re.search(r"Listening on (127\.0\.0\.1:\d+)", said):
                return match[1]
            if ended or time.monotonic() > end:
                what = (
                    f"ended with status {self._process.returncode}" if ended else f"is silent for {START_TIMEOUT:g} s"
                )
                raise AnvilStartError(
                    f"{self._program} {what}: {said.strip()[-500:]}",
                    hint="Perhaps the port is in use, or memory is short.",
                )
            time.sleep(0.002)

    def _load(self, state: StateFolder) -> None:
        for data in state.generations():
            try:
                self._call("anvil_loadState", "0x" + data.hex())
            except RpcError as error:
                log.warning("a saved state cannot be loaded: %s", error)
                continue
            # The clock is the machine's again; blocks must not go back in time.
            behind = self._time("latest") - self._time("pending")
            if behind > 0:
                self._call("evm_increaseTime", hex(behind))
            return

    def _seal_until_stopped(self) -> None:
        quiet_since = time.monotonic()
        while not self._stop.is_set():
            if self._seal():
                quiet_since = time.monotonic()
            quiet = time.monotonic() - quiet_since
            if self._unsaved >= self._save_every or (self._unsaved and quiet > SETTLED_AFTER):
                self.save()
            self._wake.wait(IDLE_INTERVAL if quiet > IDLE_AFTER else BUSY_INTERVAL)
            self._wake.clear()
        self._seal()

    def _seal(self) -> bool:
        """Mines what is pending; says whether there was something."""
        mined = False
        with self._lock:
            while int(self._call("txpool_status")["pending"], 16):
                self._call("evm_mine")
                self._unsaved += 1
                mined = True
                if self._stop.is_set():
                    break
        return mined

    def _time(self, block: str) -> int:
        return int(self._call("eth_getBlockByNumber", block, False)["timestamp"], 16)  # noqa: FBT003 - JSON-RPC

    def _call(self, method: str, *params: Any) -> Any:
        assert self._rpc is not None
        return self._rpc.call(method, *params)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
