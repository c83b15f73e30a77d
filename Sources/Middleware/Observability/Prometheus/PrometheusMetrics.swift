import HTTPTypes

/// Shows the metrics of a ``PrometheusRegistry`` in the text format of Prometheus, version 0.0.4.
///
/// It answers GET and HEAD, and 405 to everything else, whatever the path. The page is made off the loop. It asks
/// nobody who they are: numbers of a gateway tell its customers and its origins.
///
/// ## Placement
/// On a listener of its own that strangers do not reach, or behind an authentication.
///
/// ## Example
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)
/// let metrics = Server(PrometheusMetrics(registry), listeners: [.http(host: "127.0.0.1", port: 9100)])
/// ```
public struct PrometheusMetrics: Handler {
    private let registry: PrometheusRegistry

    /// Shows that registry.
    public init(_ registry: PrometheusRegistry) { self.registry = registry }

    public var blueprint: Blueprint {
        var blueprint = Blueprint("PrometheusMetrics")
        blueprint.preview = { .answers([.get, .head].contains($0.method) ? .ok : .methodNotAllowed) }
        registry.check(&blueprint)
        return blueprint
    }

    public func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        guard request.method == .get || request.method == .head else {
            throw HTTPError(.methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
        let registry = registry
        let page = try await context.offload { registry.page }
        var response = Response(.ok, body: .text(page))
        response.headers[.contentType] = "text/plain; version=0.0.4; charset=utf-8"
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
