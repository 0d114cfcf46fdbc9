// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KernelRegistry} from "../../KernelRegistry.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {KernelId} from "../../types/Ids.sol";
import {DeterminismClass, Manifest} from "../../types/Manifest.sol";
import {RegistryBase} from "./RegistryBase.sol";
import {RegistryHandler} from "./RegistryHandler.sol";
import {MarketAccount} from "./RegistryBase.sol";

/// @notice The properties that KernelRegistry states, after any sequence of calls.
contract RegistryInvariants is RegistryBase {
    RegistryHandler private handler;

    function setUp() public override {
        market = new MarketAccount();
        registry = new KernelRegistry(address(market));
        handler = new RegistryHandler(registry, market, goodManifest());
        targetContract(address(handler));
        bytes4[] memory actions = new bytes4[](7);
        actions[0] = RegistryHandler.register.selector;
        actions[1] = RegistryHandler.request.selector;
        actions[2] = RegistryHandler.failJob.selector;
        actions[3] = RegistryHandler.deliver.selector;
        actions[4] = RegistryHandler.point.selector;
        actions[5] = RegistryHandler.deprecate.selector;
        actions[6] = RegistryHandler.challenge.selector;
        targetSelector(address(handler), actions);
    }

    /// One campaign checks them all.
    function invariant_EveryPropertyHolds() public view {
        property_ManifestsAndVersionsStand();
        property_StatusesMoveForward();
        property_WhatRunsWasSeenToAgree();
        property_AliasesStayInTheFamily();
        property_NothingIsHeld();
    }

    /// A manifest never changes, its id is the hash of it and of its publisher, and its version resolves to it.
    function property_ManifestsAndVersionsStand() private view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            KernelId kernel = handler.kernels(i);
            Manifest memory manifest = registry.manifestOf(kernel);
            address by = registry.kernelOf(kernel).publisher;
            assertEq(keccak256(abi.encode(manifest)), handler.manifestHash(kernel), "manifest");
            assertSame(registry.kernelIdOf(by, registry.manifestIdOf(manifest)), kernel, "id");
            assertSame(registry.resolve(registry.handleOf(by), manifest.name, manifest.version), kernel, "version");
        }
    }

    /// A status is what the deciding delivery and the challenges made it, and so is the determinism in force; deprecation stays.
    function property_StatusesMoveForward() private view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            KernelId kernel = handler.kernels(i);
            assertStatus(kernel, handler.decided(kernel));
            IKernelRegistry.Kernel memory kept = registry.kernelOf(kernel);
            assertEq(uint256(kept.determinism), uint256(handler.determinism(kernel)), "determinism");
            assertLe(uint256(kept.determinism), uint256(registry.manifestOf(kernel).determinism), "never more than claimed");
            assertEq(kept.deprecated, handler.deprecated(kernel), "deprecated");
            assertEq(registry.isBarred(kernel, X86), handler.barred(kernel), "barred");
            assertFalse(registry.isBarred(kernel, X86) && registry.isAdmitted(kernel, X86), "barred and admitted");
        }
    }

    /// Two classes agreed before a kernel could run on all of them, and one class before it could run on that.
    function property_WhatRunsWasSeenToAgree() private view {
        for (uint256 i = 0; i < handler.count(); ++i) {
            KernelId kernel = handler.kernels(i);
            IKernelRegistry.Kernel memory kept = registry.kernelOf(kernel);
            if (kept.status != IKernelRegistry.Status.Approved) continue;
            bool everywhere = registry.manifestOf(kernel).determinism == DeterminismClass.Bitwise;
            assertGe(kept.classes, everywhere ? 2 : 1, "classes");
            assertTrue(everywhere || registry.isAdmitted(kernel, X86) != registry.isBarred(kernel, X86), "its class");
        }
    }

    /// An alias leads to a kernel of that publisher and that name.
    function property_AliasesStayInTheFamily() private view {
        string[2] memory names = ["digits", "letters"];
        string[2] memory labels = ["latest", "stable"];
        for (uint256 i = 0; i < 8; ++i) {
            string memory handle = handler.handles(i & 1);
            string memory name = names[(i >> 1) & 1];
            try registry.resolve(handle, name, labels[i >> 2]) returns (KernelId kernel) {
                IKernelRegistry.Kernel memory kept = registry.kernelOf(kernel);
                assertEq(kept.publisher, registry.publisherOf(handle), "publisher");
                assertEq(registry.manifestOf(kernel).name, name, "name");
            } catch {}
        }
    }

    /// No money stays here.
    function property_NothingIsHeld() private view {
        assertEq(address(registry).balance, 0, "balance");
    }
}
