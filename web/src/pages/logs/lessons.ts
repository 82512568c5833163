import type { Lesson } from '../../components/QueryHelp';

/** LogQL for those who begin. */
export const LESSONS: readonly Lesson[] = [
  {
    title: 'Choose lines',
    lines: [
      ['{service_name="cart"}', 'All lines of a service.'],
      ['{service_name=~"cart|payment"}', 'Of several: =~ matches a pattern, != and !~ leave out.'],
      ['{service_name="cart"} |= "timeout"', 'With a text; != without it, |~ and !~ with a pattern.'],
    ],
  },
  {
    title: 'Look into lines',
    lines: [
      ['{service_name="cart"} | detected_level="error"', 'By a field that came with the line.'],
      ['{service_name="cart"} | json | status >= 500', 'Lines that are JSON: their fields become labels.'],
      ['{service_name="cart"} | logfmt | duration > 1s', 'The same for key=value.'],
      ['{service_name="proxy"} | pattern "<ip> - <_> \\"<method> <path>\\""', 'Fields by a pattern.'],
      ['{service_name="cart"} | line_format "{{.detected_level}}: {{.__line__}}"', 'Shows lines in another way.'],
      ['{service_name=~".+"} | trace_id="5105105105105105105105105105105a"', 'All lines of a trace.'],
    ],
  },
  {
    title: 'Count them',
    lines: [
      ['sum by (service_name) (count_over_time({service_name=~".+"}[1m]))', 'How many lines in each minute.'],
      ['sum by (service_name) (rate({service_name=~".+"} | detected_level="error" [5m]))', 'Errors a second.'],
      [
        'quantile_over_time(0.95, {service_name="cart"} | logfmt | unwrap duration_seconds(duration) [5m])',
        'Numbers out of lines: here their 95th percentile.',
      ],
      ['topk(5, sum by (service_name) (bytes_over_time({service_name=~".+"}[1h])))', 'Who writes most.'],
    ],
  },
];
