import HTTPTypes
import Middleware

/// Answers with its name, the pattern that led to it and the parameters asked for.
struct Named: Handler {
    let name: String

    init(_ name: String) { self.name = name }

    func handle(_ request: consuming Request, context: RequestContext) async throws -> Response {
        var response = Response(.ok, body: .text(name))
        response.headers[.route] = context[RoutePatternKey.self]
        let parameters = context.parameters
        response.headers[.parameters] = parameters.names.map { "\($0)=\(parameters[$0] ?? "none")" }
            .joined(separator: "&")
        response.headers[.seen] = "\(request.method.rawValue) \(request.target)"
        return response
    }
}

extension HTTPField.Name {
    static let route = HTTPField.Name("x-route")!
    static let parameters = HTTPField.Name("x-parameters")!
    static let seen = HTTPField.Name("x-seen")!
    static let tenant = HTTPField.Name("x-tenant")!
    static let beta = HTTPField.Name("x-beta")!
}
