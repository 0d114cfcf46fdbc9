"""Stores, gateways, and a peer whose every byte a test decides."""

from __future__ import annotations

import contextlib
import socketserver
import threading

import pytest

from registry.content import FileBlockStore
from registry.content.gateway import serve


@pytest.fixture
def store(tmp_path):
    return FileBlockStore(tmp_path / "store")


@pytest.fixture
def gateway(store):
    """The URL of a real gateway in front of `store`."""
    with serve(store) as url:
        yield url


@pytest.fixture
def peer():
    """Start a server that reads a request and then does as it is told: `peer(behaviour) -> url`.

    A behaviour is called with `send` (bytes on the wire) and the request's text; when it returns, the connection ends.
    """
    with contextlib.ExitStack() as stack:

        def start(behaviour):
            ended = threading.Event()

            class Handler(socketserver.StreamRequestHandler):
                def handle(self):
                    lines = []
                    while (line := self.rfile.readline(65536)) not in {b"\r\n", b""}:
                        lines.append(line.decode())

                    def send(data):
                        if ended.is_set():
                            raise BrokenPipeError
                        self.connection.sendall(data)

                    with contextlib.suppress(OSError):
                        behaviour(send, "".join(lines))

            class Server(socketserver.ThreadingTCPServer):
                daemon_threads = True

            server = Server(("127.0.0.1", 0), Handler)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stack.callback(ended.set)
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


@pytest.fixture
def dead():
    """A URL on which nobody listens."""
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        port = server.server_address[1]
    return f"http://127.0.0.1:{port}"
