import { Group } from '@mantine/core';
import { QueryField, type QueryFieldProps } from '../../components/QueryField';
import { type Lesson, QueryHelp } from '../../components/QueryHelp';
import { LESSONS as LOGQL } from '../logs/lessons';
import { useLogWords } from '../logs/words';
import { LESSONS as PROMQL } from '../metrics/lessons';
import { useMetricWords } from '../metrics/words';
import { LESSONS as TRACEQL } from '../traces/lessons';
import { useTraceWords } from '../traces/words';
import { LANGUAGES, type Language } from './model';

const LESSONS: Partial<Record<Language, readonly Lesson[]>> = { promql: PROMQL, logql: LOGQL, traceql: TRACEQL };
const FIELDS: Record<Language, (props: QueryFieldProps) => React.ReactNode> = {
  promql: MetricsField,
  logql: LogsField,
  traceql: TracesField,
  sql: QueryField,
};

interface Props {
  label: string;
  language: Language;
  value: string;
  change: (text: string) => void;
  /** Told when the language's help opens and closes. */
  helped: (opened: boolean) => void;
}

/** The text of a panel's query: completed and explained as where one explores. */
export function QueryText({ label, language, value, change, helped }: Props) {
  const Field = FIELDS[language];
  const lessons = LESSONS[language];
  return (
    <Group gap="xs" align="flex-start" wrap="nowrap">
      <Field
        key={language}
        {...{ label, value, change }}
        placeholder={LANGUAGES[language].example}
        minRows={2}
        maxRows={10}
        maxLength={10_000}
      />
      {lessons && <QueryHelp language={LANGUAGES[language].label} lessons={lessons} take={change} toggled={helped} />}
    </Group>
  );
}

function MetricsField(props: QueryFieldProps) {
  return <QueryField {...props} complete={useMetricWords()} />;
}

function LogsField(props: QueryFieldProps) {
  return <QueryField {...props} complete={useLogWords()} />;
}

function TracesField(props: QueryFieldProps) {
  return <QueryField {...props} complete={useTraceWords()} />;
}
