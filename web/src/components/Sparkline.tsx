interface Props {
  values: readonly (number | null)[];
  label: string;
  color?: string;
  width?: number;
  height?: number;
}

/** A small line without axes; `label` says in words what it shows. */
export function Sparkline({ values, label, color = 'var(--accent)', width = 96, height = 22 }: Props) {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  const top = Math.max(...known, 0) || 1;
  const step = width / Math.max(values.length - 1, 1);
  const place = (value: number) => height - 2 - (value / top) * (height - 4);
  let drawn = '';
  let pen = false;
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      pen = false;
      return;
    }
    drawn += `${pen ? 'L' : 'M'}${(index * step).toFixed(1)} ${place(value).toFixed(1)}`;
    pen = true;
  });
  return (
    <svg width={width} height={height} role="img" aria-label={label} style={{ display: 'block' }}>
      <path d={drawn} fill="none" stroke={color} strokeWidth={1.5} strokeLinejoin="round" />
    </svg>
  );
}
