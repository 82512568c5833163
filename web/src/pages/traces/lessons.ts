import type { Lesson } from '../../components/QueryHelp';

/** TraceQL for those who begin. */
export const LESSONS: readonly Lesson[] = [
  {
    title: 'A span that meets conditions',
    lines: [
      ['{ resource.service.name = "cart" }', 'Of a service. Traces with at least one such span are found.'],
      ['{ status = error && duration > 500ms }', 'Both at once: && and || combine, ! turns round.'],
      ['{ span.http.response.status_code >= 500 }', 'An attribute of the span; resource. for what sent it.'],
      ['{ name =~ "GET /api/.*" }', 'A pattern over the whole text.'],
      ['{ span.db.system != nil }', 'It has the attribute, whatever its value.'],
    ],
  },
  {
    title: 'The trace as a whole',
    lines: [
      ['{ rootServiceName = "frontend" && traceDuration > 2s }', 'By its root and its whole duration.'],
      ['{ status = error } | count() > 3', 'More than three such spans.'],
      ['{ resource.service.name = "db" } | avg(duration) > 50ms', 'Over the spans of a trace that meet it.'],
    ],
  },
  {
    title: 'How spans stand to each other',
    lines: [
      ['{ resource.service.name = "frontend" } >> { status = error }', 'An error somewhere below the frontend.'],
      ['{ kind = server } > { span.db.system != nil }', 'Directly below.'],
      ['{ name = "GetCart" } ~ { name = "Charge" }', 'Siblings.'],
      ['{ name = "GetCart" } && { name = "Charge" }', 'Both anywhere in the trace.'],
    ],
  },
];
