"""Metadata of a video, read by FFmpeg."""

from __future__ import annotations

import av

from mystar.files.decoder.job import Job, Refused, Result


def work(job: Job) -> Result:
    """Reads the index and the first picture, whatever the size of the video.

    :raises Refused: broken, cut off, too costly, or no picture in it.
    """
    try:
        # The demuxer is named and the address is a plain file: no playlist can make FFmpeg open something else.
        with av.open(f"file:{job.path}", format=job.reader) as container:
            stream = next(iter(container.streams.video), None)
            if stream is None:
                # Without any stream, the tables were more than the memory holds.
                raise Refused("only_sound" if container.streams.audio else "broken")
            if not stream.codec_context.width or not stream.codec_context.height:
                raise Refused("no_picture")
            if next(container.demux(stream)).size == 0:
                raise Refused("no_picture")
            picture = stream.codec_context
            # FFmpeg counts in microseconds.
            duration = round(container.duration / 1000) if container.duration and container.duration > 0 else None
            return Result(duration_ms=duration, width=picture.width, height=picture.height, codec=picture.name)
    except StopIteration as error:
        raise Refused("broken") from error
