// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {JobId, KernelId} from "../../types/Ids.sol";
import {Manifest} from "../../types/Manifest.sol";
import {RegistryBase} from "./RegistryBase.sol";

/// @notice What each call costs as a transaction of its own, every slot cold.
contract RegistryGasTest is RegistryBase {
    string private constant GROUP = "KernelRegistry";

    function test_GasOfAPublishersCalls() public {
        vm.prank(stranger);
        registry.registerPublisher("zoo");
        vm.snapshotGasLastCall(GROUP, "registerPublisher");
        KernelId kernel = registerGood();
        vm.snapshotGasLastCall(GROUP, "register");
        vm.prank(publisher);
        registry.setAlias("latest", kernel);
        vm.snapshotGasLastCall(GROUP, "setAlias");
        vm.prank(publisher);
        registry.deprecate(kernel, "use 1.3.0");
        vm.snapshotGasLastCall(GROUP, "deprecate");
    }

    function test_GasOfTheGreatestManifest() public {
        bytes memory short = new bytes(256);
        bytes memory long = new bytes(2048);
        for (uint256 i = 0; i < 2048; ++i) {
            if (i < 256) short[i] = "x";
            long[i] = "x";
        }
        Manifest memory manifest = goodManifest();
        manifest.build.operatingSystem = manifest.build.compiler = manifest.build.compilerVersion = string(short);
        manifest.runtime.name = manifest.runtime.version = string(short);
        manifest.build.compilerFlags = manifest.runtime.options = string(long);
        manifest.hardware.features = manifest.hardware.featuresOff = string(long);
        KernelId kernel = registerAs(publisher, manifest);
        vm.snapshotGasLastCall(GROUP, "register, the greatest manifest");
        vm.cool(address(registry));
        registry.manifestOf(kernel);
        vm.snapshotGasLastCall(GROUP, "manifestOf, the greatest manifest");
    }

    /// @dev The market gives a validation's callback a fixed amount of gas, which has to suffice whatever the answer.
    function test_GasOfAdmission() public {
        vm.deal(stranger, 2 ether);
        _admit(registerGood(), YES, "onValidation, approved");
        Manifest memory other = goodManifest();
        other.version = "2.0.0";
        _admit(registerAs(publisher, other), 0, "onValidation, rejected");
    }

    function _admit(KernelId kernel, bytes32 answer, string memory name) private {
        vm.prank(stranger);
        JobId job = registry.requestValidation{value: 1 ether}(kernel, ANY, 5);
        vm.prank(address(market));
        registry.onValidation(job, CERTIFICATE, answer, SPAN);
        uint256 gas = vm.snapshotGasLastCall(GROUP, name);
        assertLt(gas, 100_000, "a callback's budget");
        assertTrue(statusOf(kernel) != IKernelRegistry.Status.Registered, "decided");
    }
}
