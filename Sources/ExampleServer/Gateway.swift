import CoreMetrics
import HTTPTypes
import Middleware

/// The gateway of the demo: every piece of the library that exists, and two of its own.
struct Gateway {
    let chain: Pipeline

    init(origins: Origins, log: LogFormat) {
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)

        chain = Pipeline {
            RequestID()
            if let format = log.format { AccessLog(format: format) }
            ClientAddress(trusting: ["127.0.0.0/8", "::1/128"])
            Signature(text: "example")
            Paths([
                "/": HandlerFunction { _, _ in
                    var response = Response(.ok, body: .text("A gateway composed with Middleware. Try /hello\n"))
                    response.headers[.contentType] = "text/plain; charset=utf-8"
                    return response
                },
                "/hello": ReverseProxy(to: origins.hello),
                "/echo": ReverseProxy(to: origins.echo),
                "/ticks": ReverseProxy(to: origins.ticks),
                "/broken": ReverseProxy(to: origins.broken),
                "/slow": Pipeline {
                    Patience(.seconds(2))
                    ReverseProxy(to: origins.slow)
                },
                // On a listener of its own where strangers reach the gateway.
                "/metrics": PrometheusMetrics(metrics),
            ])
        }
    }
}

/// Signs every answer in the field `Server`: a middleware that awaits nothing.
struct Signature: HeadMiddleware {
    let text: String

    func before(_ request: inout Request, context: RequestContext) -> Response? { nil }

    func after(_ response: inout Response, context: RequestContext) { response.headers[.server] = text }
}

/// Waits so long for an answer and no longer: a middleware that awaits.
struct Patience: Middleware {
    private let limit: Duration

    init(_ limit: Duration) { self.limit = limit }

    func handle(_ request: consuming Request, context: RequestContext, next: some Handler) async throws -> Response {
        let scope = context.limit(to: limit)
        let response = try await next.handle(request, context: context)
        scope.lift()
        return response
    }
}

/// Hands a request to the handler of the first path that is its own or a folder above it; 404 when there is none.
///
/// `/` stands for itself alone.
struct Paths: Handler {
    private let handlers: [(path: String, handler: any Handler)]

    init(_ handlers: KeyValuePairs<String, any Handler>) {
        self.handlers = handlers.map { (path: $0.key, handler: $0.value) }
    }

    var blueprint: Blueprint {
        var blueprint = Blueprint("Paths", children: handlers.map { ($0.path, $0.handler.blueprint) })
        blueprint.preview = { [self] request in
            if let index = index(of: request.path) { .takes(index) } else { .answers(.notFound) }
        }
        return blueprint
    }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        guard let index = index(of: request.path) else { return Response(.notFound, problem: "there is nothing here") }
        return try await handlers[index].handler.handle(request, context: context)
    }

    private func index(of path: String) -> Int? {
        handlers.firstIndex { path == $0.path || path.hasPrefix($0.path + "/") && $0.path != "/" }
    }
}
