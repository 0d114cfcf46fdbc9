// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What members sign: EIP-712 structures of one contract on one chain.
/// @dev As OpenZeppelin's `EIP712` without `eip712Domain`, whose code is larger than the room that the market has.
abstract contract TypedData {
    bytes32 private constant DOMAIN = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    bytes32 private immutable _nameHash;
    bytes32 private immutable _versionHash;
    uint256 private immutable _chain;
    bytes32 private immutable _domain;

    constructor(string memory name, string memory version) {
        (_nameHash, _versionHash, _chain) = (keccak256(bytes(name)), keccak256(bytes(version)), block.chainid);
        _domain = keccak256(abi.encode(DOMAIN, keccak256(bytes(name)), keccak256(bytes(version)), block.chainid, address(this)));
    }

    /// @dev On the other side of a fork of the chain the domain is another one.
    function _digestOf(bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = _domain;
        if (block.chainid != _chain) domain = keccak256(abi.encode(DOMAIN, _nameHash, _versionHash, block.chainid, address(this)));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
