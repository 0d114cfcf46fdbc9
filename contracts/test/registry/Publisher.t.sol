// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KernelRegistry} from "../../KernelRegistry.sol";
import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {RegistryBase} from "./RegistryBase.sol";

contract PublisherTest is RegistryBase {
    function test_AHandleIsFirstComeFirstServedForEver() public {
        vm.expectEmit(address(registry));
        emit IKernelRegistry.PublisherRegistered(stranger, "zoo");
        vm.prank(stranger);
        registry.registerPublisher("zoo");
        assertEq(registry.publisherOf("zoo"), stranger, "owner");
        assertEq(registry.handleOf(stranger), "zoo", "handle");
        assertEq(registry.publisherOf("nobody"), address(0), "nobody");
        assertEq(registry.handleOf(address(this)), "", "no handle");

        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_HandleTaken.selector, "zoo", stranger));
        registry.registerPublisher("zoo");
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_HandleAlreadySet.selector, stranger, "zoo"));
        registry.registerPublisher("zoo-two");
    }

    function test_MalformedHandlesAreRefused() public {
        string[6] memory bad = ["", "-zoo", "Zoo", "z/o", "z@o", "abcdefghijabcdefghijabcdefghijabcdefghij"];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidName.selector, bad[i]));
            registry.registerPublisher(bad[i]);
        }
        registry.registerPublisher("abcdefghijabcdefghijabcdefghijabcdefghi");
    }

    function test_ARegistryNeedsAMarket() public {
        vm.expectRevert(IKernelRegistry.KernelRegistry_InvalidMarket.selector);
        new KernelRegistry(address(0));
        assertEq(registry.market(), address(market), "market");
    }
}
