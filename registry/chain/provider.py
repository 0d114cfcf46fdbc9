"""web3.py over our endpoints, for people who want its interface: `chain.web3.eth.get_block("latest")`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from web3.providers.base import JSONBaseProvider

from registry.errors import RpcResponseError

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from registry.chain.rpc import Rpc


class FailoverProvider(JSONBaseProvider):
    """A web3 provider that asks an `Rpc`, and so falls back from one endpoint to the next."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """One call, in web3's form.

        Raises:
            RpcUnavailableError: when no endpoint answers.
        """
        # web3's own encoder, for its bytes and mappings.
        request = json.loads(self.encode_rpc_request(method, params))
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = self._rpc.call(method, *request["params"])
        except RpcResponseError as error:
            answer["error"] = {"code": error.code, "message": error.text, "data": error.data}
        return cast("RPCResponse", answer)
