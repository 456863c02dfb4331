from __future__ import annotations

from latentia.data.progress import Progress


def test_a_long_job_says_how_far_it_is_and_a_short_one_nothing(caplog):
    with caplog.at_level("INFO", logger="latentia"):
        told = Progress(4000, "decoded", lambda count: f"{count:,} pictures", every=0)
        told.more(1000)
        told.more(3000)
        Progress(10, "decoded").more(5)
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith("decoded 1,000 pictures of 4,000 pictures, 0 s left")
