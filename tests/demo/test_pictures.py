"""The demo draws its own pictures and films its own videos."""

from __future__ import annotations

import io

import av
import pytest
from PIL import Image

from mystar.demo import fixtures, pictures, videos


def test_every_portrait_is_different() -> None:
    portraits = [pictures.jpeg(pictures.portrait(star.look)) for star in fixtures.STARS]
    assert len(set(portraits)) == len(fixtures.STARS)
    for data in portraits:
        with Image.open(io.BytesIO(data)) as picture:
            assert (picture.format, picture.size) == ("JPEG", (pictures.SIDE, pictures.SIDE))


def test_every_category_has_its_own_picture() -> None:
    drawn = {pictures.jpeg(pictures.emblem(one.emblem, one.top, one.bottom)) for one in fixtures.CATEGORIES}
    assert len(drawn) == len(fixtures.CATEGORIES) == len({one.emblem for one in fixtures.CATEGORIES})


def test_a_demo_video_moves_for_two_seconds() -> None:
    video = videos.greeting(pictures.portrait(fixtures.STARS[0].look))
    assert video.extension == "mp4"
    assert _length(video) == pytest.approx(videos.SECONDS, abs=0.1)
    with av.open(io.BytesIO(video.data)) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        frames = [frame.to_image().tobytes() for frame in film.decode(video=0)]
    assert len(set(frames)) == len(frames) > videos.SECONDS


def test_without_an_h264_encoder_the_video_is_webm() -> None:
    video = videos.greeting(pictures.portrait(fixtures.STARS[0].look), wanted="no_such_encoder")
    assert video.extension == "webm"
    assert _length(video) == pytest.approx(videos.SECONDS, abs=0.1)


def _length(video: videos.Video) -> float:
    """Seconds."""
    with av.open(io.BytesIO(video.data)) as film:
        return (film.duration or 0) / av.time_base
