/** A curve the size of a word. */

const WIDTH = 96;
const HEIGHT = 22;

/** The path of `values`, oldest at the left, 0 at the bottom; empty when there is nothing to draw. */
export function sparkPath(values: readonly number[], width = WIDTH, height = HEIGHT): string {
  if (values.length < 2) return '';
  const highest = Math.max(1, ...values);
  const step = width / (values.length - 1);
  return values
    .map((value, index) => {
      const x = Math.round(index * step * 10) / 10;
      const y = Math.round((height - 1 - (Math.max(0, value) / highest) * (height - 2)) * 10) / 10;
      return `${index === 0 ? 'M' : 'L'}${x} ${y}`;
    })
    .join('');
}

/** Decoration beside its figure; the figure is what is read. */
export function Spark({ values }: { values: readonly number[] }) {
  const path = sparkPath(values);
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {path !== '' && <path d={`${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} class="spark-area" />}
      {path !== '' && <path d={path} class="spark-line" />}
    </svg>
  );
}
