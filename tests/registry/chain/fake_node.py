"""An HTTP endpoint that says what a test wants: the outside world at its worst."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FakeNode:
    """Answers every POST by `answer(request) -> (status, bytes)`; counts the calls by method."""

    def __init__(self, answer=None, *, result="0x7a69", delay=0.0):
        self.calls: list[str] = []

        def default(request):
            return 200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode()

        reply = answer or default
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.calls += [entry["method"] for entry in (request if isinstance(request, list) else [request])]
                time.sleep(delay)
                status, body = reply(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # clients that hang up are expected
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def error(code, message, data=None):
    """An `answer` that is a JSON-RPC error."""

    def answer(request):
        body = {"jsonrpc": "2.0", "id": request["id"], "error": {"code": code, "message": message, "data": data}}
        return 200, json.dumps(body).encode()

    return answer


def raw(status, body):
    """An `answer` that is these bytes."""
    return lambda _: (status, body)
