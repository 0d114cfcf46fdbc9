"""One chain over JSON-RPC: the managed local one (anvil as a child process), or any other, from several endpoints.

    from registry.chain import Chain

    with Chain.managed() as chain:                   # or Chain.connect(["http://127.0.0.1:8545"])
        chain.fund(me.address, 10**18)
        receipt = chain.transact(market.settle(job), sender=me)

What contracts look like in Python is `registry.contracts`; what they refuse is `registry.errors`.
"""

from registry.chain.chain import As, Chain
from registry.chain.receipts import Header, Log, Receipt

__all__ = ["As", "Chain", "Header", "Log", "Receipt"]
