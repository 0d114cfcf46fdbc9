from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivm.execution import frames
from aivm.execution.frames import Frame, FrameError

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
headers = st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), values, max_size=4)


@given(st.lists(st.builds(Frame, header=headers, payload=st.binary(max_size=64)), max_size=4))
def test_frames_come_out_as_they_went_in(sent):
    stream = io.BytesIO()
    for frame in sent:
        frames.write(stream, frame)
    stream.seek(0)
    assert list(iter(lambda: frames.read(stream), None)) == sent


@given(st.builds(Frame, header=headers, payload=st.binary(min_size=1, max_size=64)), st.data())
def test_a_stream_that_ends_within_a_frame_is_an_error(frame, data):
    stream = io.BytesIO()
    frames.write(stream, frame)
    cut = data.draw(st.integers(1, len(stream.getvalue()) - 1))
    with pytest.raises(FrameError):
        frames.read(io.BytesIO(stream.getvalue()[:cut]))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_frame_or_the_packages_own_error(data):
    try:
        frame = frames.read(io.BytesIO(data))
    except FrameError:
        return
    assert frame is None or data.startswith(frames.encode(frame) + frame.payload)


def test_sizes_over_their_limits_are_refused_before_anything_is_read():
    with pytest.raises(FrameError, match="announces 11 bytes"):
        frames.sizes(frames.PREFIX.pack(2, 11), 10)
    with pytest.raises(FrameError, match="header"):
        frames.sizes(frames.PREFIX.pack(frames.MAX_HEADER + 1, 0), 10)


def test_a_header_over_its_limit_is_not_written():
    with pytest.raises(FrameError, match="header"):
        frames.encode(Frame(header={"text": "x" * frames.MAX_HEADER}))
