/** The PromQL that most people want, as a form: one metric, conditions, a function over time, a sum over labels. */

export interface Condition {
  label: string;
  op: string;
  value: string;
}

export interface Built {
  metric: string;
  conditions: Condition[];
  /** '' : the value itself. */
  over: string;
  window: string;
  /** Of a classic histogram, between 0 and 1; '' : none. */
  quantile: string;
  aggregate: string;
  by: string[];
}

export const OPERATORS = ['=', '!=', '=~', '!~'];
export const OVER = ['rate', 'increase', 'delta', 'avg_over_time', 'max_over_time', 'min_over_time', 'sum_over_time'];
export const AGGREGATES = ['sum', 'avg', 'min', 'max', 'count'];
export const WINDOWS = ['1m', '5m', '15m', '1h', '6h', '1d'];

export const NOTHING: Built = {
  metric: '',
  conditions: [],
  over: '',
  window: '5m',
  quantile: '',
  aggregate: '',
  by: [],
};

const NAME = /^[a-zA-Z_:][\w:]*$/;
const LABEL = /^[a-zA-Z_]\w*$/;

function label(name: string): string {
  return LABEL.test(name) ? name : JSON.stringify(name);
}

/** A form as text; '' without a metric. */
export function writePromql(built: Built): string {
  if (!built.metric) return '';
  const plain = NAME.test(built.metric);
  const inside = built.conditions
    .filter(({ label: name }) => name)
    .map(({ label: name, op, value }) => `${label(name)}${op}${JSON.stringify(value)}`);
  const braces = [...(plain ? [] : [JSON.stringify(built.metric)]), ...inside].join(', ');
  let text = `${plain ? built.metric : ''}${braces ? `{${braces}}` : ''}`;
  if (built.over) text = `${built.over}(${text}[${built.window || '5m'}])`;
  const by = built.quantile ? ['le', ...built.by.filter((name) => name !== 'le')] : built.by;
  const aggregate = built.quantile ? 'sum' : built.aggregate;
  if (aggregate)
    text = `${aggregate}${by.length ? ` by (${by.map(label).join(', ')})` : ''}${by.length ? ' ' : ''}(${text})`;
  return built.quantile ? `histogram_quantile(${built.quantile}, ${text})` : text;
}

/** A node of `/prometheus/api/v1/parse_query`. */
export interface Tree {
  type: string;
  op?: string;
  name?: string;
  val?: string;
  range?: number;
  offset?: number;
  timestamp?: number | null;
  startOrEnd?: string | null;
  anchored?: boolean;
  smoothed?: boolean;
  without?: boolean;
  grouping?: string[];
  param?: Tree | null;
  matchers?: { name: string; value: string; type: string }[];
  expr?: Tree;
  func?: { name: string };
  args?: Tree[];
}

/** What the form can show of a query; null: the query says more than that. */
export function readPromql(tree: Tree): Built | null {
  if (tree.type === 'call' && tree.func?.name === 'histogram_quantile') {
    const [quantile, inner] = tree.args ?? [];
    const built = quantile?.type === 'numberLiteral' && inner ? readPromql(inner) : null;
    if (built?.aggregate !== 'sum' || built.quantile || !built.by.includes('le')) return null;
    return { ...built, quantile: quantile?.val ?? '', aggregate: '', by: built.by.filter((name) => name !== 'le') };
  }
  if (tree.type === 'aggregation') {
    const built = tree.expr && !tree.param && !tree.without ? readPromql(tree.expr) : null;
    if (!built || built.aggregate || built.quantile || !AGGREGATES.includes(tree.op ?? '')) return null;
    return { ...built, aggregate: tree.op ?? '', by: tree.grouping ?? [] };
  }
  if (tree.type === 'call') {
    const [matrix] = tree.args ?? [];
    if (matrix?.type !== 'matrixSelector' || tree.args?.length !== 1 || !OVER.includes(tree.func?.name ?? ''))
      return null;
    const built = readSelector(matrix);
    return built && { ...built, over: tree.func?.name ?? '', window: duration(matrix.range ?? 0) };
  }
  return tree.type === 'vectorSelector' ? readSelector(tree) : null;
}

function readSelector({ name, matchers = [], offset, timestamp, startOrEnd, anchored, smoothed }: Tree): Built | null {
  if (offset || timestamp || startOrEnd || anchored || smoothed) return null;
  const named = matchers.find((matcher) => matcher.name === '__name__');
  const metric = name || (named?.type === '=' ? named.value : '');
  if (!metric) return null;
  const conditions = matchers
    .filter((matcher) => matcher.name !== '__name__')
    .map(({ name: of, type, value }) => ({ label: of, op: type, value }));
  return { ...NOTHING, metric, conditions };
}

function duration(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const [unit, size] = units.find(([, length]) => ms % length === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}
