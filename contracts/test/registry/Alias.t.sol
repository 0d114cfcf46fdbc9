// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {KernelId} from "../../types/Ids.sol";
import {Manifest} from "../../types/Manifest.sol";
import {RegistryBase} from "./RegistryBase.sol";

contract AliasTest is RegistryBase {
    KernelId private kernel;

    function setUp() public override {
        super.setUp();
        kernel = registerGood();
    }

    function test_AnAliasMoves() public {
        vm.expectEmit(address(registry));
        emit IKernelRegistry.AliasMoved(publisher, "digits", "latest", kernel);
        _alias("latest", kernel);
        assertSame(registry.resolve("acme", "digits", "latest"), kernel, "first");
        KernelId next = _register("digits", "1.3.0");
        _alias("latest", next);
        assertSame(registry.resolve("acme", "digits", "latest"), next, "moved");
        assertSame(registry.resolve("acme", "digits", "1.2.3"), kernel, "the version stays");
    }

    function test_AnAliasBelongsToTheNameOfItsKernel() public {
        KernelId letters = _register("letters", "1.2.3");
        _alias("latest", kernel);
        _alias("latest", letters);
        assertSame(registry.resolve("acme", "digits", "latest"), kernel, "digits");
        assertSame(registry.resolve("acme", "letters", "latest"), letters, "letters");
    }

    function test_OnlyThePublisherAliasesAndDeprecates() public {
        bytes memory refusal = abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NotPublisher.selector, stranger, publisher);
        vm.startPrank(stranger);
        vm.expectRevert(refusal);
        registry.setAlias("latest", kernel);
        vm.expectRevert(refusal);
        registry.deprecate(kernel, "mine");
        vm.stopPrank();
    }

    function test_AnUnknownKernelIsNeitherAliasedNorDeprecated() public {
        KernelId unknown = KernelId.wrap(keccak256("unknown"));
        bytes memory refusal = abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnknownKernel.selector, unknown);
        vm.expectRevert(refusal);
        _alias("latest", unknown);
        vm.prank(publisher);
        vm.expectRevert(refusal);
        registry.deprecate(unknown, "");
    }

    function test_ALabelCannotShadowAVersion() public {
        string[5] memory bad = ["1.2.4", "1", "", "Latest", "la.test"];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidName.selector, bad[i]));
            _alias(bad[i], kernel);
        }
    }

    function test_ADeprecatedKernelKeepsItsAliasesAndGetsNoNewOne() public {
        _alias("latest", kernel);
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelDeprecated(kernel, "use 1.3.0");
        _deprecate("use 1.3.0");
        assertTrue(registry.kernelOf(kernel).deprecated, "deprecated");
        assertSame(registry.resolve("acme", "digits", "latest"), kernel, "alias");
        assertSame(registry.resolve("acme", "digits", "1.2.3"), kernel, "version");
        bytes memory refusal = abi.encodeWithSelector(IKernelRegistry.KernelRegistry_AlreadyDeprecated.selector, kernel);
        vm.expectRevert(refusal);
        _alias("stable", kernel);
        vm.expectRevert(refusal);
        _deprecate("again");
        assertStatus(kernel, IKernelRegistry.Status.Registered);
    }

    function test_AReasonIsShortAndPrintable() public {
        bytes memory long = new bytes(257);
        for (uint256 i = 0; i < 257; ++i) {
            long[i] = "x";
        }
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_FieldTooLong.selector, "reason", 257, 256));
        _deprecate(string(long));
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidField.selector, "reason"));
        _deprecate("\x1b[31m");
    }

    function test_AnUnknownNameIsNamed() public {
        _unknown("nobody", "digits", "1.2.3", "nobody/digits@1.2.3");
        _unknown("acme", "letters", "1.2.3", "acme/letters@1.2.3");
        _unknown("acme", "digits", "latest", "acme/digits@latest");
        _unknown("", "", "", "/@");
    }

    function _alias(string memory label, KernelId to) private {
        vm.prank(publisher);
        registry.setAlias(label, to);
    }

    function _deprecate(string memory reason) private {
        vm.prank(publisher);
        registry.deprecate(kernel, reason);
    }

    function _register(string memory name, string memory version) private returns (KernelId) {
        Manifest memory manifest = goodManifest();
        manifest.name = name;
        manifest.version = version;
        return registerAs(publisher, manifest);
    }

    function _unknown(string memory handle, string memory name, string memory label, string memory path) private {
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_UnknownName.selector, path));
        registry.resolve(handle, name, label);
    }
}
