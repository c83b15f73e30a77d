import HTTPTypes

/// What stood in the path for the parameters of the routes that a request was taken by.
///
/// ```swift
/// Route("/v2/users/{id}") {
///     HandlerFunction { _, context in Response(.ok, body: .text(context.parameters["id"] ?? "")) }
/// }
/// ```
///
/// A value is decoded when it is read, and is data then: it can hold slashes, dots, line ends and anything else. It is
/// of the path that was matched; a rewrite inside the route does not change it.
public struct PathParameters: Sendable {
    let match: RouteMatch?

    /// The value of a parameter; of routes inside each other, the innermost that has the name decides. `nil` when none
    /// has it.
    public subscript(_ name: String) -> String? {
        var match = match
        while let each = match {
            if let place = each.pattern.place(of: name) {
                return each.target.pathSegments.dropFirst(place).first { _ in true }
            }
            match = each.outer
        }
        return nil
    }

    /// The names that have a value: the innermost route's in the order of its pattern, then those of the routes
    /// outside.
    public var names: [String] {
        var names: [String] = []
        var match = match
        while let each = match {
            for case .parameter(let name) in each.pattern.segments where !names.contains(name) { names.append(name) }
            match = each.outer
        }
        return names
    }
}

/// The parameters of the route that a request is in; none outside of any.
public enum PathParametersKey: ContextKey {
    public static var defaultValue: PathParameters { PathParameters(match: nil) }
}

extension RequestContext {
    /// The parameters of the route that the request is in: what ``PathParametersKey`` holds.
    public var parameters: PathParameters { self[PathParametersKey.self] }
}

/// A request that a route has taken: what was asked, by which pattern it was found, and inside which other route.
final class RouteMatch: Sendable {
    let question: RouteQuestion
    let pattern: RoutePattern
    let outer: RouteMatch?

    var target: RequestTarget { question.target }

    init(_ question: RouteQuestion, pattern: RoutePattern, outer: RouteMatch?) {
        self.question = question
        self.pattern = pattern
        self.outer = outer
    }
}

/// What decides about a route besides predicates on fields and the client: as the outermost router saw it.
struct RouteQuestion: Sendable {
    let method: HTTPRequest.Method
    let authority: Authority
    let target: RequestTarget

    init(_ request: borrowing Request) {
        method = request.head.method
        authority = request.head.authority
        target = request.head.target
    }
}

/// Whether the router inside a route that falls through has found nothing.
enum RouteMissKey: ContextKey {
    static var defaultValue: Bool { false }
}
