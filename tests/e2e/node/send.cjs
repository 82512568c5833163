// `node send.cjs CLIENT URL TENANT`: sends two spans of the service `cart`, as an application does, and prints the trace id.
const [client, url, tenant] = process.argv.slice(2);
const headers = { "x-scope-orgid": tenant };

async function otlp() {
  const { context, trace, SpanKind } = require("@opentelemetry/api");
  const { OTLPTraceExporter } = require("@opentelemetry/exporter-trace-otlp-proto");
  const { resourceFromAttributes } = require("@opentelemetry/resources");
  const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
  const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces`, headers });
  const resource = resourceFromAttributes({ "service.name": "cart" });
  const provider = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  const tracer = provider.getTracer("lib");
  const root = tracer.startSpan("add", { kind: SpanKind.SERVER });
  const inner = { kind: SpanKind.CLIENT, attributes: { db: "pg" } };
  tracer.startSpan("query", inner, trace.setSpan(context.active(), root)).end();
  root.end();
  await provider.shutdown();
  return root.spanContext().traceId;
}

async function zipkin() {
  const { Annotation, BatchRecorder, ExplicitContext, Tracer, jsonEncoder } = require("zipkin");
  const { HttpLogger } = require("zipkin-transport-http");
  const endpoint = `${url}/api/v2/spans`;
  const logger = new HttpLogger({ endpoint, headers, jsonEncoder: jsonEncoder.JSON_V2, httpInterval: 20 });
  const recorder = new BatchRecorder({ logger });
  const settings = { ctxImpl: new ExplicitContext(), recorder, localServiceName: "cart", traceId128Bit: true };
  const tracer = new Tracer(settings);
  const root = tracer.createRootId();
  const during = (id, name, first, last, inside) =>
    tracer.letId(id, () => {
      tracer.recordServiceName("cart");
      tracer.recordRpc(name);
      tracer.recordAnnotation(first);
      inside();
      tracer.recordAnnotation(last);
    });
  const sent = new Promise((resolve, reject) => logger.on("success", resolve) ?? logger.on("error", reject));
  during(root, "add", new Annotation.ServerRecv(), new Annotation.ServerSend(), () =>
    during(tracer.createChildId(), "query", new Annotation.ClientSend(), new Annotation.ClientRecv(), () =>
      tracer.recordBinary("db", "pg"),
    ),
  );
  const alive = setInterval(() => {}, 1000); // its own timer lets the process end
  await sent;
  clearInterval(alive);
  return root.traceId;
}

async function jaeger() {
  const { ConstSampler, RemoteReporter, Tracer } = require("jaeger-client");
  const { default: HTTPSender } = require("jaeger-client/dist/src/reporters/http_sender.js");
  const sender = new HTTPSender({ endpoint: `${url}/api/traces` });
  Object.assign(sender._httpOptions.headers, headers); // it has no setting for them
  const reporter = new RemoteReporter(sender);
  const tracer = new Tracer("cart", reporter, new ConstSampler(true), { traceId128bit: true });
  const root = tracer.startSpan("add", { tags: { "span.kind": "server" } });
  tracer.startSpan("query", { childOf: root, tags: { "span.kind": "client", db: "pg" } }).finish();
  root.finish();
  await new Promise((resolve) => tracer.close(resolve));
  return root.context().traceIdStr;
}

const clients = { otlp, zipkin, jaeger };
clients[client]().then((traceId) => console.log(traceId));
