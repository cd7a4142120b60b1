"""Reads a /metrics page with Prometheus's own Python parsers: parse_metrics.py URL.

Prints the names of the families, text format first, a line each; fails where a parser does.
"""
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

FORMATS = [("text/plain", parse_text), ("application/openmetrics-text", parse_openmetrics)]


def page(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith(accept), answer.headers["Content-Type"]
        return answer.read().decode()


for accept, parse in FORMATS:
    families = list(parse(page(sys.argv[1], accept)))
    samples = sum(len(family.samples) for family in families)
    print(accept, samples, *sorted(family.name for family in families))
