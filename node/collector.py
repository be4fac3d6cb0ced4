"""Python's collector of circles: for processes that make much and hold few of them."""

import gc

__all__ = ["collect_seldom"]


def collect_seldom(every: int = 20_000) -> None:
    """Sets the collector for this process and its children: what is there now it leaves alone, and so shared; at what comes it looks seldom.

    Requests, batches of a peer and records that are taken in hold few circles; looking for them as often as is usual takes a seventh of a batch's time.

    Args:
        every: how many new objects make it look; a load makes some hundred for each record and lets them go with the batch.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(every, 20)
