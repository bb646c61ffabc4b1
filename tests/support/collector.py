"""A collector of OpenTelemetry: keeps what it receives, and shows the metrics in the format that Prometheus reads.

It runs with the Python of a project that has OpenTelemetry's packages: `python collector.py PORT`.
"""

import http.server
import json
import sys

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

# The lines of each process, since it sends its totals each time.
metrics = {}
spans = []


def values(attributes):
    """Return name -> value of attributes."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def line(name, labels, value):
    text = ",".join(f"{key.replace('.', '_')}={json.dumps(str(value))}" for key, value in labels.items())
    return f"{name}{{{text}}} {value}"


def lines(metric, origin):
    """Yield the series of a metric, with the names that OpenTelemetry's specification has for Prometheus."""
    name = metric.name.replace(".", "_") + {"s": "_seconds", "": ""}[metric.unit]
    for point in metric.gauge.data_points:
        yield line(name, {**origin, **values(point.attributes)}, point.as_int)
    for point in metric.histogram.data_points:
        labels, total = {**origin, **values(point.attributes)}, 0
        for bound, count in zip([*point.explicit_bounds, "+Inf"], point.bucket_counts):
            total += count
            yield line(f"{name}_bucket", {**labels, "le": bound}, total)
        yield line(f"{name}_sum", labels, point.sum)
        yield line(f"{name}_count", labels, point.count)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/metrics":
            for each in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                resource = values(each.resource.attributes)
                origin = {"job": resource["service.name"], "instance": resource["service.instance.id"]}
                found = [metric for scope in each.scope_metrics for metric in scope.metrics]
                metrics[origin["instance"]] = [text for metric in found for text in lines(metric, origin)]
        elif self.path == "/v1/traces":
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                for span in (span for scope in each.scope_spans for span in scope.spans):
                    ids = {"trace": span.trace_id.hex(), "id": span.span_id.hex(), "parent": span.parent_span_id.hex()}
                    spans.append({"name": span.name, **ids, "all": str(span)})
        self.answer(b"")

    def do_GET(self):
        text = "".join(f"{line}\n" for lines in metrics.values() for line in lines)
        shown = {"/metrics": text, "/spans": json.dumps(spans)}
        self.answer(shown[self.path].encode())

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
