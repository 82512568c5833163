"""Which columns of the cohort's spans a statement reads, so that no other is touched, and its bound values."""

from traceo.store.binding import Bindings

# Attributes are most of what reading a span costs (0.4 of 0.5 CPU-s per million): they are read for policies only.
NO_PARENT = "unhex('0000000000000000')"
IS_ROOT = f"parent_span_id = {NO_PARENT}"


class SpanColumns:
    """The columns of table `spans` that conditions of one statement have asked for.

    `bindings.params` MUST have `tenant`: conditions on resources and scopes are asked of their side tables.
    """

    def __init__(self, bindings: Bindings) -> None:
        self.bindings = bindings
        self.used: set[str] = set()
        self.keys: dict[str, str] = {}  # attribute's name -> its name, bound

    def bind(self, value: str | bytes | int | float) -> str:
        """SQL for a value."""
        return self.bindings.bind(value)

    def column(self, name: str) -> str:
        """SQL for a column, which is now read."""
        self.used.add(name)
        return f"`{name}`" if "." in name else name

    def resource_where(self, condition: str) -> str:
        """SQL: the span's resource meets a condition on table `resources`."""
        return self._side("resource_id", "resources", condition)

    def scope_where(self, condition: str) -> str:
        """SQL: the span's instrumentation scope meets a condition on table `scopes`."""
        return self._side("scope_id", "scopes", condition)

    def attribute(self, key: str) -> str:
        """SQL for the span's attribute, encoded, "" if it has none: a column of `select_from`, looked up once."""
        if key not in self.keys:
            self.keys[key] = self.bind(key)
        self.column("attributes")
        return f"attribute_{list(self.keys).index(key)}"

    def resource_attribute(self, key: str) -> str:
        """SQL for the same of a row of `resources`."""
        return f"attributes[{self.keys[key] if key in self.keys else self.bind(key)}]"

    def select_from(self, spans: str, columns: str) -> str:
        """What to select from: the SELECT of the spans' columns, and the attributes that were asked for."""
        if not self.keys:
            return f"({spans})"
        values = ", ".join(f"attributes[{key}] AS attribute_{number}" for number, key in enumerate(self.keys.values()))
        return f"(SELECT {columns}, {values} FROM ({spans}))"

    def resource_value(self, resource_id: str, expression: str) -> str:
        """SQL for a value of a resource, from an expression over `resources`; "" for one that is not there.

        A look-up in constants: a join would carry the spans' attributes through, at 0.4 CPU-s per million spans.
        """
        found = f"SELECT id, {expression} AS value FROM resources WHERE tenant = {{tenant:String}}"
        values = f"{found} ORDER BY id LIMIT 1 BY id"
        ids, texts = f"(SELECT groupArray(id) FROM ({values}))", f"(SELECT groupArray(value) FROM ({values}))"
        return f"transform({resource_id}, {ids}, {texts}, '')"

    def _side(self, column: str, table: str, condition: str) -> str:
        ids = f"SELECT id FROM {table} WHERE tenant = {{tenant:String}} AND {condition}"
        return f"{self.column(column)} IN ({ids})"
