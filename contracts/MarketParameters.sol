// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IMarketParameters} from "./interfaces/IMarketParameters.sol";
import {CommitteeSize} from "./libraries/CommitteeSize.sol";

/// @title What the market charges, takes and waits. See IMarketParameters.
/// @notice Properties that the tests hold it to:
///         1. Every version is within the bounds, which are fixed at deployment.
///         2. Only the owner changes anything, and ownership moves in two steps.
///         3. Nothing here can move money, or touch a job that has been requested.
contract MarketParameters is IMarketParameters, Ownable2Step {
    /// @notice Wei. No requester pays more for a seat, or for a unit of callback gas, whoever owns this.
    uint96 public constant GREATEST_SEAT_FEE = 100 ether;
    uint64 public constant GREATEST_DELIVERY_FEE = 10_000 gwei;
    /// @notice Seconds. A member needs time to compute, and to get a transaction into a block.
    uint32 public constant LEAST_WINDOW = 1;

    /// @dev Three words if the flag had one of its own; there is room for it in the second.
    struct Kept {
        uint96 seatFee;
        uint64 deliveryFeePerGas;
        uint96 deviationSlash;
        uint96 absenceSlash;
        uint32 openWindow;
        uint32 commitWindow;
        uint32 revealWindow;
        uint32 challengeWindow;
        bool paused;
    }

    Kept private _kept;
    Bounds private _bounds;
    /// @inheritdoc IMarketParameters
    uint256 public version;

    constructor(address owner_, Bounds memory bounds_, Parameters memory first) Ownable(owner_) {
        _bounds = bounds_;
        _set(first);
    }

    /// @inheritdoc IMarketParameters
    function set(Parameters calldata parameters) external onlyOwner {
        _set(parameters);
    }

    /// @inheritdoc IMarketParameters
    function setPaused(bool paused_) external onlyOwner {
        _kept.paused = paused_;
        emit PauseChanged(paused_);
    }

    /// @inheritdoc IMarketParameters
    function forNewJob() external view returns (Parameters memory) {
        Kept memory kept = _kept;
        require(!kept.paused, MarketParameters_Paused());
        return _of(kept);
    }

    /// @inheritdoc IMarketParameters
    function current() external view returns (Parameters memory) {
        return _of(_kept);
    }

    /// @inheritdoc IMarketParameters
    function paused() external view returns (bool) {
        return _kept.paused;
    }

    /// @inheritdoc IMarketParameters
    function bounds() external view returns (Bounds memory) {
        return _bounds;
    }

    function _set(Parameters memory p) private {
        Bounds memory b = _bounds;
        _require(p.seatFee <= GREATEST_SEAT_FEE, "seatFee");
        _require(p.deliveryFeePerGas <= GREATEST_DELIVERY_FEE, "deliveryFeePerGas");
        // Whoever weighs something can pay for one fault in full.
        _require(p.deviationSlash <= b.greatestSlash, "deviationSlash");
        // A withheld opening must cost at least as much as a wrong one, and silence at most as much.
        _require(p.absenceSlash <= p.deviationSlash, "absenceSlash");
        // A seed that comes as late as it may can still be used.
        _require(p.openWindow >= b.leastOpenWindow && p.openWindow >= LEAST_WINDOW, "openWindow");
        _require(p.commitWindow >= b.leastCommitWindow && p.commitWindow >= LEAST_WINDOW, "commitWindow");
        _require(p.revealWindow >= LEAST_WINDOW, "revealWindow");
        _require(p.challengeWindow >= LEAST_WINDOW, "challengeWindow");
        uint256 round = uint256(p.commitWindow) + p.revealWindow;
        uint256 lastDraw = p.openWindow + CommitteeSize.LAST_ROUND * (round + p.openWindow);
        _require(lastDraw <= b.longestDraw, "openWindow, commitWindow, revealWindow: longestDraw");
        _require(lastDraw + round + p.challengeWindow <= b.longestLife, "windows: longestLife");
        _kept = Kept(
            p.seatFee,
            p.deliveryFeePerGas,
            p.deviationSlash,
            p.absenceSlash,
            p.openWindow,
            p.commitWindow,
            p.revealWindow,
            p.challengeWindow,
            _kept.paused
        );
        emit ParametersChanged(++version, p);
    }

    function _of(Kept memory k) private pure returns (Parameters memory) {
        return Parameters(
            k.seatFee,
            k.deliveryFeePerGas,
            k.deviationSlash,
            k.absenceSlash,
            k.openWindow,
            k.commitWindow,
            k.revealWindow,
            k.challengeWindow
        );
    }

    function _require(bool within, string memory parameter) private pure {
        require(within, MarketParameters_OutOfBounds(parameter));
    }
}
