import protobuf from 'protobufjs/light.js';
import { isSummary, type Metric, type MetricFamily } from './family.ts';

export const PROTOBUF_TYPE = 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited';

/** The part of Prometheus' metrics.proto that is used here: io.prometheus.client, proto2. */
const { nested } = {
  nested: {
    LabelPair: { fields: { name: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    Gauge: { fields: { value: { type: 'double', id: 1 } } },
    Counter: { fields: { value: { type: 'double', id: 1 } } },
    Quantile: { fields: { quantile: { type: 'double', id: 1 }, value: { type: 'double', id: 2 } } },
    Summary: {
      fields: { sampleCount: { type: 'uint64', id: 1 }, sampleSum: { type: 'double', id: 2 }, quantile: { rule: 'repeated', type: 'Quantile', id: 3 } },
    },
    MetricType: { values: { COUNTER: 0, GAUGE: 1, SUMMARY: 2 } },
    Metric: {
      fields: {
        label: { rule: 'repeated', type: 'LabelPair', id: 1 },
        gauge: { type: 'Gauge', id: 2 },
        counter: { type: 'Counter', id: 3 },
        summary: { type: 'Summary', id: 4 },
      },
    },
    MetricFamily: {
      fields: {
        name: { type: 'string', id: 1 },
        help: { type: 'string', id: 2 },
        type: { type: 'MetricType', id: 3 },
        metric: { rule: 'repeated', type: 'Metric', id: 4 },
      },
    },
  },
};

export const PROMETHEUS_SCHEMA = protobuf.Root.fromJSON({ nested });
const Family = PROMETHEUS_SCHEMA.lookupType('MetricFamily');
const TYPES = { counter: 0, gauge: 1, summary: 2 };

/** Families one after another, each behind its length as a varint. */
export function protobufExposition(families: readonly MetricFamily[]): Buffer {
  return Buffer.concat(families.map((family) => Family.encodeDelimited(message(family)).finish()));
}

function message({ name, help, type, metrics }: MetricFamily): Record<string, unknown> {
  return { name, help, type: TYPES[type], metric: metrics.map((metric) => ({ label: metric.labels.map(([label, value]) => ({ name: label, value })), ...content(type, metric) })) };
}

function content(type: MetricFamily['type'], metric: Metric): Record<string, unknown> {
  if (!isSummary(metric)) return { [type]: { value: metric.value } };
  return { summary: { sampleCount: metric.count, sampleSum: metric.sum, quantile: metric.quantiles } };
}
