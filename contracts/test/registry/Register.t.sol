// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKernelRegistry} from "../../interfaces/IKernelRegistry.sol";
import {KernelId, ManifestId, RecordDigest} from "../../types/Ids.sol";
import {Aggregation, AggregationRule, DeterminismClass, Manifest, SeedPolicy} from "../../types/Manifest.sol";
import {RegistryBase} from "./RegistryBase.sol";

contract RegisterTest is RegistryBase {
    /// @dev eth_abi's encoding of `goodManifest()`, hashed: not made by this compiler.
    bytes32 private constant GOLDEN_MANIFEST_ID = 0xfc63d379a603a1b7e09ed4c90d21a16b07dbfe4bc0681ca09d49edf8376786f0;

    function test_AKernelIsKeptFieldByField() public {
        Manifest memory manifest = goodManifest();
        ManifestId id = registry.manifestIdOf(manifest);
        KernelId want = registry.kernelIdOf(publisher, id);
        vm.expectEmit(address(registry));
        emit IKernelRegistry.KernelRegistered(want, publisher, id, manifest.record, "digits", "1.2.3");
        KernelId kernel = registerGood();

        assertSame(kernel, want, "id");
        assertEq(keccak256(abi.encode(registry.manifestOf(kernel))), keccak256(abi.encode(manifest)), "manifest");
        IKernelRegistry.Kernel memory kept = registry.kernelOf(kernel);
        assertEq(kept.publisher, publisher, "publisher");
        assertStatus(kernel, IKernelRegistry.Status.Registered);
        assertFalse(kept.deprecated, "deprecated");
        assertEq(kept.registeredAt, vm.getBlockNumber(), "block");
        assertEq(ManifestId.unwrap(kept.manifestId), ManifestId.unwrap(id), "manifest id");
        assertEq(RecordDigest.unwrap(kept.certificate), 0, "no certificate");
        assertSame(registry.resolve("acme", "digits", "1.2.3"), kernel, "name");
        IKernelRegistry.Terms memory terms = registry.termsOf(kernel, ANY);
        assertEq(terms.publisher, publisher, "terms: publisher");
        assertEq(uint256(terms.status), uint256(IKernelRegistry.Status.Registered), "terms: status");
        assertEq(uint256(terms.determinism), uint256(DeterminismClass.Bitwise), "terms: determinism");
        assertEq(uint256(terms.rule), uint256(AggregationRule.Exact), "terms: rule");
        assertEq(terms.authorFee, 1 gwei, "terms: fee");
    }

    function test_IdsAreWhatOtherEncodersMake() public view {
        ManifestId id = registry.manifestIdOf(goodManifest());
        assertEq(ManifestId.unwrap(id), GOLDEN_MANIFEST_ID, "manifest id");
        assertEq(
            KernelId.unwrap(registry.kernelIdOf(publisher, id)),
            keccak256(abi.encodePacked(bytes32(uint256(uint160(publisher))), GOLDEN_MANIFEST_ID)),
            "kernel id"
        );
    }

    function test_ACopiedManifestIsAnotherKernelAndTakesNothingFromItsAuthor() public {
        vm.prank(stranger);
        registry.registerPublisher("thief");
        KernelId copy = registerAs(stranger, goodManifest());
        KernelId original = registerGood();
        assertNotEq(KernelId.unwrap(copy), KernelId.unwrap(original), "two kernels");
        assertSame(registry.resolve("acme", "digits", "1.2.3"), original, "the author's name");
        assertSame(registry.resolve("thief", "digits", "1.2.3"), copy, "the copier's name");
    }

    function test_WithoutAHandleNothingIsRegistered() public {
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_NoHandle.selector, stranger));
        registerAs(stranger, goodManifest());
    }

    function test_TheSameManifestTwiceIsRefused() public {
        KernelId kernel = registerGood();
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_AlreadyRegistered.selector, kernel));
        registerGood();
    }

    function test_AVersionIsImmutable() public {
        KernelId kernel = registerGood();
        Manifest memory other = goodManifest();
        other.authorFee = 2 gwei;
        vm.expectRevert(abi.encodeWithSelector(IKernelRegistry.KernelRegistry_VersionTaken.selector, "digits", "1.2.3", kernel));
        registerAs(publisher, other);
        other.version = "1.2.4";
        registerAs(publisher, other);
        assertSame(registry.resolve("acme", "digits", "1.2.3"), kernel, "the first");
    }

    function test_MalformedNamesAndVersionsAreRefused() public {
        Manifest memory manifest = goodManifest();
        string[4] memory names = ["", "Digits", "digits-", "a/b"];
        for (uint256 i = 0; i < names.length; ++i) {
            manifest.name = names[i];
            _refused(manifest, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidName.selector, names[i]));
        }
        manifest.name = _text("a", 65);
        _refused(manifest, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidName.selector, manifest.name));
        manifest.name = _text("a", 64);
        string[4] memory versions = ["", "1.2", "01.2.3", "latest"];
        for (uint256 i = 0; i < versions.length; ++i) {
            manifest.version = versions[i];
            _refused(manifest, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidVersion.selector, versions[i]));
        }
    }

    function test_AManifestNamesItsRecord() public {
        Manifest memory manifest = goodManifest();
        manifest.record = RecordDigest.wrap(0);
        _refusedField(manifest, "record");
    }

    function test_AModelIsNamedByAContentCid() public {
        bytes32 digest = keccak256("model");
        bytes[7] memory bad = [
            bytes(""),
            abi.encodePacked(hex"01551220", bytes31(digest)),
            abi.encodePacked(hex"01551220", digest, hex"00"),
            abi.encodePacked(hex"00551220", digest),
            abi.encodePacked(hex"01711220", digest),
            abi.encodePacked(hex"01551320", digest),
            abi.encodePacked(hex"0155121f", digest)
        ];
        Manifest memory manifest = goodManifest();
        for (uint256 i = 0; i < bad.length; ++i) {
            manifest.modelCid = bad[i];
            _refusedField(manifest, "modelCid");
        }
        manifest.modelCid = abi.encodePacked(hex"01701220", digest);
        registerAs(publisher, manifest);
    }

    function test_EveryStringHasALimit() public {
        for (uint256 i = 0; i < 9; ++i) {
            (, uint256 limit) = _field(i);
            registerAs(publisher, _with(i, _text("x", limit), i));
            (string memory path,) = _field(i);
            _refused(
                _with(i, _text("x", limit + 1), 100),
                abi.encodeWithSelector(IKernelRegistry.KernelRegistry_FieldTooLong.selector, path, limit + 1, limit)
            );
        }
    }

    function test_EveryStringIsPrintable() public {
        for (uint256 i = 0; i < 9; ++i) {
            (string memory path,) = _field(i);
            _refusedField(_with(i, "line\nfeed", i), path);
            _refusedField(_with(i, unicode"größe", i), path);
            _refusedField(_with(i, string(abi.encodePacked(bytes1(0xff))), i), path);
        }
    }

    function test_AnEngineHasAName() public {
        _refusedField(_with(4, "", 0), "runtime.name");
    }

    function test_OnlyAFixedSeedHasAValue() public {
        Manifest memory manifest = goodManifest();
        manifest.seeds.policy = SeedPolicy.None;
        _refusedField(manifest, "seeds.fixedSeed");
        manifest.seeds.policy = SeedPolicy.Verifiable;
        _refusedField(manifest, "seeds.fixedSeed");
        manifest.seeds.fixedSeed = 0;
        registerAs(publisher, manifest);
        manifest.seeds.policy = SeedPolicy.Fixed;
        manifest.version = "1.2.4";
        registerAs(publisher, manifest);
    }

    function test_AggregationFitsItsRule() public {
        Manifest memory manifest = goodManifest();
        manifest.aggregation.tolerance = 1;
        _refusedField(manifest, "aggregation.tolerance");
        manifest.aggregation.sketch = "phash";
        _refusedField(manifest, "aggregation.sketch");
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "", 1);
        _refusedField(manifest, "aggregation.sketch");
        manifest.aggregation = Aggregation(AggregationRule.Hamming, "phash", 257);
        _refusedField(manifest, "aggregation.tolerance");
        manifest.aggregation.tolerance = 256;
        IKernelRegistry.Terms memory terms = registry.termsOf(registerAs(publisher, manifest), ANY);
        assertEq(uint256(terms.rule), uint256(AggregationRule.Hamming), "rule");
        assertEq(terms.tolerance, 256, "tolerance");
    }

    function test_LimitsArePositiveAndBounded() public {
        Manifest memory manifest = goodManifest();
        uint32[2] memory times = [uint32(0), 86_400_001];
        uint64[2] memory memories = [uint64(0), (1 << 42) + 1];
        uint64[2] memory outputs = [uint64(0), (1 << 36) + 1];
        for (uint256 i = 0; i < 2; ++i) {
            manifest = goodManifest();
            manifest.limits.timeMs = times[i];
            _refusedField(manifest, "limits.timeMs");
            manifest = goodManifest();
            manifest.limits.memoryBytes = memories[i];
            _refusedField(manifest, "limits.memoryBytes");
            manifest = goodManifest();
            manifest.limits.outputBytes = outputs[i];
            _refusedField(manifest, "limits.outputBytes");
        }
        manifest = goodManifest();
        manifest.limits.timeMs = 86_400_000;
        manifest.limits.memoryBytes = 1 << 42;
        manifest.limits.outputBytes = 1 << 36;
        registerAs(publisher, manifest);
    }

    /// @dev The i-th string that is not a name: its path and its limit.
    function _field(uint256 i) private pure returns (string memory path, uint256 limit) {
        string[9] memory paths = [
            "build.operatingSystem",
            "build.compiler",
            "build.compilerVersion",
            "build.compilerFlags",
            "runtime.name",
            "runtime.version",
            "runtime.options",
            "hardware.features",
            "hardware.featuresOff"
        ];
        return (paths[i], i == 3 || i >= 6 ? 2048 : 256);
    }

    /// @dev A good manifest of some patch version but for the i-th string.
    function _with(uint256 i, string memory text, uint256 patch) private pure returns (Manifest memory manifest) {
        manifest = goodManifest();
        manifest.version = string.concat("2.0.", vm.toString(patch));
        if (i == 0) manifest.build.operatingSystem = text;
        if (i == 1) manifest.build.compiler = text;
        if (i == 2) manifest.build.compilerVersion = text;
        if (i == 3) manifest.build.compilerFlags = text;
        if (i == 4) manifest.runtime.name = text;
        if (i == 5) manifest.runtime.version = text;
        if (i == 6) manifest.runtime.options = text;
        if (i == 7) manifest.hardware.features = text;
        if (i == 8) manifest.hardware.featuresOff = text;
    }

    function _refusedField(Manifest memory manifest, string memory path) private {
        _refused(manifest, abi.encodeWithSelector(IKernelRegistry.KernelRegistry_InvalidField.selector, path));
    }

    function _refused(Manifest memory manifest, bytes memory reason) private {
        vm.expectRevert(reason);
        registerAs(publisher, manifest);
    }

    function _text(bytes1 char, uint256 length) private pure returns (string memory) {
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = char;
        }
        return string(text);
    }
}
