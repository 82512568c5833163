import type { Lesson } from '../../components/QueryHelp';

/** PromQL for those who begin; `/` docs have the rest. */
export const LESSONS: readonly Lesson[] = [
  {
    title: 'Choose series',
    lines: [
      ['up', 'All series of a metric.'],
      ['up{job="shop"}', 'Only those with this label. != is not, =~ matches a pattern, !~ does not.'],
      ['{"http.server.request.duration"}', 'A name with dots stands in quotes, within the braces.'],
    ],
  },
  {
    title: 'Counters grow: look at their rate',
    lines: [
      ['rate(http_requests_total[5m])', 'Per second, over the last five minutes; restarts are allowed for.'],
      ['increase(http_requests_total[1h])', 'How much more within an hour.'],
      ['irate(http_requests_total[5m])', 'Of the last two points alone: quick to react, and rough.'],
    ],
  },
  {
    title: 'Many series into few',
    lines: [
      ['sum by (service_name) (rate(http_requests_total[5m]))', 'One series for each service.'],
      ['topk(5, sum by (path) (rate(http_requests_total[5m])))', 'The five largest at each moment.'],
      ['avg without (instance) (memory_bytes)', 'Over instances; every other label is kept.'],
      ['count by (version) (up)', 'How many there are of each.'],
    ],
  },
  {
    title: 'Histograms',
    lines: [
      [
        'histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[5m])))',
        'The 95th percentile; `le` must be kept by the sum.',
      ],
      [
        'sum(rate(request_seconds_sum[5m])) / sum(rate(request_seconds_count[5m]))',
        'The mean. Dots on the chart are exemplars: a click opens the trace.',
      ],
    ],
  },
  {
    title: 'Compare and predict',
    lines: [
      ['memory_bytes / memory_limit_bytes > 0.9', 'Only series for which it holds.'],
      ['rate(errors_total[5m]) / on (job) rate(requests_total[5m])', 'Series of the same job are divided.'],
      ['memory_bytes offset 1d', 'As it was a day ago.'],
      ['predict_linear(disk_free_bytes[6h], 4 * 3600)', 'Where the line leads in four hours.'],
      ['max_over_time(memory_bytes[1d])', 'The largest within a day.'],
      ['absent(up{job="shop"})', '1 when there is no such series.'],
    ],
  },
];
