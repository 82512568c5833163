import { Link } from '@tanstack/react-router';

/** A node's id is its type and name. */
export function NodeLink({ id }: { id: string }) {
  const [type = '', ...rest] = id.split(':');
  const name = rest.join(':');
  if (type !== 'service') return <>{`${name || '(none)'} (${type})`}</>;
  return (
    <Link to="/services/$service" params={{ service: name }} className="link">
      {name}
    </Link>
  );
}
