"""Counters shared by processes."""

import os

from node.metrics import NAMES, Metrics


def test_counts_of_all_processes_are_summed() -> None:
    metrics = Metrics()
    metrics.request("ckan", 200, 0.01)
    pid = os.fork()
    if pid == 0:
        metrics.join(1)
        metrics.request("ckan", 204, 3.0)
        os._exit(0)
    os.waitpid(pid, 0)
    text = metrics.text({"terrace_position": 7})
    assert 'terrace_requests_total{face="ckan",status="2xx"} 2' in text
    assert 'terrace_request_seconds_bucket{face="ckan",le="0.02"} 1' in text
    assert 'terrace_request_seconds_bucket{face="ckan",le="+Inf"} 2' in text
    assert 'terrace_request_seconds_count{face="ckan"} 2' in text
    assert text.endswith("terrace_position 7\n")


def test_every_counter_has_help_and_one_type() -> None:
    lines = Metrics().text({}).splitlines()
    helped = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(helped) == len(set(helped))
    assert len([line for line in lines if not line.startswith("#")]) >= len(NAMES)
